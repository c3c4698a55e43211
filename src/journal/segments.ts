/**
 * The files of a journal folder: `0000000000.ndjson` while plain, `0000000000.ndjson.zst` once sealed.
 * A sealed segment is a series of independent Zstandard frames of about 256 KiB that end at line ends,
 * then a skippable frame with the SHA-256 of those frames and one with a seek table (zstd seekable format
 * 0.1.0), so `zstdcat` reads the whole, one event costs one frame, and no byte can change unseen.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { KeywatchError } from '../core/errors.ts'
import type { Disk } from '../core/ports.ts'
import {
  DIGEST_FRAME_MAGIC,
  PLAIN_SUFFIX,
  SEALED_SUFFIX,
  SEEK_FOOTER_MAGIC,
  SEEK_FRAME_MAGIC
} from './constants.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

const FRAME_BYTES = 256 * 1024
const FOOTER_BYTES = 9
/** A skippable frame with a SHA-256: 4 magic, 4 length, 32 digest. */
const DIGEST_BYTES = 40
const NAME = /^(\d{10})\.ndjson(\.zst)?$/

export interface SegmentFile {
  readonly number: number
  readonly path: string
  readonly sealed: boolean
}

export const plainPath = (folder: string, segment: number) =>
  join(folder, `${String(segment).padStart(10, '0')}${PLAIN_SUFFIX}`)
export const sealedPath = (folder: string, segment: number) =>
  join(folder, `${String(segment).padStart(10, '0')}${SEALED_SUFFIX}`)

/** The segments in a folder, in order; where a plain and a sealed file exist, the sealed one. */
export async function listSegments(disk: Disk, folder: string): Promise<SegmentFile[]> {
  const found = new Map<number, SegmentFile>()
  for (const name of await disk.list(folder)) {
    const match = NAME.exec(name)
    if (!match) continue
    const number = Number(match[1])
    const sealed = match[2] !== undefined
    if (sealed || !found.has(number)) found.set(number, { number, path: join(folder, name), sealed })
  }
  return [...found.values()].sort((a, b) => a.number - b.number)
}

/** Random access to the uncompressed bytes of one segment, plain or sealed. */
export interface SegmentReader {
  /** Uncompressed bytes. Grows for the segment being written. */
  size(): Promise<number>
  /** Up to `length` bytes from `at`; fewer at the end. */
  read(at: number, length: number): Promise<Buffer>
  close(): Promise<void>
}

export async function openSegment(disk: Disk, file: SegmentFile): Promise<SegmentReader> {
  const handle = await disk.open(file.path, 'read')
  if (!file.sealed) {
    return {
      size: () => handle.size(),
      read: (at, length) => handle.read(length, at),
      close: () => handle.close()
    }
  }
  try {
    return await openSealed(handle, file)
  } catch (error) {
    await handle.close()
    throw error
  }
}

interface Frame {
  readonly at: number
  readonly compressed: number
  readonly start: number
  readonly length: number
}

async function readSeekTable(handle: Awaited<ReturnType<Disk['open']>>, name: string): Promise<Frame[]> {
  const size = await handle.size()
  const footer = size >= FOOTER_BYTES ? await handle.read(FOOTER_BYTES, size - FOOTER_BYTES) : Buffer.alloc(0)
  if (footer.length < FOOTER_BYTES || footer.readUInt32LE(5) !== SEEK_FOOTER_MAGIC) {
    throw new KeywatchError('KW_JOURNAL_DAMAGED', `${name}: no seek table at the end`)
  }
  const count = footer.readUInt32LE(0)
  const tableBytes = count * 8
  const tableAt = size - FOOTER_BYTES - tableBytes
  if (tableAt < 8)
    throw new KeywatchError('KW_JOURNAL_DAMAGED', `${name}: the seek table is longer than the file`)
  const table = await handle.read(tableBytes, tableAt)
  const frames: Frame[] = []
  let at = 0
  let start = 0
  for (let i = 0; i < count; i++) {
    const compressed = table.readUInt32LE(i * 8)
    const length = table.readUInt32LE(i * 8 + 4)
    frames.push({ at, compressed, start, length })
    at += compressed
    start += length
  }
  if (at !== tableAt - 8 - DIGEST_BYTES)
    throw new KeywatchError('KW_JOURNAL_DAMAGED', `${name}: the seek table does not fit the frames`)
  return frames
}

