/**
 * How is a growing log file read so that every complete line is taken exactly once, through rotation,
 * truncation and restarts? The position is made durable together with the lines (`feed`), so a crash
 * repeats nothing and loses nothing.
 *
 * - Renamed and created anew: the old inode is read to its end, kept open for `graceMs` because its writer
 *   may not have reopened yet, then the generations between, oldest first, then the new file.
 * - Truncated in place (`copytruncate`): seen by its size or its first bytes, and read from 0. If the copy
 *   lies beside it, what was written before the copy is read from there. Lost are lines written between
 *   copy and truncation, and, without a copy, lines written and truncated between two polls.
 * - A line without its newline waits, unless its file is finished.
 */
import type { Clock } from '../core/ports.ts'
import type { FileFacts, TailFile, TailFiles } from './tail-files.ts'
import {
  doneKey,
  HEAD_BYTES,
  hasHead,
  headOf,
  NO_HEAD,
  NOWHERE,
  type Position,
  parsePosition,
  withDone
} from './tail-position.ts'
import { copiesOf, findInode, siblingKey, siblingsOf, unreadOf } from './tail-siblings.ts'

/** `lines`: complete lines. `piece`: part of a line that is longer than `bytesMax`. */
export interface TailBatch {
  readonly kind: 'lines' | 'piece'
  readonly bytes: Buffer
}

export interface TailOptions {
  readonly path: string
  readonly files: TailFiles
  readonly clock: Clock
  /** The durable position, as `feed` got it last. */
  readonly saved: string | undefined
  /** Makes the lines and the position durable, or rejects: then the same call comes again. */
  readonly feed: (batch: TailBatch, position: string) => Promise<void>
  readonly from: 'beginning' | 'end'
  readonly linesMax: number
  readonly bytesMax: number
  /** How long a file that was rotated away is watched after its last growth. */
  readonly graceMs: number
}

const EMPTY = Buffer.alloc(0)
const NEWLINE = 0x0a

export class Tail {
  private readonly options: TailOptions
  private begun = false
  private position: Position = NOWHERE
  /** The file that `position` is in. */
  private file: TailFile | undefined
  /** The last look at it that found nothing to read. */
  private seen: FileFacts | undefined
  /** Since when a file that is no longer at the path has not grown; ms. */
  private quietSince: number | undefined
  /** Given to `feed` and not yet durable. */
  private pending: { batch: TailBatch; position: Position } | undefined

  constructor(options: TailOptions) {
    this.options = options
  }

  /** One move: at most one `feed`. True if there may be more at once. Rejects if `feed` or the disk does. */
  async step(): Promise<boolean> {
    if (this.pending) return this.deliver()
    if (!this.begun) return this.begin()
    if (!this.file) return this.next()
    return (await this.read(this.file)) || this.turnOver(this.file)
  }

  async close(): Promise<void> {
    const file = this.file
    this.file = undefined
    await file?.close()
  }

  private async deliver(): Promise<boolean> {
    if (!this.pending) return false
    const { batch, position } = this.pending
    await this.options.feed(batch, JSON.stringify(position))
    this.pending = undefined
    this.position = position
    return true
  }

  private give(kind: TailBatch['kind'], bytes: Buffer, change: Partial<Position>): Promise<boolean> {
    this.pending = { batch: { kind, bytes }, position: { ...this.position, ...change } }
    return this.deliver()
  }

  private async adopt(file: TailFile | undefined, position: Position): Promise<void> {
    if (this.file !== file) await this.close()
    this.file = file
    this.position = position
    this.seen = undefined
    this.quietSince = undefined
  }

  private async begin(): Promise<boolean> {
    const { path, files, saved } = this.options
    const position = parsePosition(saved)
    if (position === undefined) return this.firstStart()
    const found = await findInode(files, path, position)
    const file = found === undefined ? undefined : await files.open(found)
    await this.adopt(file, position)
    this.begun = true
    if (file !== undefined && (await this.isSame(file))) return true
    // Truncated or gone while nobody looked, or the inode is another file's now: not ours under another name.
    if (found !== path) await this.close()
    return this.startOver()
  }

  /** Rotated files that are there already belong to the time before. */
  private async firstStart(): Promise<boolean> {
    const { path, files, from } = this.options
    const done = withDone([], (await siblingsOf(files, path)).map(siblingKey))
    const file = await files.open(path)
    let position: Position = { ...NOWHERE, done }
    if (file) {
      const { inode, device, size } = await file.facts()
      const offset = from === 'end' ? await this.lastLineEnd(file, size) : 0
      const fingerprint = headOf(await file.read(HEAD_BYTES, 0), offset)
      position = { ...position, inode, device, offset, fingerprint }
    }
    await this.adopt(file, position)
    this.begun = true
    return this.give('lines', EMPTY, position)
  }

  private async lastLineEnd(file: TailFile, size: number): Promise<number> {
    const from = Math.max(0, size - this.options.bytesMax)
    const at = (await file.read(size - from, from)).lastIndexOf(NEWLINE)
    return at === -1 ? size : from + at + 1
  }

