/**
 * The whole program: opens every part, connects them, and closes them in the right order. The one file that
 * knows all of them.
 */

import { type Api, createApi } from './api/server.ts'
import type { Catalog } from './catalog.ts'
import { checkpointNow, runCheckpoints } from './checkpoints.ts'
import type { Environment } from './config/environment.ts'
import type { Config } from './config/schema.ts'
import { PRODUCT } from './core/build.ts'
import type { Context } from './core/context.ts'
import { KeywatchError, reasonOf } from './core/errors.ts'
import type { Clock, Disk, Log } from './core/ports.ts'
import type { Sink } from './core/sink.ts'
import { createDeliverer, type SinkSetup } from './deliver/deliver.ts'
import { createDerive } from './derive.ts'
import { createIngest, type OpenSource } from './ingest.ts'
import { loadSigner } from './journal/checkpoint.ts'
import { lockFolder } from './journal/lock.ts'
import { createMetrics } from './lib/metrics.ts'
import { compileWhere } from './lib/where.ts'
import { auditInto } from './own-events.ts'
import {
  JOURNALS,
  journalFolder,
  keysFolder,
  openDetectors,
  openJournal,
  openRedactor,
  openStore,
  snapshotPath
} from './parts.ts'
import { runPulls } from './pulls.ts'
import { stateFile } from './state-file.ts'
import { createLog, startTelemetry, type Telemetry } from './telemetry.ts'

export interface ServiceOptions {
  readonly config: Config
  readonly catalog: Catalog
  readonly environment: Environment
  readonly clock: Clock
  readonly disk: Disk
  /** Uniform in [0, 1). */
  readonly random: () => number
}

export interface Service {
  readonly http: string
  readonly otlp?: string
  /** Finishes what is under way, saves positions, closes everything. */
  stop(): Promise<void>
  /** Rejects if a part that must not end has failed: a bug. */
  readonly failed: Promise<never>
}

const SNAPSHOT_EVERY_MS = 30_000
/** How long a stop may spend on the index; what is left is done by the next start. */
const LAST_INDEX_MS = 3_000

function openSources({ config, catalog, clock, disk }: ServiceOptions, log: Log): OpenSource[] {
  return [...config.sources.values()].map(({ id, type, options }) => {
    const definition = catalog.sources.get(type)
    if (definition === undefined)
      throw new KeywatchError('KW_CONFIG_INVALID', `there is no source type for ${id}`)
    return { id, type, source: definition.open(options, { id, clock, disk, log, loopback: config.loopback }) }
  })
}

function openContexts({ config, catalog }: ServiceOptions): Context[] {
  const found: Context[] = []
  for (const [name, options] of config.contexts) {
    const definition = catalog.contexts.get(name)
    if (definition) found.push(definition.open(options))
  }
  return found
}

async function openSink(id: string, open: () => Sink | Promise<Sink>): Promise<Sink> {
  try {
    return await open()
  } catch (cause) {
    throw new KeywatchError('KW_SINK_FAILED', `the sink ${id} cannot be opened: ${reasonOf(cause)}`, {
      cause
    })
  }
}

/** The same sink, each request to it a span of our own traces. */
const traced = (id: string, sink: Sink, { span }: Telemetry): Sink => ({
  encode: entry => sink.encode(entry),
  send: (batch, signal) =>
    span('deliver', { sink: id, entries: batch.length }, () => sink.send(batch, signal)),
  close: async () => sink.close?.()
})

async function openSinks(
  { config, catalog, clock }: ServiceOptions,
  telemetry: Telemetry
): Promise<SinkSetup[]> {
  const setups: SinkSetup[] = []
  for (const { id, type, options, where, delivery } of config.sinks.values()) {
    const definition = catalog.sinks.get(type)
    if (definition === undefined)
      throw new KeywatchError('KW_CONFIG_INVALID', `there is no sink type for ${id}`)
    const compiled = where === undefined ? undefined : compileWhere(where)
    if (compiled && 'problem' in compiled)
      throw new KeywatchError('KW_CONFIG_INVALID', `the filter of sink ${id} ${compiled.problem}`)
    setups.push({
      id,
      sink: traced(id, await openSink(id, () => definition.open(options, { id, clock, fetch })), telemetry),
      limits: definition.limits,
      ...delivery,
      ...(compiled && { accepts: entry => compiled.filter(entry.event) })
    })
  }
  return setups
}

export async function startService(options: ServiceOptions): Promise<Service> {
  const { config, clock, disk } = options
  const startedAt = clock.now()
  await disk.makeFolder(config.dataDir)
  const lock = lockFolder(config.dataDir)
  try {
    const redactor = await openRedactor(config, disk, clock)
    const log = createLog(config.log.level, text => redactor.text(text))
    return await startParts({ ...options, log, redactor, startedAt, release: lock.release })
  } catch (error) {
    lock.release()
    throw error
  }
}

interface Running extends ServiceOptions {
  readonly log: Log
  readonly redactor: Awaited<ReturnType<typeof openRedactor>>
  readonly startedAt: number
  readonly release: () => void
}

