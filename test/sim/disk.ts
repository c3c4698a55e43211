/**
 * A simulated disk behind the Disk port. It remembers what was synced; a crash keeps that, and of the rest
 * a random part, torn at sector ends. The k-th operation can fail. All choices come from one seed.
 */
import type { Disk, DiskFile } from '../../src/core/ports.ts'

interface Node {
  bytes: Buffer
  /** What survives a crash for sure. */
  synced: Buffer
}

export interface SimDisk extends Disk {
  /** Power loss: open files are gone, un-synced bytes kept, cut or torn by chance. */
  crash(): void
  /** The next operations of this kind fail: after `skip` good ones, `times` bad ones. */
  fail(kind: 'write' | 'sync' | 'truncate' | 'any', code: string, skip: number, times?: number): void
  /** Bytes that fit; a write beyond it writes a part and then fails with ENOSPC. */
  capacity: number
  readonly files: Map<string, Node>
  operations: number
  /** The disk as one process sees it: after a crash every call of that process fails, as it is dead. */
  process(): Disk
}

/** Mulberry32: small, seeded, good enough to choose torn tails. */
export function seeded(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const fault = (code: string) => Object.assign(new Error(code), { code })

export function simDisk(seed: number): SimDisk {
  const random = seeded(seed)
  const files = new Map<string, Node>()
  let generation = 0
  let faults: { kind: string; code: string; skip: number; times: number }[] = []
  const check = (kind: string) => {
    disk.operations++
    for (const f of faults) {
      if (f.kind !== 'any' && f.kind !== kind) continue
      if (f.skip-- > 0) continue
      if (f.times-- > 0) throw fault(f.code)
    }
    faults = faults.filter(f => f.times > 0)
  }
  const used = () => [...files.values()].reduce((sum, n) => sum + n.bytes.length, 0)
  function handle(node: Node): DiskFile {
    const born = generation
    const alive = () => {
      if (born !== generation) throw fault('EBADF')
    }
    return {
      async write(bytes, at) {
        alive()
        check('write')
        const grow = Math.max(0, at + bytes.length - node.bytes.length)
        const room = disk.capacity - used()
        const fits = grow > room ? Math.max(0, bytes.length - (grow - room)) : bytes.length
        const next = Buffer.alloc(Math.max(node.bytes.length, at + fits))
        node.bytes.copy(next)
        Buffer.from(bytes.buffer, bytes.byteOffset, fits).copy(next, at)
        node.bytes = next
        if (fits < bytes.length) throw fault('ENOSPC')
      },
      async read(length, at, into) {
        alive()
        const found = node.bytes.subarray(at, at + length)
        if (into === undefined) return Buffer.from(found)
        found.copy(into)
        return into.subarray(0, found.length)
      },
      async size() {
        alive()
        return node.bytes.length
      },
      async sync() {
        alive()
        check('sync')
        node.synced = Buffer.from(node.bytes)
      },
      async truncate(size) {
        alive()
        check('truncate')
        node.bytes = Buffer.concat([
          node.bytes.subarray(0, size),
          Buffer.alloc(Math.max(0, size - node.bytes.length))
        ])
      },
      async close() {}
    }
  }
  const disk: SimDisk = {
    capacity: Number.POSITIVE_INFINITY,
    files,
    operations: 0,
    async open(path, mode) {
      let node = files.get(path)
      if (!node) {
        if (mode === 'read') throw fault('ENOENT')
        node = { bytes: Buffer.alloc(0), synced: Buffer.alloc(0) }
        files.set(path, node)
      }
      return handle(node)
    },
    async list(folder) {
      const prefix = `${folder}/`
      return [...files.keys()]
        .filter(p => p.startsWith(prefix) && !p.slice(prefix.length).includes('/'))
        .map(p => p.slice(prefix.length))
        .sort()
    },
    async rename(from, to) {
      check('rename')
      const node = files.get(from)
      if (!node) throw fault('ENOENT')
      files.delete(from)
      files.set(to, node)
    },
    async remove(path) {
      files.delete(path)
    },
    async makeFolder() {},
    async syncFolder() {
      check('sync')
    },
    exists: async path => files.has(path),
    crash() {
      generation++
      faults = []
      for (const node of files.values()) {
        if (node.bytes.equals(node.synced)) continue
        const sector = random() < 0.5 ? 512 : 4096
        const common = Math.min(node.bytes.length, node.synced.length)
        const choice = random()
        if (choice < 0.3) node.bytes = Buffer.from(node.synced)
        else if (node.bytes.length > node.synced.length) {
          let keep = common + Math.floor(random() * (node.bytes.length - common + 1))
          if (choice < 0.6) keep = Math.max(common, keep - (keep % sector))
          node.bytes = Buffer.from(node.bytes.subarray(0, keep))
        }
        node.synced = Buffer.from(node.bytes)
      }
    },
    process() {
      const born = generation
      const guard =
        <A extends unknown[], R>(run: (...args: A) => Promise<R>) =>
        async (...args: A): Promise<R> => {
          if (born !== generation) throw fault('EIO')
          return run(...args)
        }
      return {
        open: guard(disk.open),
        list: guard(disk.list),
        rename: guard(disk.rename),
        remove: guard(disk.remove),
        makeFolder: guard(disk.makeFolder),
        syncFolder: guard(disk.syncFolder),
        exists: guard(disk.exists)
      }
    },
    fail(kind, code, skip, times = 1) {
      faults.push({ kind, code, skip, times })
    }
  }
  return disk
}
