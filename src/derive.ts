/**
 * Right of the journal: entries → index, entries → detectors → findings journal → index. All of it can be
 * thrown away and replayed. The index keeps its own cursor with its rows. Detectors keep a snapshot; which
 * findings were already written is a mark in the findings journal, durable with the findings themselves, so
 * a crash at any point neither repeats nor loses one.
 */
import { KeywatchError, reasonOf } from './core/errors.ts'
import type { DetectorEngine } from './core/finding.ts'
import type { Clock, Cursor, Entry, EntryBatch, Journal, Log, Metrics, OcsfEvent } from './core/ports.ts'
import type { JournalName, Store } from './core/store.ts'
import type { StateFile } from './state-file.ts'

const DERIVED = 'derived'
const RETRY_MS = 1000

export interface DeriveOptions {
  readonly events: Journal
  readonly findings: Journal
  readonly store: Store
  readonly engine: DetectorEngine
  readonly snapshot: StateFile
  readonly snapshotEveryMs: number
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Log
  readonly span: <T>(
    name: string,
    attributes: Readonly<Record<string, string | number>>,
    run: () => Promise<T>
  ) => Promise<T>
}

export interface Derive {
  /** Runs until the signal aborts. Rejects only for a bug. */
  run(signal: AbortSignal): Promise<void>
  /** Reads to the heads as they are now and returns: for `replay` and for tests. */
  catchUp(signal?: AbortSignal): Promise<void>
  lags(): { readonly index: number; readonly detect: number; readonly findings: number }
}

interface Snapshot {
  readonly cursor: Cursor
  readonly sequence: number
  readonly engine: unknown
}

const isSnapshot = (value: unknown): value is Snapshot =>
  typeof value === 'object' &&
  value !== null &&
  'cursor' in value &&
  typeof value.cursor === 'string' &&
  'sequence' in value &&
  typeof value.sequence === 'number' &&
  'engine' in value

export function createDerive(options: DeriveOptions): Derive {
  const { events, findings, store, engine, metrics, clock, log } = options
  let detected: { cursor: Cursor | null; sequence: number } = { cursor: null, sequence: 0 }
  let restored = false
  /** True while the detectors have seen entries whose findings are not yet durable: no moment for a snapshot. */
  let between = false
  let savedAt = clock.now()

  /** Once: the detectors' state as it was saved. Without it they start at the beginning of the journal. */
  async function restore(): Promise<void> {
    if (restored) return
    restored = true
    const saved = await options.snapshot.load()
    if (!isSnapshot(saved) || saved.sequence > events.size()) return
    engine.restore(saved.engine)
    detected = { cursor: saved.cursor, sequence: saved.sequence }
  }

  async function save(): Promise<void> {
    savedAt = clock.now()
    const { cursor, sequence } = detected
    if (cursor === null || between) return
    await options.snapshot.save({ cursor, sequence, engine: engine.snapshot() } satisfies Snapshot)
  }

  /** The detectors' turn. Entries before the mark only rebuild state: what they found is written already. */
  async function detect(batch: EntryBatch, signal?: AbortSignal): Promise<void> {
    const mark = findings.mark(DERIVED)
    const writtenTo = typeof mark === 'number' ? mark : 0
    const split = batch.entries.findIndex(entry => entry.sequence >= writtenTo)
    const old = split === -1 ? batch.entries : batch.entries.slice(0, split)
    const fresh: readonly Entry[] = split === -1 ? [] : batch.entries.slice(split)
    between = true
    if (old.length > 0) engine.evaluate(old)
    const found = fresh.length > 0 ? engine.evaluate(fresh) : []
    const next = (batch.entries.at(-1)?.sequence ?? -1) + 1
    if (found.length > 0) {
      await untilDone('findings', () => findings.append(found, [{ key: DERIVED, value: next }]), signal)
      for (const finding of found) count(finding)
    }
    for (const [detector, by] of engine.evictions())
      metrics.count('keywatch_detector_state_evictions_total', { detector }, by)
    detected = { cursor: batch.next, sequence: next }
    between = false
  }

  function count(finding: OcsfEvent): void {
    const own = finding.unmapped.keywatch.finding
    if (own) metrics.count('keywatch_findings_total', { detector: own.rule, level: own.level })
  }

  /** A full disk stops deriving, it does not end it: nothing here may be skipped. */
  async function untilDone<T>(stage: string, run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      signal?.throwIfAborted()
      try {
        return await run()
      } catch (error) {
        if (!(error instanceof KeywatchError)) throw error
        log.warn({ stage, reason: reasonOf(error) }, 'deriving waits')
        await clock.sleep(RETRY_MS, signal)
      }
    }
  }

  async function index(
    name: JournalName,
    journal: Journal,
    follow: boolean,
    signal?: AbortSignal
  ): Promise<void> {
    const read = { follow, ...(signal ? { signal } : {}) }
    for await (const batch of journal.read(store.cursor(name), read)) {
      await options.span('index', { journal: name, entries: batch.entries.length }, () =>
        untilDone('index', () => store.put(name, batch), signal)
      )
    }
  }

  async function runDetectors(follow: boolean, signal?: AbortSignal): Promise<void> {
    await restore()
    const read = { follow, ...(signal ? { signal } : {}) }
    for await (const batch of events.read(detected.cursor, read)) {
      await options.span('detect', { entries: batch.entries.length }, () => detect(batch, signal))
      if (clock.now() - savedAt >= options.snapshotEveryMs) await save().catch(cannotSave)
    }
  }

  const cannotSave = (error: unknown) =>
    log.warn({ reason: reasonOf(error) }, 'the detectors’ snapshot cannot be saved')

  return {
    async run(signal) {
      const stages = [
        index('events', events, true, signal),
        index('findings', findings, true, signal),
        runDetectors(true, signal)
      ]
      for (const result of await Promise.allSettled(stages)) {
        // A stage that was told to stop while it waited for the disk has done nothing by halves.
        if (result.status === 'rejected' && !signal.aborted) throw result.reason
      }
      await save().catch(cannotSave)
    },
    async catchUp(signal) {
      await Promise.all([index('events', events, false, signal), runDetectors(false, signal)])
      await index('findings', findings, false, signal)
      await store.flush()
      await save()
    },
    lags: () => ({
      index: events.lag(store.cursor('events')),
      detect: events.size() - detected.sequence,
      findings: findings.lag(store.cursor('findings'))
    })
  }
}
