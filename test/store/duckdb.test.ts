/** The embedded store: the contract, and what only a file on a disk can get wrong. */
import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Clock, Log } from '../../src/core/ports.ts'
import { openDuckStore } from '../../src/store/duckdb.ts'
import { storeContract } from './contract.ts'
import { batch, entryOf } from './entries.ts'

const silent: Log = { info: () => {}, warn: () => {}, error: () => {} }
/** Time stands still: only flush and full groups commit. */
const stopped: Clock = {
  now: () => 0,
  sleep: (_, signal) =>
    new Promise(resolve => signal?.addEventListener('abort', () => resolve(), { once: true }))
}
const options = { memoryMiB: 64, threads: 1, log: silent, clock: stopped }
const openIn = (folder: string, more: object = {}) =>
  openDuckStore({ path: join(folder, "in'dex.duckdb"), ...options, ...more })

storeContract('DuckDB', folder => openIn(folder))
storeContract('DuckDB with groups of three rows', folder =>
  openIn(folder, { flushEvery: { rows: 3, ms: 1 } })
)

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keywatch-duckdb-'))
})
afterEach(() => rm(folder, { recursive: true }))

const range = (first: number, count: number) => Array.from({ length: count }, (_, at) => entryOf(first + at))

describe('groups', () => {
  it('commits a full group at once and the rest when its first row is old enough', async () => {
    let wake = () => {}
    const slept: number[] = []
    const clock: Clock = {
      now: () => 0,
      sleep: (ms, signal) =>
        new Promise(resolve => {
          slept.push(ms)
          wake = resolve
          signal?.addEventListener('abort', () => resolve(), { once: true })
        })
    }
    const store = await openIn(folder, { clock, flushEvery: { rows: 4, ms: 700 } })
    await store.put('events', batch(range(0, 6)))
    expect(await store.rows('events')).toBe(4)
    // The cursor belongs to the whole batch, which is not committed yet.
    expect(store.cursor('events')).toBeNull()
    expect(slept).toEqual([700])
    wake()
    await expect.poll(() => store.rows('events')).toBe(6)
    expect(store.cursor('events')).toBe('cursor-6')
    await store.close()
  })

  it('makes no file before the first commit', async () => {
    const store = await openIn(folder)
    await store.put('events', { entries: [], next: 'cursor-0' })
    await store.flush()
    expect(await readdir(folder)).toEqual([])
    await store.close()
    expect(await readdir(folder)).toEqual([])
  })

  it('leaves one file without a log when it is closed', async () => {
    const store = await openIn(folder)
    await store.put('events', batch(range(0, 5)))
    await store.close()
    expect((await readdir(folder)).sort()).toEqual(["in'dex.duckdb", "in'dex.duckdb.closed"])
  })

  it('knows after a proper close where it ended, without opening the file, and goes on when it must', async () => {
    const first = await openIn(folder)
    await first.put('events', batch(range(0, 5)))
    await first.close()
    const file = join(folder, "in'dex.duckdb")
    const second = await openIn(folder)
    expect(second.cursor('events')).toBe(batch(range(0, 5)).next)
    expect(existsSync(`${file}.closed`)).toBe(true)
    await second.put('events', batch(range(3, 5)))
    expect(existsSync(`${file}.closed`)).toBe(false)
    expect(await second.rows('events')).toBe(5)
    await second.flush()
    expect(await second.rows('events')).toBe(8)
    await second.close()
  })

  it('does not believe what was noted at the close if the file changed since', async () => {
    const first = await openIn(folder)
    await first.put('events', batch(range(0, 5)))
    await first.close()
    const file = join(folder, "in'dex.duckdb")
    await copyFile(`${file}.closed`, join(folder, 'note'))
    const second = await openIn(folder)
    await second.put('events', batch(range(5, 5)))
    await second.close()
    await copyFile(join(folder, 'note'), `${file}.closed`)
    const third = await openIn(folder)
    expect(third.cursor('events')).toBe(batch(range(5, 5)).next)
    await third.close()
  })

  it('answers queries while it writes', async () => {
    const store = await openIn(folder, { flushEvery: { rows: 100, ms: 1 } })
    const writing = store.put('events', batch(range(0, 2000)))
    const counts: number[] = []
    for (let at = 0; at < 20; at++) counts.push(await store.rows('events'))
    await writing
    await store.flush()
    expect(counts.every(count => count % 100 === 0)).toBe(true)
    expect(await store.rows('events')).toBe(2000)
    await store.close()
  })
})

