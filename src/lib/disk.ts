/** The real disk behind the Disk port. */

import type { FileHandle } from 'node:fs/promises'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import type { Disk, DiskFile } from '../core/ports.ts'

function wrap(handle: FileHandle): DiskFile {
  return {
    async write(bytes, at) {
      let done = 0
      while (done < bytes.length) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done)
        done += bytesWritten
      }
    },
    async read(length, at, into) {
      const buffer = into ?? Buffer.allocUnsafe(length)
      let done = 0
      while (done < length) {
        const { bytesRead } = await handle.read(buffer, done, length - done, at + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return buffer.subarray(0, done)
    },
    size: async () => (await handle.stat()).size,
    sync: () => handle.datasync(),
    truncate: size => handle.truncate(size),
    close: () => handle.close()
  }
}

const isMissing = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT'

export const realDisk: Disk = {
  async open(path, mode) {
    if (mode === 'read') return wrap(await open(path, 'r'))
    try {
      return wrap(await open(path, 'r+'))
    } catch (error) {
      if (!isMissing(error)) throw error
      return wrap(await open(path, 'wx+', 0o600))
    }
  },
  async list(folder) {
    try {
      return (await readdir(folder)).sort()
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  },
  rename: (from, to) => rename(from, to),
  remove: path => rm(path, { force: true, recursive: false }),
  async makeFolder(path) {
    await mkdir(path, { recursive: true, mode: 0o700 })
  },
  async syncFolder(path) {
    const handle = await open(path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  async exists(path) {
    try {
      await stat(path)
      return true
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }
}
