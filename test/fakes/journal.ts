/**
 * A journal in memory behind the Journal port: as durable as the process, otherwise faithful. Events are kept as
 * JSON lines, so that a reader never shares an object with a writer; cursors are opaque; several readers may follow.
 */
import { KeywatchError } from '../../src/core/errors.ts'
import type {
  Clock,
  Cursor,
  Entry,
  EntryBatch,
  Journal,
  Mark,
  OcsfEvent,
  Pointer,
  ReadOptions,
  Receipt
} from '../../src/core/ports.ts'

export interface MemoryJournal extends Journal {
  /** Every append rejects with this code until it is undefined again. */
  failWith(code: 'KW_JOURNAL_FULL' | 'KW_JOURNAL_BUSY' | 'KW_JOURNAL_FAILED' | undefined): void
  /** The next `times` reads of a batch throw, as a broken disk would make them. */
  breakReads(times: number): void
  /** Everything in it. */
  events(): OcsfEvent[]
}

interface Row {
  readonly line: string
  readonly pointer: Pointer
}
interface LiveMark {
  readonly value: string | number
  readonly expiresAt: number
}

const ENTRIES_MAX = 1_000
const BYTES_MAX = 4 * 1024 * 1024
const cursorOf = (sequence: number): Cursor => `memory:${sequence}`

function sequenceOf(cursor: Cursor | null, size: number): number {
  if (cursor === null) return 0
  const sequence = Number(/^memory:(\d{1,15})$/.exec(cursor)?.[1] ?? Number.NaN)
  if (!(sequence <= size))
    throw new KeywatchError('KW_JOURNAL_DAMAGED', 'This cursor is not of this journal.')
  return sequence
}

/** @param clock only for the expiry of marks; without one they never expire. */
export function memoryJournal(name = 'events', clock?: Pick<Clock, 'now'>): MemoryJournal {
  const rows: Row[] = []
  const marks = new Map<string, LiveMark>()
  let offset = 0
  let failure: 'KW_JOURNAL_FULL' | 'KW_JOURNAL_BUSY' | 'KW_JOURNAL_FAILED' | undefined
  let brokenReads = 0
  let closed = false
  let wake = Promise.withResolvers<void>()
  const now = () => clock?.now() ?? 0

  const notify = () => {
    wake.resolve()
    wake = Promise.withResolvers<void>()
  }

  const setMark = ({ key, value, ttlMs }: Mark) => {
    if (value === null) marks.delete(key)
    else marks.set(key, { value, expiresAt: ttlMs === undefined ? Number.POSITIVE_INFINITY : now() + ttlMs })
  }

  const batchFrom = (from: number, entriesMax: number, bytesMax: number): EntryBatch => {
    const entries: Entry[] = []
    let bytes = 0
    for (let sequence = from; sequence < rows.length && entries.length < entriesMax; sequence++) {
      const row = rows[sequence]
      if (row === undefined || (entries.length > 0 && bytes + row.pointer.length > bytesMax)) break
      bytes += row.pointer.length
      entries.push({ sequence, pointer: row.pointer, event: JSON.parse(row.line) })
    }
    return { entries, next: cursorOf(from + entries.length) }
  }

  const untilMore = async (signal: AbortSignal | undefined) => {
    const aborted = Promise.withResolvers<void>()
    const stop = () => aborted.resolve()
    if (signal?.aborted) return
    signal?.addEventListener('abort', stop, { once: true })
    await Promise.race([wake.promise, aborted.promise])
    signal?.removeEventListener('abort', stop)
  }

  return {
    name,
    async append(events, given: readonly Mark[] = []): Promise<Receipt> {
      if (closed) throw new KeywatchError('KW_JOURNAL_FAILED', 'The journal is closed.')
      if (failure !== undefined) throw new KeywatchError(failure, 'The journal was told to fail.')
      const lines = events.map(event => JSON.stringify(event))
      // A real journal resolves after an fsync, never in the same turn.
      await Promise.resolve()
      const first = rows.length
      for (const line of lines) {
        const length = Buffer.byteLength(line)
        rows.push({ line, pointer: { segment: 0, offset, length } })
        offset += length + 1
      }
      for (const mark of given) setMark(mark)
      notify()
      return { first, count: lines.length }
    },
    async *read(from, options: ReadOptions = {}) {
      const { signal, entriesMax = ENTRIES_MAX, bytesMax = BYTES_MAX, follow = false } = options
      let at = sequenceOf(from, rows.length)
      while (!signal?.aborted) {
        if (brokenReads > 0) {
          brokenReads--
          throw new KeywatchError('KW_JOURNAL_DAMAGED', 'The journal was told to fail.')
        }
        if (at < rows.length) {
          const batch = batchFrom(at, entriesMax, bytesMax)
          at += batch.entries.length
          yield batch
        } else if (!follow || closed) return
        else await untilMore(signal)
      }
    },
    fetch: async pointers =>
      pointers.map(pointer => {
        const row = rows.find(({ pointer: p }) => p.offset === pointer.offset && p.length === pointer.length)
        return row && pointer.segment === 0 ? JSON.parse(row.line) : undefined
      }),
    head: () => cursorOf(rows.length),
    size: () => rows.length,
    lag: from => rows.length - sequenceOf(from, rows.length),
    mark(key) {
      const found = marks.get(key)
      return found !== undefined && found.expiresAt > now() ? found.value : undefined
    },
    healthy: () => failure === undefined && !closed,
    async close() {
      closed = true
      notify()
    },
    failWith(code) {
      failure = code
    },
    breakReads(times) {
      brokenReads = times
    },
    events: () => rows.map(row => JSON.parse(row.line))
  }
}
