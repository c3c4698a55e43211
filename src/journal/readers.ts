/**
 * The reading end of a journal: entries in order from any cursor, from memory for readers that keep up and
 * from the segment files for the others; and single entries by pointer.
 */
import { reasonOf } from '../core/errors.ts'
import type { Cursor, Disk, Entry, EntryBatch, Log, OcsfEvent, Pointer, ReadOptions } from '../core/ports.ts'
import { CONTROL_START } from './constants.ts'
import { listSegments, openSegment, plainPath, type SegmentReader, sealedPath } from './segments.ts'
import type { Committed, Head } from './writer.ts'

export interface Place {
  readonly segment: number
  readonly offset: number
  readonly sequence: number
}

/** A cursor is `segment:offset:sequence`. Throws on anything else: a cursor is ours or it is a bug. */
export function decodeCursor(cursor: Cursor): Place {
  const match = /^(\d{1,10}):(\d{1,15}):(\d{1,15})$/.exec(cursor)
  if (!match) throw new TypeError('not a cursor of this journal')
  return { segment: Number(match[1]), offset: Number(match[2]), sequence: Number(match[3]) }
}
export const encodeCursor = ({ segment, offset, sequence }: Place): Cursor =>
  `${segment}:${offset}:${sequence}`

const CONTROL = Buffer.from(CONTROL_START)
const READ_BYTES = 1024 * 1024
const OPEN_MAX = 8

export interface ReadersOptions {
  readonly disk: Disk
  readonly folder: string
  readonly log: Log
  readonly name: string
  readonly tailBytes: number
}

export interface Readers {
  committed(commit: Committed): void
  read(from: Cursor | null, options: ReadOptions): AsyncIterable<EntryBatch>
  fetch(pointers: readonly Pointer[]): Promise<(OcsfEvent | undefined)[]>
  close(): void
}

