/** Made-up traffic through the real sources, redactor, contexts, journal and detectors, in a temporary folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import calendar from '../../src/context/calendar.ts'
import inventory from '../../src/context/inventory.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import type { EntryBatch } from '../../src/core/ports.ts'
import type { IntakeRequest, IntakeResult } from '../../src/core/source.ts'
import type { CredentialSummary } from '../../src/core/store.ts'
import { createDetectorEngine } from '../../src/detect/engine.ts'
import { readDetectorFolder } from '../../src/detect/load.ts'
import { createIngest } from '../../src/ingest.ts'
import { realDisk } from '../../src/lib/disk.ts'
import accessLog from '../../src/sources/access-log.ts'
import doppler from '../../src/sources/doppler.ts'
import otlp from '../../src/sources/otlp.ts'
import { openDuckStore } from '../../src/store/duckdb.ts'
import { type Delivery, deliveries, dopplerSignature } from '../../src/traffic/deliveries.ts'
import type { Channel } from '../../src/traffic/record.ts'
import { fleetOf, type TrafficOptions, traffic } from '../../src/traffic/traffic.ts'
import { fakeClock } from '../fakes/clock.ts'
import { fakeLog } from '../fakes/log.ts'
import { openTestJournal } from '../journal/setup.ts'
import { redactor } from '../redact/support.ts'
import { LIMITS, noMetrics } from '../spine/setup.ts'

/** Friday. */
export const MORNING = Date.UTC(2026, 10, 20, 9)
export const DAY: TrafficOptions = { seed: 7, start: MORNING, minutes: 60, rate: 60, attack: true }

const SECRET = 'whsec_fake'
const ROUTES: Readonly<Record<Channel, readonly ['hooks' | 'ingest' | 'otlp', string, string]>> = {
  'access-log': ['ingest', 'edge', ''],
  gateway: ['ingest', 'gateway', ''],
  doppler: ['hooks', 'doppler', ''],
  'otlp-logs': ['otlp', '', 'v1/logs'],
  'otlp-traces': ['otlp', '', 'v1/traces']
}
const DETECTORS = await readDetectorFolder(
  realDisk,
  fileURLToPath(new URL('../../detectors', import.meta.url))
)

function requestOf(
  { channel, contentType, body }: Delivery,
  path: string,
  receivedAt: number
): IntakeRequest {
  const headers = new Map([['content-type', [contentType]]])
  if (channel === 'doppler') headers.set('x-doppler-signature', [dopplerSignature(SECRET, body)])
  return {
    method: 'POST',
    path,
    query: new URLSearchParams(),
    headers,
    body: Buffer.from(body),
    remoteAddress: '127.0.0.1',
    receivedAt
  }
}

export interface Played {
  readonly events: readonly OcsfEvent[]
  readonly findings: readonly OcsfEvent[]
  readonly result: IntakeResult
  readonly records: number
  /** Answers that were no 200. */
  readonly refusals: readonly number[]
  /** What the index says of a secret. */
  lookup(secret: string): readonly CredentialSummary[]
}

const definitions = { edge: accessLog, gateway: accessLog, doppler, otlp } as const

