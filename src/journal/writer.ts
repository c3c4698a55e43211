/**
 * The writing end of a journal: batches wait while a commit is on its way to the disk and then go together
 * (group commit). Order of a commit: write event lines and the commit line, fdatasync, then tell the senders.
 *
 * A crash before the fdatasync returns leaves a torn tail, which was never acknowledged and is cut at the
 * next start. A failed write is undone by truncating to the last commit; if the fdatasync fails, what the
 * disk holds of the batch is unknown, so the segment is cut there as well and never trusted with a further
 * byte: the next commit goes to a new segment.
 */
import { KeywatchError, reasonOf } from '../core/errors.ts'
import type { Clock, Disk, DiskFile, Entry, Log, Mark, OcsfEvent, Receipt } from '../core/ports.ts'
import { createEncoder, type Encoder } from './encoder.ts'
import { encodeCommit, encodeHeader, type SegmentHeader } from './lines.ts'
import type { Marks } from './marks.ts'
import { plainPath } from './segments.ts'

/** Where the journal ends: all of it is durable. */
export interface Head {
  segment: number
  offset: number
  sequence: number
  hash: string
}

/** One commit as its readers get it. */
export interface Committed {
  readonly segment: number
  readonly start: number
  readonly end: number
  readonly entries: readonly Entry[]
}

export interface WriterOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
  readonly folder: string
  readonly journal: string
  readonly id: string
  readonly segmentBytes: number
  readonly segmentAgeMs: number
  readonly pendingBytesMax: number
  readonly onCommit: (committed: Committed, seconds: number) => void
  readonly onSegmentFull: (segment: number) => void
}

interface Pending {
  readonly events: readonly OcsfEvent[]
  readonly marks: readonly Mark[]
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (error: Error) => void
}

/** What goes into one commit: filled while the one before is on its way to the disk. */
interface Batch {
  readonly pending: Pending[]
  readonly lengths: number[]
  readonly encoder: Encoder
}

/** Ready to be filled again: the buffer is kept. */
function emptied({ encoder }: Batch): Batch {
  encoder.clear()
  return { pending: [], lengths: [], encoder }
}

const emptyBatch = (): Batch => ({ pending: [], lengths: [], encoder: createEncoder() })

export interface Writer {
  append(events: readonly OcsfEvent[], marks: readonly Mark[]): Promise<Receipt>
  /** Starts a new segment; the current one, if it has entries, is finished. */
  roll(): Promise<void>
  healthy(): boolean
  close(): Promise<void>
}

const isFull = (error: unknown) =>
  error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')