export function createReaders(options: ReadersOptions, head: Head): Readers {
  const tail = createTail(options.tailBytes)
  const waiting = new Set<() => void>()
  const files = createFiles(options)
  let closed = false

  const more = (signal: AbortSignal | undefined) =>
    new Promise<void>(resolve => {
      const done = () => {
        waiting.delete(done)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      waiting.add(done)
      signal?.addEventListener('abort', done, { once: true })
    })

  async function* read(
    from: Cursor | null,
    { signal, entriesMax = 2000, bytesMax = 4 * 1024 * 1024, follow = false }: ReadOptions
  ) {
    let place: Place = from === null ? { segment: 0, offset: 0, sequence: 0 } : decodeCursor(from)
    const reader = { sequence: place.sequence }
    if (follow) tail.join(reader)
    try {
      while (!signal?.aborted && !closed) {
        if (place.segment > head.segment || (place.segment === head.segment && place.offset >= head.offset)) {
          if (!follow) return
          await more(signal)
          continue
        }
        const batch = tail.take(place, entriesMax) ?? (await files.take(place, head, entriesMax, bytesMax))
        place = batch.place
        reader.sequence = place.sequence
        if (batch.entries.length > 0) yield { entries: batch.entries, next: encodeCursor(place) }
        tail.trim()
      }
    } finally {
      tail.leave(reader)
    }
  }

  return {
    committed(commit) {
      tail.add(commit)
      for (const wake of [...waiting]) wake()
    },
    read,
    fetch: pointers => files.fetch(pointers),
    close() {
      closed = true
      for (const wake of [...waiting]) wake()
      files.close()
    }
  }
}

interface Batch {
  readonly entries: readonly Entry[]
  readonly place: Place
}

/** Recent commits as objects, as long as a following reader still needs them and they fit. */
function createTail(bytesMax: number) {
  let commits: { commit: Committed; first: number; bytes: number }[] = []
  let bytes = 0
  const followers = new Set<{ sequence: number }>()
  const trim = () => {
    let needed = Number.POSITIVE_INFINITY
    for (const follower of followers) needed = Math.min(needed, follower.sequence)
    let drop = 0
    for (const { commit, first, bytes: size } of commits) {
      if (bytes <= bytesMax && first + commit.entries.length > needed) break
      bytes -= size
      drop++
    }
    if (drop > 0) commits = commits.slice(drop)
  }
  return {
    join: (reader: { sequence: number }) => followers.add(reader),
    leave: (reader: { sequence: number }) => {
      followers.delete(reader)
      trim()
    },
    add(commit: Committed) {
      const first = commit.entries[0]?.sequence
      if (first === undefined || followers.size === 0) return
      commits.push({ commit, first, bytes: commit.end - commit.start })
      bytes += commit.end - commit.start
      trim()
    },
    trim,
    /** Entries from this place on, if they are all here. */
    take(place: Place, entriesMax: number): Batch | undefined {
      const start = commits.findIndex(
        c => c.first <= place.sequence && place.sequence < c.first + c.commit.entries.length
      )
      if (start === -1) return undefined
      const entries: Entry[] = []
      let at = place
      for (let i = start; i < commits.length && entries.length < entriesMax; i++) {
        const one = commits[i]
        if (one === undefined || one.first > at.sequence) break
        const from = at.sequence - one.first
        const part = one.commit.entries.slice(from, from + entriesMax - entries.length)
        entries.push(...part)
        const last = part.at(-1)
        if (last === undefined) break
        const whole = from + part.length === one.commit.entries.length
        at = {
          segment: one.commit.segment,
          offset: whole ? one.commit.end : last.pointer.offset + last.pointer.length + 1,
          sequence: last.sequence + 1
        }
      }
      return { entries, place: at }
    }
  }
}

const isMissing = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** Reading from segment files. A few stay open; a plain one that was sealed meanwhile is reopened by the other name. */
function createFiles({ disk, folder, log, name }: ReadersOptions) {
  const open = new Map<number, Promise<SegmentReader>>()

  async function openEither(segment: number): Promise<SegmentReader> {
    try {
      return await openSegment(disk, { number: segment, path: plainPath(folder, segment), sealed: false })
    } catch (error) {
      if (!isMissing(error)) throw error
      return openSegment(disk, { number: segment, path: sealedPath(folder, segment), sealed: true })
    }
  }
  function reader(segment: number): Promise<SegmentReader> {
    const found = open.get(segment)
    if (found) {
      open.delete(segment)
      open.set(segment, found)
      return found
    }
    const opened = openEither(segment)
    open.set(segment, opened)
    opened.catch(() => open.delete(segment))
    for (const [oldest, promise] of open) {
      if (open.size <= OPEN_MAX) break
      open.delete(oldest)
      promise.then(r => r.close()).catch(() => undefined)
    }
    return opened
  }

  function parse(line: Buffer, place: Place): OcsfEvent | undefined {
    try {
      // Boundary: what was written here was an OcsfEvent; of a damaged line at least what everyone reads is there.
      const event = JSON.parse(line.toString('utf8')) as OcsfEvent
      const whole =
        typeof event.class_uid === 'number' &&
        typeof event.time === 'number' &&
        typeof event.metadata?.uid === 'string' &&
        typeof event.unmapped?.keywatch === 'object'
      if (whole) return event
    } catch {
      // Falls through: not JSON.
    }
    log.error({ journal: name, segment: place.segment, offset: place.offset }, 'an entry cannot be read')
    return undefined
  }

  /** Entries of one segment from a place on, up to the head. An unreadable line is skipped and named in the log. */
  async function take(place: Place, head: Head, entriesMax: number, bytesMax: number): Promise<Batch> {
    let segment: SegmentReader
    try {
      segment = await reader(place.segment)
    } catch (error) {
      return skipSegment(place, head, error)
    }
    const end = place.segment === head.segment ? head.offset : await segment.size()
    if (place.offset >= end)
      return { entries: [], place: { ...place, segment: place.segment + 1, offset: 0 } }
    let block: Buffer
    try {
      block = await segment.read(place.offset, Math.min(Math.max(bytesMax, READ_BYTES), end - place.offset))
      for (let more = 2; block.indexOf(10) === -1 && place.offset + block.length < end; more *= 2) {
        block = await segment.read(place.offset, Math.min(READ_BYTES * more, end - place.offset))
      }
    } catch (error) {
      return skipSegment(place, head, error)
    }
    const entries: Entry[] = []
    let from = 0
    let sequence = place.sequence
    for (
      let newline = block.indexOf(10);
      newline !== -1 && entries.length < entriesMax;
      newline = block.indexOf(10, from)
    ) {
      const line = block.subarray(from, newline)
      const offset = place.offset + from
      from = newline + 1
      if (line.subarray(0, CONTROL.length).equals(CONTROL)) {
        sequence = sequenceAfter(line) ?? sequence
        continue
      }
      const event = parse(line, { segment: place.segment, offset, sequence })
      if (event)
        entries.push({ sequence, pointer: { segment: place.segment, offset, length: line.length }, event })
      sequence++
    }
    const done = from === 0 ? block.length : from
    return { entries, place: { segment: place.segment, offset: place.offset + done, sequence } }
  }

  /** A whole segment that cannot be read: reading goes on with the next one that is there. */
  async function skipSegment(place: Place, head: Head, error: unknown): Promise<Batch> {
    log.error(
      { journal: name, segment: place.segment, reason: reasonOf(error) },
      'a segment cannot be read; its entries are skipped'
    )
    const next = (await listSegments(disk, folder)).find(s => s.number > place.segment)
    if (next === undefined || next.number > head.segment)
      return { entries: [], place: { segment: head.segment, offset: head.offset, sequence: head.sequence } }
    return { entries: [], place: { segment: next.number, offset: 0, sequence: place.sequence } }
  }

  return {
    take,
    async fetch(pointers: readonly Pointer[]): Promise<(OcsfEvent | undefined)[]> {
      const events: (OcsfEvent | undefined)[] = []
      for (const { segment, offset, length } of pointers) {
        try {
          const line = await (await reader(segment)).read(offset, length)
          events.push(line.length === length ? parse(line, { segment, offset, sequence: -1 }) : undefined)
        } catch (error) {
          log.error({ journal: name, segment, offset, reason: reasonOf(error) }, 'an entry cannot be fetched')
          events.push(undefined)
        }
      }
      return events
    },
    close() {
      for (const promise of open.values()) promise.then(r => r.close()).catch(() => undefined)
      open.clear()
    }
  }
}

const SEQUENCE = /^\{"keywatch":"segment".*?"sequence":(\d+)/
/** A segment's header says where its sequence begins: puts a reader right after a damaged stretch. */
function sequenceAfter(line: Buffer): number | undefined {
  const match = SEQUENCE.exec(line.toString('latin1', 0, 400))
  return match ? Number(match[1]) : undefined
}