async function openIngest(options: TrafficOptions, folder: string, calendarOptions: object | undefined) {
  const clock = fakeClock(options.start + options.minutes * 60_000)
  const context = { clock, disk: realDisk, log: fakeLog(), loopback: false }
  const journal = await openTestJournal(realDisk, join(folder, 'events'), {
    clock,
    segmentBytes: 1 << 26,
    pendingBytesMax: 1 << 26
  })
  const servers = fleetOf(options).servers.map(({ name, host, environment, audience }) => ({
    name,
    hosts: [host],
    environment,
    audience
  }))
  const ingest = createIngest({
    sources: [
      { id: 'edge', type: 'access-log', source: open('edge', { format: 'nginx-combined' }) },
      { id: 'gateway', type: 'access-log', source: open('gateway', { format: 'json' }) },
      { id: 'doppler', type: 'doppler', source: open('doppler', { secret: SECRET }) },
      { id: 'otlp', type: 'otlp', source: open('otlp', {}) }
    ],
    redactor,
    contexts: [
      calendar.open(calendar.options.parse(calendarOptions)),
      inventory.open(inventory.options.parse({ servers }))
    ],
    journal,
    metrics: noMetrics,
    clock,
    log: fakeLog(),
    limits: { ...LIMITS, recordsPerBody: 10_000 },
    span: (_name, _attributes, run) => run()
  })
  function open(id: 'edge' | 'gateway', given: { format: string }): ReturnType<typeof accessLog.open>
  function open(id: 'doppler' | 'otlp', given: object): ReturnType<typeof doppler.open>
  function open(id: keyof typeof definitions, given: object) {
    if (id === 'doppler') return doppler.open(doppler.options.parse(given), { ...context, id })
    if (id === 'otlp') return otlp.open(otlp.options.parse(given), { ...context, id })
    return accessLog.open(accessLog.options.parse(given), { ...context, id })
  }
  return { ingest, journal, clock }
}

/** Plays the traffic of these options; `calendar` as in keywatch.yml. Findings are those of all detectors there are. */
export async function play(options: TrafficOptions, calendarOptions?: object): Promise<Played> {
  const folder = await mkdtemp(join(tmpdir(), 'keywatch-traffic-'))
  try {
    const { ingest, journal, clock } = await openIngest(options, folder, calendarOptions)
    const sum = { accepted: 0, quarantined: 0, duplicates: 0 }
    const refusals: number[] = []
    let records = 0
    for (const delivery of deliveries(traffic(options), { recordsMax: 500, windowMs: 60_000 })) {
      const [route, id, path] = ROUTES[delivery.channel]
      const target = ingest.target(route, id)
      if (target === undefined) throw new RangeError(`no source for ${delivery.channel}`)
      const answer = await ingest.receive(target, requestOf(delivery, path, clock.now()))
      answer.settled?.(true)
      records += delivery.records
      const told = JSON.parse(answer.body.toString()) as Partial<IntakeResult>
      if (answer.status !== 200) refusals.push(answer.status)
      sum.accepted += told.accepted ?? (route === 'otlp' ? delivery.records : 0)
      sum.quarantined += told.quarantined ?? 0
      sum.duplicates += told.duplicates ?? 0
      if (route === 'otlp' && JSON.stringify(told) !== '{}' && !('partialSuccess' in told)) refusals.push(0)
    }
    const batches: EntryBatch[] = []
    for await (const batch of journal.read(null)) batches.push(batch)
    await journal.close()
    const entries = batches.flatMap(batch => batch.entries)
    const findings = createDetectorEngine({ files: DETECTORS }).evaluate(entries)
    const summaries = await indexOf(batches, folder)
    return {
      events: entries.map(entry => entry.event),
      findings,
      result: sum,
      records,
      refusals,
      lookup: secret => {
        const fingerprints = redactor.fingerprints(secret)
        return summaries.filter(one => fingerprints.includes(one.fingerprint))
      }
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** What the index knows of every credential. */
async function indexOf(batches: readonly EntryBatch[], folder: string): Promise<CredentialSummary[]> {
  const store = await openDuckStore({
    path: join(folder, 'index.duckdb'),
    memoryMiB: 64,
    threads: 1,
    log: fakeLog(),
    clock: fakeClock()
  })
  const fingerprints = new Set<string>()
  for (const batch of batches) {
    await store.put('events', batch)
    for (const { event } of batch.entries)
      for (const { fingerprint } of event.unmapped.keywatch.credentials ?? [])
        if (fingerprint !== undefined) fingerprints.add(fingerprint)
  }
  await store.flush()
  const found = await store.credential([...fingerprints])
  await store.close()
  return found
}
