/**
 * What do decode and normalise of the access-log source cost per event, JSON.parse included?
 * `node test/bench/access-log.ts`: CPU time of this process, best of seven rounds, redaction left out.
 * Workloads: MCP gateway events of about 686 bytes (100 per body, NDJSON and array), nginx combined lines.
 */
import type { CleanRecord, Log } from '../../src/core/ports.ts'
import type { IntakeRequest, Source } from '../../src/core/source.ts'
import { realDisk } from '../../src/lib/disk.ts'
import accessLog from '../../src/sources/access-log.ts'

const silent: Log = { info() {}, warn() {}, error() {} }
const source: Source = accessLog.open(accessLog.options.parse({}), {
  id: 'edge',
  clock: { now: () => 0, sleep: async () => {} },
  disk: realDisk,
  log: silent,
  loopback: true
})

const TOOLS = ['github.create_issue', 'slack.post_message', 'postgres.query', 'jira.search', 'fs.read_file']
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
let state = 7
/** A small fixed generator, so that every run has the same workload. */
const next = (below: number) => (state = (state * 48271) % 2147483647) % below
const word = (length: number) => Array.from({ length }, () => ALPHABET[next(62)]).join('')
const pad = (value: number, width: number) => String(value).padStart(width, '0')

function mcpEvent(i: number): string {
  const tool = TOOLS[i % TOOLS.length]
  const path = i % 10 === 0 ? `/mcp/sse?access_token=${word(32)}&session=${word(12)}` : '/mcp'
  return JSON.stringify({
    time: `2026-11-22T04:${pad(Math.floor(i / 60) % 60, 2)}:${pad(i % 60, 2)}.${pad(i % 1000, 3)}Z`,
    msg: `POST tools/call ${tool} -> 200 in ${next(900)}ms`,
    request: {
      id: word(16),
      method: 'POST',
      path,
      remote_addr: `10.${i % 256}.0.7`,
      user_agent: `claude-code/1.0.${i % 50} (node 20)`,
      headers: {
        host: `mcp-${i % 60}.internal`,
        authorization: `Bearer ${word(i % 3 === 0 ? 150 : 40)}`,
        'content-type': 'application/json',
        'mcp-session-id': word(24),
        'x-forwarded-for': `203.0.113.${i % 250}`
      }
    },
    response: { status: i % 20 === 0 ? 401 : 200, bytes: next(90000), duration_ms: next(900) },
    mcp: { server: `mcp-${i % 60}`, method: 'tools/call', tool, jsonrpc_id: i, client: `agent-${i % 200}` },
    actor: { user: `user${i % 200}@example.com`, team: `team-${i % 12}` }
  })
}

const combined = (i: number) =>
  `10.${i % 256}.0.7 - - [22/Nov/2026:04:${pad(Math.floor(i / 60) % 60, 2)}:${pad(i % 60, 2)} +0000] "POST /mcp?session=${word(12)} HTTP/1.1" ${i % 20 === 0 ? 401 : 200} ${next(90000)} "-" "claude-code/1.0.${i % 50} (node 20)"`

function request(body: string): IntakeRequest {
  const fixed = { method: 'POST', path: '', query: new URLSearchParams(), headers: new Map(), receivedAt: 0 }
  return { ...fixed, body: Buffer.from(body), remoteAddress: '127.0.0.1' }
}

function cost(bodies: readonly IntakeRequest[]): { events: number; microseconds: number } {
  let best = Number.POSITIVE_INFINITY
  let events = 0
  for (let round = 0; round < 8; round++) {
    events = 0
    const before = process.cpuUsage()
    for (const body of bodies) {
      for (const record of source.decode?.(body).records ?? []) {
        const clean: CleanRecord = { data: record.data, raw: record.raw ?? '', credentials: [] }
        if (source.normalise(clean, { sourceId: 'edge', receivedAt: 0 })) events++
      }
    }
    const used = process.cpuUsage(before)
    // The first round warms up.
    if (round > 0) best = Math.min(best, (used.user + used.system) / events)
  }
  return { events, microseconds: best }
}

const BODIES = 400
const LINES = 100
const bodies = (line: (i: number) => string, join: (lines: string[]) => string) =>
  Array.from({ length: BODIES }, (_, b) =>
    request(join(Array.from({ length: LINES }, (_, i) => line(b * LINES + i))))
  )

const ndjson = (lines: string[]) => `${lines.join('\n')}\n`
const WORKLOADS: readonly [name: string, bodies: readonly IntakeRequest[]][] = [
  ['MCP gateway events, NDJSON', bodies(mcpEvent, ndjson)],
  ['MCP gateway events, JSON array', bodies(mcpEvent, lines => `[${lines.join(',')}]`)],
  ['nginx combined lines', bodies(combined, ndjson)]
]

for (const [name, load] of WORKLOADS) {
  const bytes = load.reduce((sum, { body }) => sum + body.length, 0) / (BODIES * LINES)
  const { events, microseconds } = cost(load)
  console.log(
    `${name} (${bytes.toFixed(0)} B, ${events} events): decode + normalise ${microseconds.toFixed(2)} µs of CPU per event`
  )
}