describe('a file that cannot be used', () => {
  const warnings: string[] = []
  const log: Log = { ...silent, warn: (_, message) => warnings.push(message) }
  const path = () => join(folder, "in'dex.duckdb")
  beforeEach(() => {
    warnings.length = 0
  })

  const startsEmpty = async () => {
    const store = await openIn(folder, { log })
    expect(store.cursor('events')).toBeNull()
    expect(await store.rows('events')).toBe(0)
    expect(warnings).toHaveLength(1)
    await store.put('events', batch(range(0, 3)))
    await store.flush()
    expect(await store.rows('events')).toBe(3)
    await store.close()
    expect(await readdir(folder)).toContain("in'dex.duckdb.aside")
  }

  it.each([
    ['is empty', Buffer.alloc(0)],
    ['is text', Buffer.from('not a database, though somewhat long. '.repeat(500))],
    ['is zeros', Buffer.alloc(100_000)]
  ])('is set aside if it %s', async (_, bytes) => {
    await writeFile(path(), bytes)
    // DuckDB takes an empty file for a new database: there is nothing to set aside, and no table in it.
    await startsEmpty()
    expect(await readFile(`${path()}.aside`)).toHaveLength(bytes.length)
  })

  it('is set aside if its header was cut or changed', async () => {
    const store = await openIn(folder)
    await store.put('events', batch(range(0, 100)))
    await store.close()
    const whole = await readFile(path())
    await writeFile(path(), whole.subarray(0, 5000))
    await startsEmpty()
    warnings.length = 0
    await rm(path())
    whole.fill(0xff, 4096, 3 * 4096)
    await writeFile(path(), whole)
    await startsEmpty()
  })

  it('is set aside if it has another version or is somebody else’s', async () => {
    const { DuckDBInstance } = await import('@duckdb/node-api')
    for (const sql of ['CREATE TABLE other (a INTEGER)', 'CREATE TABLE state AS SELECT 99 AS version']) {
      const instance = await DuckDBInstance.create(path())
      const connection = await instance.connect()
      await connection.run(sql)
      connection.closeSync()
      instance.closeSync()
      await startsEmpty()
      warnings.length = 0
      await rm(path())
    }
  })

  it('never ends the process, whichever bytes of it are damaged', async () => {
    const store = await openIn(folder)
    await store.put('events', batch(range(0, 300)))
    await store.close()
    const whole = await readFile(path())
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: whole.length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, flip) => {
          const damaged = Buffer.from(whole)
          damaged[at] = (damaged[at] ?? 0) ^ flip
          await writeFile(path(), damaged)
          const opened = await openIn(folder, { log })
          const hits = await opened.events({ limit: 1000 }).catch(() => 'unreadable')
          expect(hits === 'unreadable' || hits.length === 300 || hits.length === 0).toBe(true)
          await opened.clear()
          expect(await opened.rows('events')).toBe(0)
          await opened.close()
          await rm(path(), { force: true })
        }
      ),
      { numRuns: 25 }
    )
  })

  it('is left alone while another process has it open', async () => {
    const child = fork(fileURLToPath(new URL('./crash-child.ts', import.meta.url)), [path(), '1'])
    await new Promise(resolve => child.once('message', resolve))
    await expect(openIn(folder)).rejects.toMatchObject({ code: 'KW_JOURNAL_LOCKED' })
    child.kill('SIGKILL')
    await new Promise(resolve => child.once('exit', resolve))
    expect(await readdir(folder)).not.toContain("in'dex.duckdb.aside")
  })
})

describe('a crash', () => {
  it('leaves rows and cursor of the same moment in a copy of the open file and its log', async () => {
    const store = await openIn(folder)
    await store.put('events', batch(range(0, 10)))
    await store.flush()
    await store.put('events', batch(range(10, 10)))
    const copies = await mkdtemp(join(tmpdir(), 'keywatch-copy-'))
    for (const name of await readdir(folder)) await copyFile(join(folder, name), join(copies, name))
    const copy = await openIn(copies)
    expect(copy.cursor('events')).toBe('cursor-10')
    expect(await copy.rows('events')).toBe(10)
    await copy.close()
    await rm(copies, { recursive: true })
    await store.close()
  })

  it('at any moment of writing costs nothing that reading on from the cursor does not bring back', async () => {
    const path = join(folder, "in'dex.duckdb")
    for (const messages of [1, 3, 6]) {
      const child = fork(fileURLToPath(new URL('./crash-child.ts', import.meta.url)), [path, '0'])
      let heard = 0
      await new Promise<void>(resolve => {
        child.on('message', () => {
          if (++heard === messages) child.kill('SIGKILL')
        })
        child.once('exit', () => resolve())
      })
      const store = await openIn(folder)
      const rows = await store.rows('events')
      expect(rows).toBeGreaterThan(0)
      expect(store.cursor('events')).toBe(`cursor-${rows}`)
      const hits = await store.events({ limit: 10_000 })
      expect(new Set(hits.map(hit => hit.sequence)).size).toBe(Math.min(rows, 10_000))
      // Texts are in the same transaction as the rows that refer to them.
      expect((await store.events({ server: 'github-mcp', limit: 10_000 })).length).toBe(hits.length)
      await store.close()
    }
  })
})

describe('a full disk', () => {
  const limitable = existsSync('/usr/bin/prlimit')
  if (!limitable) process.stderr.write('LOUD SKIP: no prlimit here; the store on a full disk is not tested\n')

  it.skipIf(!limitable)(
    'rejects the commit, keeps rows and cursor together, and goes on when there is room',
    async () => {
      const path = join(folder, 'index.duckdb')
      const child = fork(fileURLToPath(new URL('./full-child.ts', import.meta.url)), [path])
      const told = await new Promise(resolve => {
        child.once('message', resolve)
        child.once('exit', () => resolve('ended early'))
      })
      expect(told).toEqual([
        'KW_STORE_FAILED',
        'KW_STORE_FAILED',
        100,
        'cursor-100',
        30_100,
        'cursor-30100',
        10_000
      ])
    }
  )
})
