/**
 * The verifier's own way to a segment's uncompressed bytes (docs/journal-format.md, "Sealed segments"):
 * checks the seek table, the digest of the frames and every frame on the way.
 */
import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import {
  CONTROL_START,
  DIGEST_FRAME_MAGIC,
  HASH_START,
  SEEK_FOOTER_MAGIC,
  SEEK_FRAME_MAGIC
} from './constants.ts'

const unpack = promisify(zstdDecompress)

/** The first place that does not fit. The message is shown. */
export class Broken extends Error {
  readonly offset: number
  constructor(offset: number, what: string) {
    super(what)
    this.offset = offset
  }
}

/** Yields a segment's uncompressed bytes in blocks, with progress by bytes of the file. */
export async function* plainBlocks(
  file: FileHandle,
  advance: (bytes: number) => void
): AsyncGenerator<Buffer> {
  const size = (await file.stat()).size
  for (let at = 0; at < size; ) {
    const block = Buffer.allocUnsafe(Math.min(1 << 20, size - at))
    const { bytesRead } = await file.read(block, 0, block.length, at)
    if (bytesRead === 0) return
    at += bytesRead
    advance(bytesRead)
    yield block.subarray(0, bytesRead)
  }
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, at)
  if (bytesRead !== length) throw new Broken(at, 'the compressed file ends early')
  return buffer
}

export async function* sealedBlocks(
  file: FileHandle,
  advance: (bytes: number) => void
): AsyncGenerator<Buffer> {
  const size = (await file.stat()).size
  if (size < 9 + 8 + 40) throw new Broken(0, 'the compressed file is too short')
  const footer = await readAt(file, size - 9, 9)
  if (footer.readUInt32LE(5) !== SEEK_FOOTER_MAGIC || footer[4] !== 0)
    throw new Broken(size - 9, 'the seek table has no valid footer')
  const frames = footer.readUInt32LE(0)
  const tableAt = size - 9 - frames * 8
  if (tableAt < 48) throw new Broken(size - 9, 'the seek table counts more frames than fit')
  const head = await readAt(file, tableAt - 8, 8)
  if (head.readUInt32LE(0) !== SEEK_FRAME_MAGIC || head.readUInt32LE(4) !== frames * 8 + 9)
    throw new Broken(tableAt - 8, 'the seek table has no valid header')
  const table = await readAt(file, tableAt, frames * 8)
  const digestFrame = await readAt(file, tableAt - 48, 40)
  const digest = createHash('sha256')
  let at = 0
  for (let i = 0; i < frames; i++) {
    const packed = table.readUInt32LE(i * 8)
    const length = table.readUInt32LE(i * 8 + 4)
    if (at + packed > tableAt - 48)
      throw new Broken(tableAt + i * 8, 'the seek table does not fit the frames')
    const frame = await readAt(file, at, packed)
    digest.update(frame)
    let block: Buffer
    try {
      block = await unpack(frame, { maxOutputLength: length + 1 })
    } catch {
      throw new Broken(at, 'a compressed frame cannot be read')
    }
    if (block.length !== length)
      throw new Broken(at, 'a compressed frame has another length than its table says')
    at += packed
    advance(packed)
    yield block
  }
  if (at !== tableAt - 48) throw new Broken(at, 'there are bytes between the frames and their digest')
  if (digestFrame.readUInt32LE(0) !== DIGEST_FRAME_MAGIC || digestFrame.readUInt32LE(4) !== 32)
    throw new Broken(at, 'the digest of the frames has no valid header')
  if (!digest.digest().equals(digestFrame.subarray(8)))
    throw new Broken(at, 'the compressed frames are not those that were written')
  advance(size - at)
}

const TORN_ZEROES_MIN = 512

/** A torn write is whole event lines, a part of a line, perhaps zeroed sectors. Anything else was changed later. */
export function checkTail(lines: readonly Buffer[], carry: Buffer, start: number): void {
  for (const line of lines) {
    try {
      const event = JSON.parse(line.toString('utf8')) as Readonly<Record<string, unknown>>
      if (typeof event['class_uid'] === 'number') continue
    } catch {
      // Falls through: not an event.
    }
    throw new Broken(start, 'after the last commit stand lines that no write leaves behind')
  }
  let end = carry.length
  while (end > 0 && carry[end - 1] === 0) end--
  const rest = carry.toString('latin1', 0, carry.length - end >= TORN_ZEROES_MIN ? end : carry.length)
  const hashAt = rest.indexOf(HASH_START)
  const hash = hashAt === -1 ? '' : rest.slice(hashAt + HASH_START.length)
  const partOfCommit = rest.startsWith(CONTROL_START)
    ? /^([0-9a-f]{0,63}|[0-9a-f]{64}"?\}?)$/.test(hash)
    : (rest === '' || rest.startsWith('{')) && !rest.includes(CONTROL_START)
  if (!partOfCommit) throw new Broken(start, 'the last commit was changed, or bytes were added after it')
}
