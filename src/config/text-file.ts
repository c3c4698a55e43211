/** How is a small text file read, and what is wrong with it if it cannot be? Never more than a bound, even of a device. */
import { closeSync, openSync, readSync } from 'node:fs'
import { reasonOf } from '../core/errors.ts'

/** Reads at most `bytesMax + 1` bytes, so that a caller sees that there is more without reading it. */
export type ReadFile = (path: string, bytesMax: number) => Uint8Array

const CHUNK_BYTES = 64 * 1024

/** The real reader. Throws system errors. */
export const readFileBounded: ReadFile = (path, bytesMax) => {
  const descriptor = openSync(path, 'r')
  try {
    const chunks: Buffer[] = []
    let total = 0
    while (total <= bytesMax) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, bytesMax + 1 - total))
      const got = readSync(descriptor, chunk)
      if (got === 0) break
      chunks.push(chunk.subarray(0, got))
      total += got
    }
    return Buffer.concat(chunks)
  } finally {
    closeSync(descriptor)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a folder'
}

/** The text, or what is wrong with the file, as the end of a sentence that begins with its name. */
export function readText(
  path: string,
  readFile: ReadFile,
  bytesMax: number,
  shownMax: string
): { text: string } | { wrong: string } {
  let bytes: Uint8Array
  try {
    bytes = readFile(path, bytesMax)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    return { wrong: REASONS[code] ?? `cannot be read (${reasonOf(error)})` }
  }
  if (bytes.length > bytesMax) return { wrong: `is larger than ${shownMax}` }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { wrong: 'is not UTF-8 text' }
  }
}
