/**
 * What indexing one event costs: CPU of the whole process (DuckDB's threads, log, checkpoint and fsync
 * included) per event, with 60 servers, 200 actors, 2,000 credentials, 250 addresses and 6 tools; and how long
 * queries over the result take. Run: node test/bench/store.ts [events] [batch].
 */
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { apiActivity } from '../../src/core/build.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import type { Entry } from '../../src/core/ports.ts'
import type { EventQuery } from '../../src/core/store.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { uuidV7 } from '../../src/lib/event-id.ts'
import { openDuckStore } from '../../src/store/duckdb.ts'

const EVENTS = Number(process.argv[2] ?? 1_000_000)
const BATCH = Number(process.argv[3] ?? 5000)
const THREADS = Number(process.argv[4] ?? 1)
const MEMORY_MIB = Number(process.argv[5] ?? 64)
const START = 1_760_000_000_000
const EVENTS_PER_MS = 0.02
const LINE_BYTES = 650

const newId = uuidV7()
let state = 7
const below = (count: number) => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
  return Math.floor((state / 0x80000000) * count)
}

function line(): string {
  const time = START
  const server = `mcp-server-${below(60)}`
  const failed = below(10) === 0
  const event = apiActivity({
    time,
    activity: 'read',
    status: failed ? 'failure' : 'success',
    api: { operation: 'tools/call', service: { name: server } },
    actor: { user: { name: `svc-agent-${below(200)}`, uid: `u-${below(200)}` } },
    src: { ip: `10.0.0.${below(250)}` },
    dst: { hostname: `${server}.example.com` },
    request: { http_method: 'POST', url: { path: '/mcp' } },
    response: { code: failed ? 401 : 200 },
    keywatch: {
      action: 'mcp.tools/call',
      environment: 'production',
      credentials: [
        {
          fingerprint: `kwfp1.k1.${String(below(2000)).padStart(22, 'A')}`,
          type: 'github-pat',
          where: 'request.headers.authorization',
          use: below(50) === 0 ? 'exposed' : 'presented'
        }
      ],
      mcp: { method: 'tools/call', tool: `tool_${below(6)}`, server: { name: server } }
    }
  })
  event.unmapped.keywatch.source = 'gateway'
  event.unmapped.keywatch.source_type = 'otlp'
  return JSON.stringify(event)
}
const LINES = Array.from({ length: 20_000 }, line)

/** A batch as the journal yields it: parsed from lines. */
function batchAt(first: number): Entry[] {
  return Array.from({ length: Math.min(BATCH, EVENTS - first) }, (_, at) => {
    const sequence = first + at
    const event: OcsfEvent = JSON.parse(LINES[sequence % LINES.length] ?? '')
    event.time = START + Math.floor(sequence / EVENTS_PER_MS)
    event.metadata.logged_time = event.time + 5
    event.metadata.uid = newId(event.time)
    return { sequence, pointer: { segment: 1, offset: sequence * LINE_BYTES, length: LINE_BYTES }, event }
  })
}

const cpuUs = () => {
  const { user, system } = process.cpuUsage()
  return user + system
}
const rssMiB = () => Math.round(process.memoryUsage.rss() / 1024 ** 2)
const heapMiB = () => Math.round(process.memoryUsage().heapTotal / 1024 ** 2)
const log = { info: console.log, warn: console.warn, error: console.error }

const folder = await mkdtemp(join(tmpdir(), 'keywatch-bench-store-'))
const path = join(folder, 'index.duckdb')
const open = () => openDuckStore({ path, memoryMiB: MEMORY_MIB, threads: THREADS, log, clock: systemClock })
console.log(`events ${EVENTS}, batches of ${BATCH}, threads ${THREADS}, memory limit ${MEMORY_MIB} MiB`)
console.log(`RSS before opening ${rssMiB()} MiB`)
const store = await open()
console.log(`RSS after opening an empty folder ${rssMiB()} MiB`)

// Parsing the same lines without indexing them is the baseline that is subtracted.
let known: Entry | undefined
const parsing = cpuUs()
for (let first = 0; first < EVENTS; first += BATCH) known = batchAt(first)[0]
const indexing = cpuUs()
let slowestMs = 0
for (let first = 0; first < EVENTS; first += BATCH) {
  const entries = batchAt(first)
  if (first <= EVENTS / 2) known = entries[0]
  const started = performance.now()
  await store.put('events', { entries, next: `{"at":${first + entries.length}}` })
  slowestMs = Math.max(slowestMs, performance.now() - started)
}
await store.flush()
await store.close()
const spent = cpuUs() - indexing - (indexing - parsing)
const { size } = await stat(path)
console.log(
  `index: ${(spent / EVENTS).toFixed(2)} us of CPU per event, ${(size / EVENTS).toFixed(1)} B per event`
)
console.log(`slowest put ${slowestMs.toFixed(0)} ms, RSS ${rssMiB()} MiB (JavaScript heap ${heapMiB()})`)

const again = await open()
const newest = START + EVENTS / EVENTS_PER_MS
const queries: Record<string, EventQuery> = {
  'newest 100': { limit: 100 },
  'last hour, one server': { from: newest - 3_600_000, server: 'mcp-server-7', limit: 100 },
  'one actor, 401, all time': { actor: 'svc-agent-11', statusCode: 401, limit: 100 },
  'server by wildcard, one ip': { server: '*-server-1*', ip: '10.0.0.9', limit: 100 },
  'one credential': { credentials: [`kwfp1.k1.${'17'.padStart(22, 'A')}`], limit: 100 },
  'an absent actor': { actor: 'nobody', limit: 100 },
  'one event by id': { uid: known?.event.metadata.uid ?? '', limit: 1 }
}
for (const [name, query] of Object.entries(queries)) {
  const cold = performance.now()
  const hits = await again.events(query)
  const warm = performance.now()
  await again.events(query)
  const ms = [warm - cold, performance.now() - warm].map(value => value.toFixed(1))
  console.log(`query ${name}: ${hits.length} hits, ${ms[0]} ms first, ${ms[1]} ms again`)
}
const started = performance.now()
const [summary] = await again.credential([`kwfp1.k1.${'17'.padStart(22, 'A')}`])
console.log(`credential summary: ${summary?.events} events, ${(performance.now() - started).toFixed(1)} ms`)
console.log(`RSS ${rssMiB()} MiB`)
await again.close()
await rm(folder, { recursive: true })
