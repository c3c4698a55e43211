/**
 * The deliverer: brings both journals to every sink, at least once and in order per journal, from durable
 * cursors. Each sink has its own lanes, gate and dead letters, so that a stuck one delays nothing else.
 * All retrying, measuring and logging of delivery is here; a sink maps and sends.
 */
import { reasonOf } from '../core/errors.ts'
import type { Clock, Disk, Entry, Journal, Log, Metrics } from '../core/ports.ts'
import type { Sink } from '../core/sink.ts'
import type { JournalName } from '../core/store.ts'
import { type Backoff, HOLD_BACKOFF, RETRY_BACKOFF } from './backoff.ts'
import { openCursors } from './cursor.ts'
import { createDeadLetters, type DeadLetters } from './dead-letter.ts'
import { type DeadLetterFile, openDeadLetterFile } from './dead-letter-file.ts'
import { createGate, type GateState } from './gate.ts'
import { createLane, type Lane } from './lane.ts'
import { fulfilRequests } from './redeliver.ts'
import type { Courier, Totals } from './settle.ts'

/** One configured sink. */
export interface SinkSetup {
  readonly id: string
  readonly sink: Sink
  /** From the sink's definition. */
  readonly limits: { readonly events: number; readonly bytes: number; readonly entryBytes: number }
  /** From the configuration; only lowers the limits. `lib/delivery-options.ts` reads these four. */
  readonly batch?: { readonly events?: number; readonly bytes?: number; readonly ageMs?: number }
  readonly from?: 'beginning' | 'now'
  readonly expireAfterMs?: number
  /** The option `where`: what is not accepted is passed over. Must not throw. */
  readonly accepts?: (entry: Entry, journal: JournalName) => boolean
}

export interface DelivererOptions {
  readonly sinks: readonly SinkSetup[]
  readonly journals: Readonly<Record<JournalName, Journal>>
  readonly disk: Disk
  readonly dataDir: string
  readonly clock: Clock
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly metrics: Metrics
  readonly log: Log
  /** Redactor.text: vendors' answers pass it before they are stored or shown. */
  readonly redactText: (text: string) => string
  /** How long `stop` waits for what is in flight. Default 5 s. */
  readonly graceMs?: number
  readonly retry?: Backoff
  readonly hold?: Backoff
  readonly deadLetterBytesMax?: number
}

export interface SinkStatus {
  readonly id: string
  /** `idle`: nothing to do. `retrying`, `open`: failing, the latter probed only. `held`: needs a human. */
  readonly state: 'idle' | 'delivering' | Exclude<GateState, 'closed'>
  readonly reason?: string
  /** ms */
  readonly since?: number
  readonly nextTryAt?: number
  readonly failures: number
  /** Entries not settled, per journal. */
  readonly lag: Readonly<Record<JournalName, number>>
  readonly oldestSeconds: number
  /** Since the start. */
  readonly accepted: number
  readonly lastAcceptedAt?: number
  readonly deadLetters: number
}

export interface Deliverer {
  /** Opens cursors and dead letters and begins. Rejects if the disk does. */
  start(): Promise<void>
  status(): SinkStatus[]
  /** Begins nothing new, waits for what is in flight within the grace, saves cursors, closes sinks. */
  stop(): Promise<void>
  readonly dlq: DeadLetters
}

const REASON_CHARACTERS_MAX = 600
const BATCH_AGE_MS = 1_000
const EXPIRE_AFTER_MS = 7 * 86_400_000
const SEND_LIMIT_MS = 120_000
const BREAKER_FAILURES = 5
const PROBE_ENTRIES = 10
/** How often gauges are set and requests for dead letters are looked for. */
const WATCH_MS = 2_000

interface Route {
  readonly courier: Courier
  readonly lanes: readonly Lane[]
  readonly save: () => Promise<void>
  readonly deadLetters: DeadLetterFile
}

/** One line of bounded length without control characters: a vendor's text goes to logs and terminals. */
const cleaner = (redactText: (text: string) => string) => (reason: string) =>
  redactText(reason.slice(0, 4 * REASON_CHARACTERS_MAX))
    .replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .slice(0, REASON_CHARACTERS_MAX)
    .toWellFormed()

