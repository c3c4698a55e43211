/** A deliverer over fakes of its ports, and a sink that does what a test says and remembers what it took. */
import type { Metrics } from '../../src/core/ports.ts'
import type { Encoded, Sink, Verdict } from '../../src/core/sink.ts'
import { createDeliverer, type DelivererOptions, type SinkSetup } from '../../src/deliver/deliver.ts'
import { memoryJournal } from '../fakes/journal.ts'
import { fakeLog } from '../fakes/log.ts'
import { sampleEvent } from '../sinks/sample.ts'
import { memoryDisk } from './memory-disk.ts'
import { virtualClock } from './virtual-clock.ts'

export const DATA = '/data'
export const LIMITS = { events: 10, bytes: 100_000, entryBytes: 50_000 }
export const ACCEPTED: Verdict = { kind: 'accepted' }
export const RETRY: Verdict = { kind: 'retry', reason: 'HTTP 503' }
export const HOLD: Verdict = { kind: 'hold', reason: 'HTTP 401' }

export const uid = (n: number): string => sampleEvent(n).metadata.uid
export const uidsOf = (batch: readonly Encoded[]): string[] => batch.map(one => one.entry.event.metadata.uid)

export interface FakeSink extends Sink {
  /** Ids taken, in order, doubles included. */
  readonly taken: string[]
  /** Sizes of all batches that were sent, whatever became of them. */
  readonly sizes: number[]
  /** Times of all sends, ms. */
  readonly times: number[]
  /** What to say to a batch; what it accepts is taken. */
  behave(judge: (batch: readonly Encoded[], signal: AbortSignal) => Verdict | Promise<Verdict>): void
}

export function fakeSink(now: () => number = () => 0): FakeSink {
  let judge: (batch: readonly Encoded[], signal: AbortSignal) => Verdict | Promise<Verdict> = () => ACCEPTED
  const sink: FakeSink = {
    taken: [],
    sizes: [],
    times: [],
    encode: entry => JSON.stringify(entry.event),
    async send(batch, signal) {
      sink.sizes.push(batch.length)
      sink.times.push(now())
      const verdict = await judge(batch, signal)
      if (verdict.kind === 'accepted') {
        const rejected = new Set(verdict.rejected?.map(one => one.index))
        sink.taken.push(...uidsOf(batch).filter((_, index) => !rejected.has(index)))
      }
      return verdict
    },
    behave(next) {
      judge = next
    }
  }
  return sink
}

export interface FakeMetrics extends Metrics {
  readonly counts: Map<string, number>
  readonly gauges: Map<string, number>
}

export function fakeMetrics(): FakeMetrics {
  const counts = new Map<string, number>()
  const gauges = new Map<string, number>()
  const key = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    [name, ...Object.values(labels)].join(' ')
  return {
    counts,
    gauges,
    count: (name, labels, by = 1) => counts.set(key(name, labels), (counts.get(key(name, labels)) ?? 0) + by),
    gauge: (name, labels, value) => gauges.set(key(name, labels), value),
    observe: () => {}
  }
}

/** Everything but the sinks. What is given replaces the fake. */
export function bench(given: Partial<DelivererOptions> = {}) {
  const clock = virtualClock()
  const disk = memoryDisk()
  const log = fakeLog()
  const metrics = fakeMetrics()
  const events = memoryJournal('events')
  const findings = memoryJournal('findings')
  const deliverer = (sinks: SinkSetup[], more: Partial<DelivererOptions> = {}) =>
    createDeliverer({
      sinks,
      journals: { events, findings },
      disk,
      dataDir: DATA,
      clock,
      random: () => 0.5,
      metrics,
      log,
      redactText: text => text.replaceAll('s3cret', '[redacted]'),
      ...given,
      ...more
    })
  const setup = (sink: Sink, more: Partial<SinkSetup> = {}): SinkSetup => ({
    id: 'siem',
    sink,
    limits: LIMITS,
    ...more
  })
  const append = (from: number, to: number) =>
    events.append(Array.from({ length: to - from }, (_, n) => sampleEvent(from + n, clock.now() - 10)))
  return { clock, disk, log, metrics, events, findings, deliverer, setup, append }
}

export const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, n) => uid(from + n))