async function openSealed(
  handle: Awaited<ReturnType<Disk['open']>>,
  file: SegmentFile
): Promise<SegmentReader> {
  const frames = await readSeekTable(handle, file.path)
  const last = frames.at(-1)
  const total = last === undefined ? 0 : last.start + last.length
  let cached: { index: number; bytes: Buffer } | undefined
  const frameBytes = async (index: number, frame: Frame): Promise<Buffer> => {
    if (cached?.index === index) return cached.bytes
    const packed = await handle.read(frame.compressed, frame.at)
    const bytes = await decompress(packed, { maxOutputLength: frame.length + 1 })
    if (bytes.length !== frame.length)
      throw new KeywatchError(
        'KW_JOURNAL_DAMAGED',
        `${file.path}: frame ${index} has another length than its seek table says`
      )
    cached = { index, bytes }
    return bytes
  }
  return {
    size: async () => total,
    async read(at, length) {
      const parts: Buffer[] = []
      let index = findFrame(frames, at)
      let from = at
      const end = Math.min(at + length, total)
      while (from < end) {
        const frame = frames[index]
        if (frame === undefined) break
        const bytes = await frameBytes(index, frame)
        parts.push(bytes.subarray(from - frame.start, Math.min(end - frame.start, bytes.length)))
        from = frame.start + frame.length
        index++
      }
      return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts)
    },
    close: () => handle.close()
  }
}

function findFrame(frames: readonly Frame[], at: number): number {
  let low = 0
  let high = frames.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((frames[middle]?.start ?? 0) <= at) low = middle
    else high = middle - 1
  }
  return low
}

/**
 * Compresses a finished plain segment and then removes it. A crash at any point leaves the plain file, the
 * sealed one, or both with equal content: `listSegments` prefers the sealed one, which is renamed into place
 * only when it is durable.
 */
export async function sealSegment(disk: Disk, folder: string, segment: number, level: number): Promise<void> {
  const source = await disk.open(plainPath(folder, segment), 'read')
  const temporary = `${sealedPath(folder, segment)}.tmp`
  await disk.remove(temporary)
  const target = await disk.open(temporary, 'write')
  try {
    const table: Buffer[] = []
    let written = 0
    const digest = createHash('sha256')
    for await (const block of lineBlocks(source)) {
      const packed = await compress(block, {
        params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 }
      })
      await target.write(packed, written)
      digest.update(packed)
      written += packed.length
      const row = Buffer.alloc(8)
      row.writeUInt32LE(packed.length, 0)
      row.writeUInt32LE(block.length, 4)
      table.push(row)
    }
    const digestHead = Buffer.alloc(8)
    digestHead.writeUInt32LE(DIGEST_FRAME_MAGIC, 0)
    digestHead.writeUInt32LE(DIGEST_BYTES - 8, 4)
    const head = Buffer.alloc(8)
    head.writeUInt32LE(SEEK_FRAME_MAGIC, 0)
    head.writeUInt32LE(table.length * 8 + FOOTER_BYTES, 4)
    const footer = Buffer.alloc(FOOTER_BYTES)
    footer.writeUInt32LE(table.length, 0)
    footer.writeUInt32LE(SEEK_FOOTER_MAGIC, 5)
    await target.write(Buffer.concat([digestHead, digest.digest(), head, ...table, footer]), written)
    await target.sync()
  } finally {
    await source.close()
    await target.close()
  }
  await disk.rename(temporary, sealedPath(folder, segment))
  await disk.syncFolder(folder)
  await disk.remove(plainPath(folder, segment))
}

/**
 * A file in blocks of about FRAME_BYTES that end with a newline. All lie in one buffer, so a block is valid until
 * the next: a segment's worth of fresh buffers would make V8 collect garbage over and over.
 */
async function* lineBlocks(file: Awaited<ReturnType<Disk['open']>>): AsyncGenerator<Buffer> {
  let buffer = Buffer.allocUnsafeSlow(FRAME_BYTES * 2)
  let at = 0
  for (;;) {
    const block = await file.read(buffer.length, at, buffer)
    if (block.length === 0) return
    const newline = block.length > FRAME_BYTES ? block.indexOf(10, FRAME_BYTES) : -1
    const whole = block.length < buffer.length
    if (newline === -1 && !whole) {
      // A line longer than the buffer: read again with more room.
      buffer = Buffer.allocUnsafeSlow(buffer.length * 2)
      continue
    }
    const end = newline === -1 ? block.length : newline + 1
    yield block.subarray(0, end)
    at += end
  }
}