async function openRoute(
  setup: SinkSetup,
  options: DelivererOptions,
  signals: { stopping: AbortSignal; killed: AbortSignal }
): Promise<Route> {
  const { disk, dataDir, clock, log, metrics, random } = options
  const { id, sink, limits, batch = {} } = setup
  const place = { disk, dataDir, sinkId: id, clock }
  const cursors = await openCursors({ ...place, log })
  const bytesMax = options.deadLetterBytesMax
  const deadLetters = await openDeadLetterFile({ ...place, ...(bytesMax !== undefined && { bytesMax }) })
  const totals: Totals = {
    accepted: 0,
    lastAcceptedAt: undefined,
    failingSince: undefined,
    blocked: undefined
  }
  const courier: Courier = {
    id,
    sink,
    deadLetters,
    clock,
    metrics,
    log,
    totals,
    ...signals,
    expireAfterMs: setup.expireAfterMs ?? EXPIRE_AFTER_MS,
    sendLimitMs: SEND_LIMIT_MS,
    clean: cleaner(options.redactText),
    gate: createGate({
      clock,
      random,
      retry: options.retry ?? RETRY_BACKOFF,
      hold: options.hold ?? HOLD_BACKOFF,
      breakerFailures: BREAKER_FAILURES,
      probeEntries: PROBE_ENTRIES
    })
  }
  const lane = (name: JournalName) =>
    createLane({
      name,
      journal: options.journals[name],
      cursors,
      courier,
      random,
      accepts: entry => setup.accepts?.(entry, name) ?? true,
      limits: {
        events: Math.min(limits.events, batch.events ?? limits.events),
        bytes: Math.min(limits.bytes, batch.bytes ?? limits.bytes),
        entryBytes: limits.entryBytes,
        ageMs: batch.ageMs ?? BATCH_AGE_MS
      },
      from: setup.from ?? 'beginning'
    })
  // Findings first: where both wait for a turn, the few that matter are not behind the many.
  return { courier, lanes: [lane('findings'), lane('events')], save: () => cursors.save(), deadLetters }
}

function statusOf({ courier, lanes, deadLetters }: Route): SinkStatus {
  const { state, ...gate } = courier.gate.status()
  const lag = { events: 0, findings: 0 }
  let oldest: number | undefined
  for (const lane of lanes) {
    lag[lane.name] = lane.lag()
    const time = lane.oldest()
    if (time !== undefined) oldest = Math.min(oldest ?? time, time)
  }
  const { blocked, accepted, lastAcceptedAt } = courier.totals
  const working = lag.events + lag.findings > 0 ? 'delivering' : 'idle'
  return {
    id: courier.id,
    state: blocked !== undefined ? 'held' : state === 'closed' ? working : state,
    ...gate,
    ...(blocked !== undefined && { reason: blocked }),
    lag,
    oldestSeconds: oldest === undefined ? 0 : Math.max(0, (courier.clock.now() - oldest) / 1000),
    accepted,
    ...(lastAcceptedAt !== undefined && { lastAcceptedAt }),
    deadLetters: deadLetters.count()
  }
}

function measure(route: Route, metrics: Metrics): void {
  const { id, lag, oldestSeconds, state } = statusOf(route)
  metrics.gauge('keywatch_sink_lag_entries', { sink: id }, lag.events + lag.findings)
  metrics.gauge('keywatch_sink_oldest_seconds', { sink: id }, oldestSeconds)
  metrics.gauge('keywatch_sink_held', { sink: id }, state === 'held' ? 1 : 0)
}

/** Gauges and dead-letter requests of one sink, until it is stopped. */
async function watch(route: Route, { disk, dataDir, clock, log, metrics }: DelivererOptions): Promise<void> {
  const { stopping, id } = route.courier
  let busy: Promise<void> | undefined
  while (!stopping.aborted) {
    measure(route, metrics)
    // Beside the gauges, which must go on while a request waits for a sink that is down.
    busy ??= fulfilRequests(route.courier, disk, dataDir)
      .catch(error => log.error({ sink: id, reason: reasonOf(error) }, 'a request for dead letters failed'))
      .finally(() => {
        busy = undefined
      })
    await clock.sleep(WATCH_MS, stopping)
  }
  await busy
}

export function createDeliverer(options: DelivererOptions): Deliverer {
  const { clock, log, metrics } = options
  const stopping = new AbortController()
  const killed = new AbortController()
  const routes: Route[] = []
  let running: Promise<unknown> = Promise.resolve()

  return {
    dlq: createDeadLetters(options),
    async start() {
      const signals = { stopping: stopping.signal, killed: killed.signal }
      for (const setup of options.sinks) routes.push(await openRoute(setup, options, signals))
      running = Promise.all(
        routes.flatMap(route => [...route.lanes.map(lane => lane.run()), watch(route, options)])
      )
      // Nothing in it rejects; if a bug does, it must not be silent.
      running.catch(error => log.error({ reason: reasonOf(error) }, 'delivery has stopped: a bug'))
    },
    status: () => routes.map(statusOf),
    async stop() {
      stopping.abort()
      const done = new AbortController()
      const grace = clock.sleep(options.graceMs ?? 5_000, done.signal).then(() => killed.abort())
      await running.catch(() => {})
      done.abort()
      await grace
      for (const route of routes) {
        measure(route, metrics)
        await route.save()
        await route.deadLetters.close()
        try {
          await route.courier.sink.close?.()
        } catch (error) {
          log.warn({ sink: route.courier.id, reason: reasonOf(error) }, 'a sink did not close')
        }
      }
    }
  }
}
