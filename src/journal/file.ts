/**
 * The journal in a folder (docs/journal-format.md): what opening does with whatever it finds there, and
 * the Journal port over writer, readers and marks. It always starts: a torn tail is cut, anything else it
 * cannot read stays where it is as evidence, is named in the log, and writing goes on in a new segment.
 */

import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { KeywatchError, reasonOf } from '../core/errors.ts'
import type { Clock, Cursor, Disk, DiskFile, Journal, Log } from '../core/ports.ts'
import { GENESIS } from './constants.ts'
import type { SegmentHeader } from './lines.ts'
import { createMarks, type Marks } from './marks.ts'
import { createReaders, decodeCursor, encodeCursor } from './readers.ts'
import { isTornTail, type Scan, scanSegment } from './recover.ts'
import { listSegments, openSegment, plainPath, type SegmentFile, sealSegment } from './segments.ts'
import { createWriter, type Head } from './writer.ts'

export interface FileJournalOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
  /** Folder of this journal; made if missing. */
  readonly folder: string
  readonly name: string
  readonly segmentBytes: number
  readonly segmentAgeMs: number
  readonly pendingBytesMax: number
  /** Marks with an expiry that are kept at most. */
  readonly marksMax: number
  /** Zstandard level for sealed segments; 0 leaves them plain. */
  readonly compressLevel: number
  /** Bytes of committed lines kept in memory for readers that keep up. */
  readonly tailBytes: number
  readonly observeCommit?: (seconds: number) => void
}

export interface FileJournal extends Journal {
  readonly id: string
  /** The chain's newest hash and its place: what a checkpoint signs. */
  tip(): Readonly<Head>
  /** Resolves when no segment is being compressed. */
  idle(): Promise<void>
}

interface Opened {
  readonly id: string
  readonly head: Head
  readonly file: DiskFile | undefined
  readonly damaged?: NonNullable<SegmentHeader['damaged']>
}

/** Scans a segment; damage at its end that is no torn write counts as damage. */
async function scanFile(disk: Disk, file: SegmentFile): Promise<Scan> {
  const reader = await openSegment(disk, file)
  try {
    const scan = await scanSegment(reader)
    if (scan.damagedAt !== undefined || scan.size === scan.goodEnd) return scan
    const torn = !file.sealed && isTornTail(await reader.read(scan.goodEnd, scan.size - scan.goodEnd))
    return torn ? scan : { ...scan, damagedAt: scan.goodEnd }
  } finally {
    await reader.close()
  }
}

async function openExisting(options: FileJournalOptions, last: SegmentFile, marks: Marks): Promise<Opened> {
  const { disk, log, clock } = options
  const scan = await scanFile(disk, last)
  if (scan.header === undefined) {
    throw new KeywatchError('KW_JOURNAL_DAMAGED', 'the segment has no readable header')
  }
  marks.apply(scan.marks)
  if (scan.lastCommitMs > 0) marks.extend(clock.now() - scan.lastCommitMs)
  const { id } = scan.header
  const next: Head = { segment: last.number + 1, offset: 0, sequence: scan.sequence, hash: scan.hash }
  if (scan.damagedAt !== undefined) {
    log.error(
      { journal: options.name, segment: last.number, offset: scan.damagedAt },
      'the journal is damaged here; the segment is kept and a new one begins'
    )
    return { id, head: next, file: undefined, damaged: { segment: last.number, offset: scan.damagedAt } }
  }
  if (last.sealed) return { id, head: next, file: undefined }
  if (scan.size > scan.goodEnd) {
    log.warn(
      { journal: options.name, segment: last.number, offset: scan.goodEnd, bytes: scan.size - scan.goodEnd },
      'a torn write was cut off; it was never acknowledged'
    )
  }
  const file = await disk.open(last.path, 'write')
  await file.truncate(scan.goodEnd)
  await file.sync()
  return { id, head: { ...next, segment: last.number, offset: scan.goodEnd }, file }
}

/** Plain segments without one whole header line: a crash while the file was made. Nothing was in them. */
async function dropUnborn(options: FileJournalOptions, segments: SegmentFile[]): Promise<SegmentFile[]> {
  const last = segments.at(-1)
  if (last === undefined || last.sealed) return segments
  const reader = await openSegment(options.disk, last)
  try {
    const size = await reader.size()
    const newline = (await reader.read(0, size)).indexOf(10)
    if (newline !== -1) return segments
  } finally {
    await reader.close()
  }
  options.log.warn({ journal: options.name, segment: last.number }, 'a segment without a header was removed')
  await options.disk.remove(last.path)
  return segments.slice(0, -1)
}

