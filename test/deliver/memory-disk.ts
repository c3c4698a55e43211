/**
 * A disk in memory that knows what is durable. A crash keeps of each file what was synced, and of each folder the
 * names that were synced. The n-th operation can be made to fail, or to be the last before the crash.
 */
import { dirname } from 'node:path'
import type { Disk, DiskFile } from '../../src/core/ports.ts'

interface Inode {
  live: Buffer
  durable: Buffer
}

export interface MemoryDisk extends Disk {
  /** The disk after a power cut: only what was durable. */
  crash(): MemoryDisk
  /** Operations so far. */
  operations(): number
  /** The operation with this number, and all after it, reject. */
  failFrom(operation: number, until?: number): void
  text(path: string): string | undefined
  put(path: string, text: string): void
}

const failed = () => Object.assign(new Error('simulated'), { code: 'EIO' })
const missing = () => Object.assign(new Error('simulated'), { code: 'ENOENT' })

export function memoryDisk(durableNames = new Map<string, Inode>()): MemoryDisk {
  const names = new Map(durableNames)
  let durable = new Map(durableNames)
  let operations = 0
  let failFrom = Number.POSITIVE_INFINITY
  let failUntil = Number.POSITIVE_INFINITY

  const step = () => {
    const operation = operations++
    if (operation >= failFrom && operation < failUntil) throw failed()
  }
  const isChild = (path: string, folder: string) => dirname(path) === folder

  const fileOf = (inode: Inode): DiskFile => ({
    async write(bytes, at) {
      step()
      const size = Math.max(inode.live.length, at + bytes.length)
      const grown = Buffer.alloc(size)
      inode.live.copy(grown)
      grown.set(bytes, at)
      inode.live = grown
    },
    async read(length, at) {
      return Buffer.from(inode.live.subarray(at, at + length))
    },
    size: async () => inode.live.length,
    async sync() {
      step()
      inode.durable = Buffer.from(inode.live)
    },
    async truncate(size) {
      step()
      inode.live = Buffer.from(inode.live.subarray(0, size))
    },
    close: async () => {}
  })

  return {
    async open(path, mode) {
      let inode = names.get(path)
      if (inode === undefined) {
        if (mode === 'read') throw missing()
        step()
        inode = { live: Buffer.alloc(0), durable: Buffer.alloc(0) }
        names.set(path, inode)
      }
      return fileOf(inode)
    },
    list: async folder =>
      [...names.keys()]
        .filter(path => isChild(path, folder))
        .map(path => path.slice(folder.length + 1))
        .sort(),
    async rename(from, to) {
      step()
      const inode = names.get(from)
      if (inode === undefined) throw missing()
      names.delete(from)
      names.set(to, inode)
    },
    async remove(path) {
      step()
      names.delete(path)
    },
    makeFolder: async () => {},
    async syncFolder(folder) {
      step()
      const kept = [...durable].filter(([path]) => !isChild(path, folder))
      durable = new Map([...kept, ...[...names].filter(([path]) => isChild(path, folder))])
    },
    exists: async path => names.has(path),
    crash() {
      const left = new Map<string, Inode>()
      for (const [path, inode] of durable) {
        left.set(path, { live: Buffer.from(inode.durable), durable: Buffer.from(inode.durable) })
      }
      return memoryDisk(left)
    },
    operations: () => operations,
    failFrom(operation, until = Number.POSITIVE_INFINITY) {
      failFrom = operation
      failUntil = until
    },
    text: path => names.get(path)?.live.toString('utf8'),
    put(path, text) {
      const inode = { live: Buffer.from(text), durable: Buffer.from(text) }
      names.set(path, inode)
      durable.set(path, inode)
    }
  }
}
