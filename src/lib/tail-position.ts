/**
 * Where is a tail, said so that it survives a restart? A position is inode, device and offset, and the
 * hash of the file's first bytes, because inodes are used again. It also lists the rotated files that are
 * done, so that one that is not in the list is a generation nobody has read.
 */
import { hash } from 'node:crypto'
import { z } from 'zod'

/** Bytes at the start of a file that tell it from another with the same inode. */
export const HEAD_BYTES = 1024

/** The first `bytes` bytes of a file, hashed. Zero bytes tell nothing. */
const Head = z.strictObject({ bytes: z.number().int().nonnegative(), sha256: z.string() })
export type Head = z.infer<typeof Head>

const Position = z.strictObject({
  /** Empty: no file yet. */
  inode: z.string(),
  device: z.string(),
  /** Everything before it was fed. */
  offset: z.number().int().nonnegative(),
  fingerprint: Head,
  /** The offset is inside a line that is longer than the limit. */
  within: z.boolean(),
  /** Rotated files that are read or were there before: `inode.bytes.hash`. */
  done: z.array(z.string())
})
export type Position = z.infer<typeof Position>

export const NO_HEAD: Head = { bytes: 0, sha256: '' }
export const NOWHERE: Position = {
  inode: '',
  device: '',
  offset: 0,
  fingerprint: NO_HEAD,
  within: false,
  done: []
}

/** The position in the text of a mark; undefined if there is none or it is not ours. */
export function parsePosition(text: string | undefined): Position | undefined {
  if (text === undefined) return undefined
  try {
    return Position.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** The head of a file, of which `start` is the beginning, over its first `upTo` bytes (1 KiB at most). */
export function headOf(start: Buffer, upTo: number): Head {
  const bytes = Math.min(HEAD_BYTES, upTo, start.length)
  return bytes === 0 ? NO_HEAD : { bytes, sha256: hash('sha256', start.subarray(0, bytes)) }
}

/** True if a file that begins with `start` may be the one with this head. */
export const hasHead = (start: Buffer, head: Head): boolean =>
  head.bytes === 0 || (start.length >= head.bytes && headOf(start, head.bytes).sha256 === head.sha256)

const KEY_HASH = 16

/** How a file that is done is remembered. */
export const doneKey = (inode: string, head: Head): string =>
  `${inode}.${head.bytes}.${head.sha256.slice(0, KEY_HASH)}`

const DONE_MAX = 512
/** The list with more keys; the oldest fall out. */
export const withDone = (done: readonly string[], keys: readonly string[]): string[] =>
  [...new Set([...done, ...keys])].slice(-DONE_MAX)

/** True if the list has this file: same inode, same first bytes. */
export function isDone(done: readonly string[], fileInode: string, start: Buffer): boolean {
  return done.some(key => {
    const [inode, bytes, sha256] = key.split('.')
    const count = Number(bytes)
    if (inode !== fileInode || !(count > 0) || start.length < count) return false
    return headOf(start, count).sha256.slice(0, KEY_HASH) === sha256
  })
}

/** True if a name in the folder is a rotated form of `base`: `access.log.1`, `access.log-20261122`, `access-20261122.log`. */
export function isRotatedName(base: string, name: string): boolean {
  if (name === base) return false
  if (name.startsWith(base)) return /^[._-]\d/.test(name.slice(base.length))
  const dot = base.lastIndexOf('.')
  if (dot <= 0) return false
  const [stem, extension] = [base.slice(0, dot), base.slice(dot)]
  const middle = name.slice(stem.length, -extension.length)
  return name.startsWith(stem) && name.endsWith(extension) && /^[._-]\d[\dT._:-]*$/.test(middle)
}

const MAGIC = ['1f8b', '28b52ffd', '425a68', 'fd377a58']
/** True for gzip, zstd, bzip2 and xz: a compressed copy of what was already read as text. */
export const isCompressed = (start: Buffer): boolean => {
  const hex = start.toString('hex', 0, 4)
  return MAGIC.some(magic => hex.startsWith(magic))
}