async function openNewest(options: FileJournalOptions, marks: Marks): Promise<Opened> {
  for (const name of await options.disk.list(options.folder)) {
    if (name.endsWith('.tmp')) await options.disk.remove(join(options.folder, name))
  }
  const segments = await dropUnborn(options, await listSegments(options.disk, options.folder))
  const last = segments.at(-1)
  if (last === undefined) {
    return { id: randomUUID(), head: { segment: 0, offset: 0, sequence: 0, hash: GENESIS }, file: undefined }
  }
  try {
    return await openExisting(options, last, marks)
  } catch (error) {
    if (!(error instanceof KeywatchError)) throw error
    options.log.error(
      { journal: options.name, segment: last.number, reason: reasonOf(error) },
      'the newest segment cannot be read; a new one begins'
    )
    return {
      ...(await beforeDamage(options, segments.slice(0, -1), last.number, marks)),
      damaged: { segment: last.number, offset: 0 }
    }
  }
}

/** Where to go on when the newest segment says nothing: after the newest one that does. */
async function beforeDamage(
  options: FileJournalOptions,
  segments: readonly SegmentFile[],
  unreadable: number,
  marks: Marks
): Promise<Opened> {
  for (const file of [...segments].reverse()) {
    try {
      const scan = await scanFile(options.disk, file)
      if (scan.header === undefined) continue
      marks.apply(scan.marks)
      const head: Head = { segment: unreadable + 1, offset: 0, sequence: scan.sequence, hash: scan.hash }
      return { id: scan.header.id, head, file: undefined }
    } catch {
      // A segment that cannot be opened says nothing; the one before it may.
    }
  }
  const head: Head = { segment: unreadable + 1, offset: 0, sequence: 0, hash: GENESIS }
  return { id: randomUUID(), head, file: undefined }
}

/** Compresses finished segments one after the other, in the background. */
function createSealer(options: FileJournalOptions, active: () => number) {
  let running: Promise<void> = Promise.resolve()
  const seal = async (segment: number) => {
    if (options.compressLevel === 0 || segment === active()) return
    try {
      await sealSegment(options.disk, options.folder, segment, options.compressLevel)
    } catch (error) {
      options.log.warn(
        { journal: options.name, segment, reason: reasonOf(error) },
        'a segment could not be compressed; it stays plain until the next start'
      )
    }
  }
  return {
    add(segment: number) {
      running = running.then(() => seal(segment))
    },
    idle: () => running
  }
}

export async function openFileJournal(options: FileJournalOptions): Promise<FileJournal> {
  const { disk, clock, log, folder, name } = options
  await disk.makeFolder(folder)
  const marks = createMarks(options.marksMax)
  const { id, head, file, damaged } = await openNewest(options, marks)
  const readers = createReaders({ disk, folder, log, name, tailBytes: options.tailBytes }, head)
  const sealer = createSealer(options, () => head.segment)
  const writer = createWriter(
    {
      disk,
      clock,
      log,
      folder,
      journal: name,
      id,
      segmentBytes: options.segmentBytes,
      segmentAgeMs: options.segmentAgeMs,
      pendingBytesMax: options.pendingBytesMax,
      onCommit(committed, seconds) {
        readers.committed(committed)
        options.observeCommit?.(seconds)
      },
      onSegmentFull: segment => sealer.add(segment)
    },
    head,
    marks,
    file,
    damaged
  )
  for (const segment of await listSegments(disk, folder)) {
    const damagedOne = damaged?.segment === segment.number
    if (segment.sealed) await disk.remove(plainPath(folder, segment.number))
    else if (segment.number !== head.segment && !damagedOne) sealer.add(segment.number)
  }
  log.info({ journal: name, entries: head.sequence, segment: head.segment }, 'journal open')
  return {
    name,
    id,
    append: (events, newMarks = []) => writer.append(events, newMarks),
    read: (from, readOptions) => readers.read(from, readOptions ?? {}),
    fetch: pointers => readers.fetch(pointers),
    head: () => encodeCursor({ segment: head.segment, offset: head.offset, sequence: head.sequence }),
    size: () => head.sequence,
    lag: (from: Cursor | null) => head.sequence - (from === null ? 0 : decodeCursor(from).sequence),
    mark: key => marks.get(key),
    healthy: () => writer.healthy(),
    tip: () => ({ ...head }),
    idle: () => sealer.idle(),
    async close() {
      await writer.close()
      readers.close()
      await sealer.idle()
    }
  }
}