  private async isSame(file: TailFile): Promise<boolean> {
    const { size } = await file.facts()
    if (size < this.position.offset) return false
    return hasHead(await file.read(this.position.fingerprint.bytes, 0), this.position.fingerprint)
  }

  /** Feeds what has grown. False if there is nothing to feed now. */
  private async read(file: TailFile): Promise<boolean> {
    const { bytesMax } = this.options
    const { offset, fingerprint, within } = this.position
    const facts = await file.facts()
    if (facts.size < offset) return this.startOver()
    if (facts.size === this.seen?.size && facts.modifiedNs === this.seen.modifiedNs) return false
    const chunk = await file.read(Math.min(bytesMax, facts.size - offset), offset)
    // The first bytes are read after the chunk: if they are still the same, the chunk was of this file.
    const start = await file.read(HEAD_BYTES, 0)
    if (!hasHead(start, fingerprint)) return this.startOver()
    const end = within ? chunk.indexOf(NEWLINE) + 1 : this.linesEnd(chunk)
    const piece = within || (end === 0 && chunk.length >= bytesMax)
    const length = end === 0 && piece ? chunk.length : end
    if (length === 0) {
      this.seen = facts
      return false
    }
    this.seen = undefined
    this.quietSince = undefined
    const head = fingerprint.bytes === HEAD_BYTES ? fingerprint : headOf(start, offset + length)
    return this.give(piece ? 'piece' : 'lines', chunk.subarray(0, length), {
      offset: offset + length,
      fingerprint: head,
      within: piece && end === 0
    })
  }

  /** After the newline of the last complete line, or of the last that fits in one batch; 0 if none. */
  private linesEnd(chunk: Buffer): number {
    let end = 0
    for (let lines = 0; lines < this.options.linesMax; lines++) {
      const at = chunk.indexOf(NEWLINE, end)
      if (at === -1) break
      end = at + 1
    }
    return end
  }

  /** At the end of the file: is there a newer one? Then this one is done. */
  private async turnOver(file: TailFile): Promise<boolean> {
    const { path, files, clock, graceMs, bytesMax } = this.options
    const { inode, device, offset, within, done } = this.position
    const newest = await files.facts(path)
    if (newest?.inode === inode && newest.device === device) return false
    const unread = unreadOf(await siblingsOf(files, path), this.position)
    if (newest === undefined && unread.length === 0) return false
    this.quietSince ??= clock.now()
    if (clock.now() - this.quietSince < graceMs) return false
    // Nobody will finish its last line any more.
    const { size } = await file.facts()
    if (size < offset || size - offset > bytesMax) return true
    const rest = await file.read(size - offset, offset)
    const head = headOf(await file.read(HEAD_BYTES, 0), size)
    const copies = copiesOf(unread, this.position.fingerprint)
    const keys = [...(head.bytes > 0 ? [doneKey(inode, head)] : []), ...copies.map(siblingKey)]
    await this.close()
    return this.give(within ? 'piece' : 'lines', rest, { ...NOWHERE, done: withDone(done, keys) })
  }

  /**
   * The file does not hold any more what was read of it. If a copy of it lies beside the log, what the copy
   * has beyond the offset comes first; then whatever is new, the truncated file too.
   */
  private async startOver(): Promise<boolean> {
    const { path, files } = this.options
    const before = this.position
    const unread = unreadOf(await siblingsOf(files, path), before)
    const copies = copiesOf(unread, before.fingerprint)
    const last = copies.at(-1)
    const longer = last !== undefined && last.facts.size > before.offset ? last : undefined
    const done = withDone(before.done, copies.filter(copy => copy !== longer).map(siblingKey))
    const file = longer === undefined ? undefined : await files.open(longer.path)
    if (longer === undefined || file === undefined) {
      const start = { ...NOWHERE, done }
      // Other generations come before what the file holds now; without any, it is read where it is: its
      // writer may still write to it, whatever it is called by now.
      if (this.file === undefined || unread.length > copies.length) await this.adopt(undefined, start)
      else await this.adopt(this.file, { ...start, inode: before.inode, device: before.device })
      return true
    }
    const { inode, device } = longer.facts
    await this.adopt(file, { ...before, inode, device, done })
    return true
  }

  /** Opens the oldest file that nobody has read. */
  private async next(): Promise<boolean> {
    const { path, files } = this.options
    const oldest = unreadOf(await siblingsOf(files, path), this.position)[0]
    const file = await files.open(oldest?.path ?? path)
    if (file === undefined) return false
    const { inode, device } = await file.facts()
    if (oldest !== undefined && oldest.facts.inode !== inode) {
      // Renamed between the look and the opening: look again.
      await file.close()
      return true
    }
    const { done } = this.position
    const start = { inode, device, offset: 0, fingerprint: NO_HEAD, within: false, done }
    await this.adopt(file, start)
    return true
  }
}
