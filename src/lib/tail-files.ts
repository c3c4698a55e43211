/**
 * What must a tail know of files? The small port behind `tail.ts`, and the real one. Inode and device are
 * read as 64-bit integers: as doubles, two different ones can look equal.
 */
import type { BigIntStats } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'

export interface FileFacts {
  readonly inode: string
  readonly device: string
  /** Bytes. */
  readonly size: number
  readonly modifiedNs: bigint
  readonly bornNs: bigint
}

export interface TailFile {
  facts(): Promise<FileFacts>
  /** Up to `length` bytes from `at`; fewer at the end of the file. */
  read(length: number, at: number): Promise<Buffer>
  close(): Promise<void>
}

export interface TailFiles {
  /** Undefined if there is no regular file: missing, or a pipe, which would block. Other errors reject. */
  facts(path: string): Promise<FileFacts | undefined>
  open(path: string): Promise<TailFile | undefined>
  /** Names in a folder; none if there is no such folder. */
  names(folder: string): Promise<string[]>
}

const isMissing = (error: unknown) =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')

async function orMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

const factsOf = (stats: BigIntStats): FileFacts => ({
  inode: String(stats.ino),
  device: String(stats.dev),
  size: Number(stats.size),
  modifiedNs: stats.mtimeNs,
  bornNs: stats.birthtimeNs
})

async function regularFacts(path: string): Promise<FileFacts | undefined> {
  const stats = await orMissing(stat(path, { bigint: true }))
  return stats?.isFile() ? factsOf(stats) : undefined
}

async function openFile(path: string): Promise<TailFile | undefined> {
  if ((await regularFacts(path)) === undefined) return undefined
  const handle = await orMissing(open(path, 'r'))
  if (handle === undefined) return undefined
  return {
    facts: async () => factsOf(await handle.stat({ bigint: true })),
    async read(length, at) {
      const buffer = Buffer.allocUnsafe(length)
      let done = 0
      while (done < length) {
        const { bytesRead } = await handle.read(buffer, done, length - done, at + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return buffer.subarray(0, done)
    },
    close: () => handle.close()
  }
}

export const realTailFiles: TailFiles = {
  facts: regularFacts,
  open: openFile,
  names: async folder => (await orMissing(readdir(folder))) ?? []
}