/** Everything between the listeners and the disk, opened and connected; nothing runs yet. */
async function connect(options: Running) {
  const { config, clock, disk, log, redactor } = options
  const metrics = createMetrics()
  const telemetry = await startTelemetry(options.environment.otlpEndpoint)
  const parts = { config, disk, clock, log, metrics }
  const [events, findings, store, engine, signer, sinks] = await Promise.all([
    openJournal(parts, 'events'),
    openJournal(parts, 'findings'),
    openStore(parts),
    openDetectors(parts),
    loadSigner(disk, keysFolder(config.dataDir), 'keywatch'),
    openSinks(options, telemetry)
  ])
  const journals = { events, findings }
  const sources = openSources(options, log)
  const ingest = createIngest({
    sources,
    redactor,
    contexts: openContexts(options),
    journal: events,
    metrics,
    clock,
    log,
    limits: config.limits,
    span: telemetry.span
  })
  const derive = createDerive({
    ...journals,
    store,
    engine,
    snapshot: stateFile(disk, snapshotPath(config.dataDir), log),
    snapshotEveryMs: SNAPSHOT_EVERY_MS,
    metrics,
    clock,
    log,
    span: telemetry.span
  })
  const deliverer = createDeliverer({
    sinks,
    journals,
    disk,
    dataDir: config.dataDir,
    clock,
    random: options.random,
    metrics,
    log,
    redactText: text => redactor.text(text)
  })
  const checkpoints = {
    journals: JOURNALS.map(name => ({
      journal: journals[name],
      folder: journalFolder(config.dataDir, name)
    })),
    events,
    signer,
    disk,
    clock,
    log,
    intervalMs: config.journal.checkpointIntervalMs
  }
  return { metrics, telemetry, journals, store, engine, sources, ingest, derive, deliverer, checkpoints }
}
type Connected = Awaited<ReturnType<typeof connect>>

/** What /api/v1/status answers. */
async function statusOf(
  { journals, derive, engine, sources, deliverer }: Connected,
  startedAt: number,
  authFailures: number
): Promise<object> {
  return {
    version: PRODUCT.version,
    started: new Date(startedAt).toISOString(),
    journals: Object.fromEntries(
      JOURNALS.map(name => {
        const journal = journals[name]
        return [
          name,
          { entries: journal.size(), healthy: journal.healthy(), id: journal.id, head: journal.tip().hash }
        ]
      })
    ),
    derive: derive.lags(),
    detectors: { loaded: engine.detectors.length, problems: engine.problems },
    sources: sources.map(({ id, type, source }) => ({
      id,
      type,
      ...(source.route && { route: source.route }),
      pulls: source.pull !== undefined
    })),
    sinks: deliverer.status(),
    authFailures
  }
}

async function startParts(options: Running): Promise<Service> {
  const { config, clock, log, redactor } = options
  const connected = await connect(options)
  const { metrics, telemetry, journals, store, ingest, derive, deliverer, checkpoints, sources } = connected
  const api: Api = await createApi({
    intake: ingest,
    journals,
    store,
    redactor,
    status: () => statusOf(connected, options.startedAt, api.authFailures()),
    metricsText: () => {
      measure(connected)
      return metrics.text()
    },
    tokens: config.tokens,
    limits: config.limits,
    clock,
    log,
    audit: auditInto(journals.events, log),
    ready: () => journals.events.healthy()
  })
  const stopping = new AbortController()
  const running = Promise.all([
    derive.run(stopping.signal),
    runPulls(sources, ingest, clock, log, stopping.signal),
    runCheckpoints(checkpoints, stopping.signal)
  ])
  const failed = running.then(() => new Promise<never>(() => undefined))
  failed.catch(error => log.error({ reason: reasonOf(error) }, 'a part that must not end has failed: a bug'))
  await deliverer.start()
  const { http, otlp } = config.listen
  const addresses = await api.listen({ http, otlp: otlp === false ? undefined : otlp })
  return {
    ...addresses,
    failed,
    async stop() {
      await api.close()
      stopping.abort()
      await running.catch(() => undefined)
      await deliverer.stop()
      const warn = (message: string) => (error: unknown) => log.warn({ reason: reasonOf(error) }, message)
      await checkpointNow(checkpoints).catch(warn('there is no last checkpoint'))
      // The last entries too, so that the next start finds a complete index and need not open it.
      await store
        .flush()
        .then(() => derive.catchUp(AbortSignal.timeout(LAST_INDEX_MS)))
        .catch(warn('the index is behind and catches up at the next start'))
      await store.close().catch(error => log.warn({ reason: reasonOf(error) }, 'the index did not close'))
      await Promise.all(JOURNALS.map(name => journals[name].close()))
      await telemetry.close()
      options.release()
    }
  }
}

/** Gauges that are read when someone asks. */
function measure({ metrics, derive, journals }: Connected): void {
  for (const [stage, lag] of Object.entries(derive.lags()))
    metrics.gauge('keywatch_derive_lag_entries', { stage }, lag)
  for (const name of JOURNALS)
    metrics.gauge('keywatch_journal_entries', { journal: name }, journals[name].size())
}
