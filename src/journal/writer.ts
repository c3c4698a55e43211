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
import { createEncoder } from './encoder.ts'
import { encodeCommit, encodeHeader, type SegmentHeader } from './lines.ts'
import type { Marks } from './marks.ts'
import { plainPath } from './segments.ts'

const COMMIT_BYTES_MAX = 8 * 1024 * 1024

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
  readonly lines: readonly string[]
  /** UTF-16 units of the lines: what they take in memory, and nearly what they take on disk. */
  readonly size: number
  readonly marks: readonly Mark[]
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (error: Error) => void
}

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
  let queue: Pending[] = []
  let queuedBytes = 0
  const encoder = createEncoder()
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

  async function write(batch: readonly Pending[]): Promise<void> {
    active ??= await createSegment()
    const started = clock.now()
    const { bytes: lines, lengths } = encoder.encode(batch)
    const count = batch.reduce((sum, p) => sum + p.lines.length, 0)
    const markLines = marks.lines(
      batch.flatMap(p => p.marks),
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
      await active.write(encoder.append(commit.line), start)
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
    settle(batch, lengths, start, started)
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
      receipts.push({ first: head.sequence, count: pending.lines.length })
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

  function takeBatch(): Pending[] {
    let bytes = 0
    let n = 0
    for (const pending of queue) {
      if (n > 0 && bytes + pending.size > COMMIT_BYTES_MAX) break
      bytes += pending.size
      n++
    }
    const batch = queue.slice(0, n)
    queue = queue.slice(n)
    queuedBytes -= bytes
    return batch
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const batch = takeBatch()
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
        for (const pending of batch) pending.reject(refusal)
        continue
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
    running ??= run().finally(() => {
      running = undefined
      if (queue.length > 0) kick()
    })
  }

  return {
    append(events, newMarks) {
      if (closed) return Promise.reject(new KeywatchError('KW_JOURNAL_FAILED', 'the journal is closed'))
      const lines = events.map(event => JSON.stringify(event))
      const size = lines.reduce((sum, line) => sum + line.length + 1, 0)
      if (queuedBytes + size > options.pendingBytesMax && queue.length > 0) {
        return Promise.reject(new KeywatchError('KW_JOURNAL_BUSY', 'too much is waiting for the disk'))
      }
      return new Promise((resolve, reject) => {
        queue.push({ events, lines, size, marks: newMarks, resolve, reject })
        queuedBytes += size
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
