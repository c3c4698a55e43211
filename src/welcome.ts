/** What a new user can try: three commands that work as printed against the sources that are configured. */
import type { Config } from './config/schema.ts'

const find = (config: Config, type: string) =>
  [...config.sources.values()].find(source => source.type === type)?.id

/** Lines for the terminal. Only what this configuration can answer is offered. */
export function examples(config: Config, http: string): string {
  const log = find(config, 'access-log')
  const auth = config.tokens.length > 0 ? " -H 'Authorization: Bearer <token>'" : ''
  const lines = ['', 'Three things to try:']
  if (log !== undefined) {
    const line = `127.0.0.1 - - [22/Nov/2026:04:31:14 +0000] "GET /mcp?access_token=example-secret HTTP/1.1" 401 0 "-" "curl/8"`
    lines.push(`  1. Send a log line:   curl${auth} ${http}/ingest/${log} --data-binary '${line}'`)
  }
  lines.push(`  2. See it redacted:   curl${auth} '${http}/api/v1/events?limit=1'`)
  lines.push(`  3. Who used a secret: echo -n example-secret | npm run -s keywatch -- lookup`)
  lines.push('', `Realistic traffic with an attack in it: npm run -s keywatch -- gen --send`)
  return lines.join('\n')
}