/** `file` is the open active segment; absent: `head` names the segment to create. */
export function createWriter(
  options: WriterOptions,
  head: Head,
  marks: Marks,
  file: DiskFile | undefined,
  damaged?: SegmentHeader['damaged']
): Writer {
  const { disk, clock, log, folder } = options
  let active = file
  let openedAt = clock.now()
  let filling = emptyBatch()
  let spare = emptyBatch()
  let running: Promise<void> | undefined
  let closed = false
  let ok = true
  let note = damaged

  async function createSegment(): Promise<DiskFile> {
    const now = clock.now()
    const header = encodeHeader({
      journal: options.journal,
      id: options.id,
      segment: head.segment,
      sequence: head.sequence,
      time: new Date(now).toISOString(),
      previous: head.hash,
      marks: marks.all(now),
      ...(note === undefined ? {} : { damaged: note })
    })
    const path = plainPath(folder, head.segment)
    const created = await disk.open(path, 'write')
    try {
      await created.truncate(0)
      await created.write(header.line, 0)
      await created.sync()
      await disk.syncFolder(folder)
    } catch (error) {
      await created.close().catch(() => undefined)
      await disk.remove(path).catch(() => undefined)
      throw error
    }
    head.offset = header.line.length
    head.hash = header.hash
    openedAt = now
    note = undefined
    return created
  }

  async function finishSegment(): Promise<void> {
    if (active === undefined) return
    await active.close()
    active = undefined
    options.onSegmentFull(head.segment)
    head.segment++
    head.offset = 0
  }

  async function write({ pending, lengths, encoder }: Batch): Promise<void> {
    active ??= await createSegment()
    const started = clock.now()
    const lines = encoder.bytes()
    const count = lengths.length
    const markLines = marks.lines(
      pending.flatMap(p => p.marks),
      started
    )
    const commit = encodeCommit(head.hash, lines, {
      sequence: head.sequence,
      count,
      bytes: lines.length,
      time: new Date(started).toISOString(),
      marks: markLines
    })
    const start = head.offset
    try {
      await active.write(encoder.bytesWith(commit.line), start)
    } catch (error) {
      await undo(start, isFull(error))
      throw error
    }
    try {
      await active.sync()
    } catch (error) {
      await undo(start, false)
      throw error
    }
    marks.apply(markLines)
    head.offset = start + lines.length + commit.line.length
    head.hash = commit.hash
    settle(pending, lengths, start, started)
  }

  /** Everything is durable: positions are given, readers and senders told. */
  function settle(
    batch: readonly Pending[],
    lengths: readonly number[],
    start: number,
    started: number
  ): void {
    const entries: Entry[] = []
    let offset = start
    const receipts: Receipt[] = []
    let line = 0
    for (const pending of batch) {
      receipts.push({ first: head.sequence, count: pending.events.length })
      for (const event of pending.events) {
        const length = lengths[line++] ?? 0
        entries.push({ sequence: head.sequence++, pointer: { segment: head.segment, offset, length }, event })
        offset += length + 1
      }
    }
    ok = true
    options.onCommit(
      { segment: head.segment, start, end: head.offset, entries },
      (clock.now() - started) / 1000
    )
    batch.forEach((pending, i) => {
      const receipt = receipts[i]
      if (receipt) pending.resolve(receipt)
    })
  }

  /** Cuts the segment back to its last commit. Unless that is sure to have worked, it is not used again. */
  async function undo(committed: number, trusted: boolean): Promise<void> {
    try {
      await active?.truncate(committed)
      await active?.sync()
      if (trusted) return
    } catch (error) {
      log.error({ journal: options.journal, reason: reasonOf(error) }, 'a failed commit could not be cut off')
    }
    await finishSegment().catch(() => {
      active = undefined
    })
  }

  async function run(): Promise<void> {
    while (filling.pending.length > 0) {
      const batch = filling
      filling = spare
      try {
        await write(batch)
      } catch (error) {
        ok = false
        const full = isFull(error)
        log.error(
          { journal: options.journal, reason: reasonOf(error) },
          full ? 'the disk is full' : 'a commit failed'
        )
        const refusal = full
          ? new KeywatchError('KW_JOURNAL_FULL', 'the disk is full')
          : new KeywatchError('KW_JOURNAL_FAILED', `the journal cannot be written (${reasonOf(error)})`)
        for (const pending of batch.pending) pending.reject(refusal)
        continue
      } finally {
        spare = emptied(batch)
      }
      const old = clock.now() - openedAt >= options.segmentAgeMs
      if (head.offset >= options.segmentBytes || old) {
        await finishSegment().catch(error =>
          log.error({ reason: reasonOf(error) }, 'a segment could not be closed')
        )
      }
    }
  }

  function kick(): void {
    // One turn of the event loop first: all that came in with it goes into one commit instead of one and then the rest.
    running ??= new Promise(setImmediate).then(run).finally(() => {
      running = undefined
      if (filling.pending.length > 0) kick()
    })
  }

  return {
    append(events, newMarks) {
      if (closed) return Promise.reject(new KeywatchError('KW_JOURNAL_FAILED', 'the journal is closed'))
      const { encoder, pending, lengths } = filling
      if (encoder.used > options.pendingBytesMax) {
        return Promise.reject(new KeywatchError('KW_JOURNAL_BUSY', 'too much is waiting for the disk'))
      }
      // All to text before the first goes in: an event that cannot be serialised must leave no half of a batch.
      for (const line of events.map(event => JSON.stringify(event))) lengths.push(encoder.add(line))
      return new Promise((resolve, reject) => {
        pending.push({ events, marks: newMarks, resolve, reject })
        kick()
      })
    },
    async roll() {
      await running
      await finishSegment()
      active = await createSegment()
    },
    healthy: () => ok && !closed,
    async close() {
      closed = true
      while (running !== undefined) await running
      await active?.close()
      active = undefined
    }
  }
}
