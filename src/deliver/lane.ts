/**
 * How one journal gets to one sink: read from the durable position, encode, form batches by count, bytes and age,
 * settle each, move the position. Holds one batch and one read-ahead in memory, whatever the backlog.
 */
import { reasonOf } from '../core/errors.ts'
import type { Cursor, Entry, EntryBatch, Journal } from '../core/ports.ts'
import type { JournalName } from '../core/store.ts'
import { RETRY_BACKOFF, retryDelay } from './backoff.ts'
import type { CursorStore, Position } from './cursor.ts'
import type { DeadLetter } from './dead-letter.ts'
import { bury, type Courier, deadLetterOf, type Item, settle } from './settle.ts'

export interface LaneOptions {
  readonly name: JournalName
  readonly journal: Journal
  readonly cursors: CursorStore
  readonly courier: Courier
  readonly random: () => number
  readonly accepts: (entry: Entry) => boolean
  readonly limits: {
    readonly events: number
    readonly bytes: number
    readonly entryBytes: number
    readonly ageMs: number
  }
  /** Where a sink begins that was never in this journal. */
  readonly from: 'beginning' | 'now'
}

export interface Lane {
  readonly name: JournalName
  /** Runs until the courier's `stopping` aborts; then its last position is set, not yet saved. */
  run(): Promise<void>
  /** Entries that are not settled. */
  lag(): number
  /** `logged_time` of the oldest entry in hand, ms; undefined if none is. */
  oldest(): number | undefined
}

/** How often positions are saved that moved over entries which the sink does not take. */
const IDLE_SAVE_MS = 5_000
const DUE = Symbol('due')

/** Where to begin: at the saved position, unless the journal was built anew since. */
function startOf({ cursors, name, journal, from, courier }: LaneOptions): Position {
  const saved = cursors.get(name)
  if (saved === undefined) {
    return from === 'now'
      ? { cursor: journal.head(), sequence: journal.size() }
      : { cursor: null, sequence: 0 }
  }
  if (saved.sequence <= journal.size()) return saved
  courier.log.warn(
    { sink: courier.id, journal: name },
    'this journal is shorter than what was delivered of it: it was built anew, and is delivered anew'
  )
  return { cursor: null, sequence: 0 }
}

export function createLane(options: LaneOptions): Lane {
  const { name, journal, cursors, courier, limits } = options
  const { clock, stopping, sink } = courier
  let position = startOf(options)
  cursors.set(name, position)
  let savedAt = clock.now()
  let pending: Item[] = []
  let bytes = 0
  let dueAt = 0

  const move = (to: Position) => {
    position = to
    cursors.set(name, to)
  }
  const advance = async (to: Position) => {
    move(to)
    await cursors.save()
    savedAt = clock.now()
  }
  const flush = async (after: Position): Promise<boolean> => {
    if (pending.length === 0) return true
    const settled = await settle(courier, { journal: name, items: pending, after, advance })
    pending = []
    bytes = 0
    return settled
  }

  /** An entry that cannot be sent at all: after those before it, a dead letter. */
  const refuse = async (entry: Entry, at: Position, status: DeadLetter['status'], reason: string) => {
    if (!(await flush(at))) return false
    const facts = { reason, status, attempts: 0, first_time: clock.now() }
    if (!(await bury(courier, [deadLetterOf(courier, name, entry, facts)]))) return false
    await advance({ cursor: at.cursor, sequence: entry.sequence + 1 })
    return true
  }

  const add = async (entry: Entry, before: Cursor | null): Promise<boolean> => {
    const at = { cursor: before, sequence: entry.sequence }
    let body: string
    try {
      body = sink.encode(entry)
    } catch (error) {
      return refuse(entry, at, 'unmappable', `the sink cannot map it: ${reasonOf(error)}`)
    }
    const size = Buffer.byteLength(body)
    if (size > limits.entryBytes)
      return refuse(entry, at, 'too_large', `${size} bytes, and the sink takes ${limits.entryBytes}`)
    // One byte for what a sink puts between two entries.
    if (bytes + size + 1 > limits.bytes && !(await flush(at))) return false
    if (pending.length === 0) dueAt = clock.now() + limits.ageMs
    pending.push({ encoded: { entry, body, bytes: size }, position: at, attempts: 0, firstAt: 0 })
    bytes += size + 1
    return pending.length < limits.events || flush({ cursor: before, sequence: entry.sequence + 1 })
  }

  /** False if it was stopped before all of the batch was taken in. */
  const take = async (batch: EntryBatch, before: Cursor | null): Promise<boolean> => {
    for (const entry of batch.entries) {
      if (entry.sequence < position.sequence || !options.accepts(entry)) continue
      if (!(await add(entry, before))) return false
    }
    return true
  }

  const idle = async (end: Position) => {
    move(end)
    if (clock.now() - savedAt < IDLE_SAVE_MS) return
    await cursors.save()
    savedAt = clock.now()
  }

  const nextOrDue = async <T>(next: Promise<T>): Promise<T | typeof DUE> => {
    if (pending.length === 0) return next
    const over = new AbortController()
    const due = clock.sleep(Math.max(0, dueAt - clock.now()), over.signal).then((): typeof DUE => DUE)
    try {
      return await Promise.race([next, due])
    } finally {
      over.abort()
    }
  }

  /** Reads on from the position until it is stopped or the journal fails. */
  const follow = async () => {
    const read = { signal: stopping, follow: true, entriesMax: limits.events, bytesMax: limits.bytes }
    let end = position
    const reader = journal.read(position.cursor, read)[Symbol.asyncIterator]()
    let next = reader.next()
    try {
      while (!stopping.aborted) {
        next.catch(() => {}) // It is awaited below, but maybe only after a long send.
        const result = await nextOrDue(next)
        if (result === DUE) {
          if (!(await flush(end))) return
          continue
        }
        if (result.done) return
        next = reader.next()
        const batch = result.value
        if (!(await take(batch, end.cursor))) return
        const last = batch.entries.at(-1)
        end = { cursor: batch.next, sequence: last === undefined ? end.sequence : last.sequence + 1 }
        if (pending.length === 0) await idle(end)
      }
    } finally {
      pending = []
      bytes = 0
      // Not awaited: a reader that waits for more ends with its signal, in its own time.
      reader.return?.().catch(() => {})
    }
  }

  return {
    name,
    async run() {
      await cursors.save()
      for (let failures = 1; !stopping.aborted; failures++) {
        const { sequence } = position
        try {
          await follow()
        } catch (error) {
          courier.log.error(
            { sink: courier.id, journal: name, reason: reasonOf(error) },
            'a journal cannot be read for this sink; it is tried again'
          )
        }
        if (position.sequence > sequence) failures = 1
        if (!stopping.aborted)
          await clock.sleep(retryDelay(RETRY_BACKOFF, failures, undefined, options.random), stopping)
      }
    },
    lag: () => Math.max(0, journal.size() - position.sequence),
    oldest: () => pending[0]?.encoded.entry.event.metadata.logged_time
  }
}
