/**
 * Speed of the redactor on one core. `node test/bench/redact.ts [events.ndjson]`: without a file, events of the same
 * shape as the shared workload are made (MCP gateway events of about 690 bytes, a credential in every one).
 * Prints figures; fails nothing.
 */
import { existsSync, readFileSync } from 'node:fs'
import type { RawRecord } from '../../src/core/ports.ts'
import { createRedactor } from '../../src/redact/redact.ts'
import { fake } from '../../src/redact/rules/rule.ts'

const ROUNDS = 5

function madeUp(count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const credential = [
      `Bearer ${part({ alg: 'RS256', typ: 'JWT' })}.${part({ sub: `user${i}@example.com`, exp: 1767225600, aud: 'mcp' })}.${fake(64, 'base62', i)}`,
      `Bearer ghp_${fake(36, 'base62', i)}`,
      `Bearer sk_live_${fake(32, 'base62', i)}`,
      `Bearer xoxb-${fake(12, 'digits', i)}-${fake(24, 'base62', i)}`,
      `Basic ${Buffer.from(`svc${i}:${fake(20, 'base62', i)}`).toString('base64')}`
    ][i % 5]
    return JSON.stringify({
      time: '2026-11-22T04:00:00.000Z',
      msg: `POST tools/call github.create_issue -> 200 in 612ms${i % 20 ? '' : ` upstream said: invalid key AKIA${fake(16, 'base32', i)}`}`,
      request: {
        id: fake(16, 'base62', i),
        method: 'POST',
        path:
          i % 10 ? '/mcp' : `/mcp/sse?access_token=${fake(32, 'base62', i)}&session=${fake(12, 'base62', i)}`,
        remote_addr: '10.0.0.7',
        user_agent: 'claude-code/1.0.0 (node 20)',
        headers: {
          host: 'mcp-0.internal',
          authorization: credential,
          'content-type': 'application/json',
          'mcp-session-id': fake(24, 'base62', i),
          'x-forwarded-for': '203.0.113.0'
        }
      },
      response: { status: 200, bytes: 51929, duration_ms: 308 },
      mcp: {
        server: 'mcp-0',
        method: 'tools/call',
        tool: 'github.create_issue',
        jsonrpc_id: i,
        client: 'agent-0'
      },
      actor: { user: `user${i % 200}@example.com`, team: 'team-0' }
    })
  })
}

/** CPU microseconds per item, the best of some rounds after one to warm up. */
function cost(items: number, run: () => void): number {
  run()
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / items)
  }
  return best
}

const file = process.argv[2]
const lines = file && existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : madeUp(20_000)
const bytes = lines.reduce((sum, line) => sum + line.length, 0) / lines.length
const redactor = createRedactor({ keys: [{ id: 'bench', master: Buffer.alloc(32, 7), state: 'live' }] })
const parsed = lines.map((raw): RawRecord => ({ data: JSON.parse(raw), raw, kind: 'json' }))
const cleaned = parsed.map(record => redactor.record(record))
/** The same events with harmless names and values where the credentials stood. */
const harmless = cleaned.map((record): RawRecord => {
  const raw = record.raw
    .replace(/\[REDACTED:[^\]]*\]/g, 'harmless-value-of-some-length')
    .replace(/"authorization":"(?:Bearer|Basic) /, '"accept":"')
    .replace('mcp-session-id', 'x-request-id')
    .replace('access_token', 'page')
  return { data: JSON.parse(raw), raw, kind: 'json' }
})

const report = (name: string, microseconds: number, size: number) =>
  console.log(
    `${name.padEnd(58)} ${microseconds.toFixed(2).padStart(7)} us  ${(size / microseconds).toFixed(0).padStart(5)} MB/s`
  )

console.log(
  `MCP gateway events: ${lines.length} of ${bytes.toFixed(0)} bytes, ${cleaned.reduce((n, r) => n + r.credentials.length, 0)} credentials listed`
)
report(
  'JSON.parse alone',
  cost(lines.length, () => lines.forEach(line => void JSON.parse(line))),
  bytes
)
report(
  'JSON.stringify of clean data alone',
  cost(lines.length, () => cleaned.forEach(r => void JSON.stringify(r.data))),
  bytes
)
report(
  'record(), text of the changed data included',
  cost(lines.length, () => parsed.forEach(r => void redactor.record(r))),
  bytes
)
report(
  'record() of events without credentials',
  cost(lines.length, () => harmless.forEach(r => void redactor.record(r))),
  bytes
)

const nginx = Array.from({ length: 20_000 }, (_, i): RawRecord => {
  const data = {
    remote_addr: `203.0.113.${i % 250}`,
    remote_user: '-',
    time_local: '22/Nov/2026:04:00:00 +0000',
    method: 'GET',
    path: `/assets/app-${fake(8, 'hex', i)}.js?v=${i}&lang=en`,
    protocol: 'HTTP/1.1',
    status: 200,
    bytes: 51929,
    referer: 'https://www.example.com/dashboard/overview?tab=servers',
    user_agent:
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36'
  }
  const raw = `${data.remote_addr} - - [${data.time_local}] "GET ${data.path} HTTP/1.1" 200 51929 "${data.referer}" "${data.user_agent}"`
  return { data, raw, kind: 'line' }
})
const lineBytes = nginx.reduce((sum, record) => sum + (record.raw?.length ?? 0), 0) / nginx.length
console.log(`nginx lines without credentials: ${nginx.length} of ${lineBytes.toFixed(0)} bytes`)
report(
  'record(), fields and line',
  cost(nginx.length, () => nginx.forEach(r => void redactor.record(r))),
  lineBytes
)
report(
  'text(), the line alone',
  cost(nginx.length, () => nginx.forEach(r => void redactor.text(r.raw ?? ''))),
  lineBytes
)
