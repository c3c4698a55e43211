import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { realDisk } from '../../src/lib/disk.ts'
import { fakeClock } from '../fakes/clock.ts'
import { fakeLog } from '../fakes/log.ts'
import { type SimDisk, simDisk } from '../sim/disk.ts'
import { journalContract } from './contract.ts'
import { numbered, openTestJournal, readAll } from './setup.ts'

const root = mkdtempSync(join(tmpdir(), 'kw-journal-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const folder = () => join(root, String(folders++))

journalContract('a file journal on a real disk', async () => {
  const path = folder()
  return { open: () => openTestJournal(realDisk, path) }
})
journalContract('a file journal on a simulated disk', async () => {
  const disk = simDisk(1)
  return { open: () => openTestJournal(disk, '/j') }
})

describe('a file journal', () => {
  it('commits concurrent appends together', async () => {
    const disk = simDisk(1)
    const journal = await openTestJournal(disk, '/j', { segmentBytes: 1 << 20 })
    await journal.append([numbered(0)])
    const before = disk.operations
    await Promise.all(Array.from({ length: 100 }, (_, n) => journal.append([numbered(n + 1)])))
    expect(disk.operations - before).toBeLessThanOrEqual(6)
    expect(journal.size()).toBe(101)
  })

  it('refuses more when too much waits for the disk, and accepts again afterwards', async () => {
    const journal = await openTestJournal(simDisk(1), '/j', { pendingBytesMax: 2000 })
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => journal.append([numbered(n, 200)]))
    )
    const refused = results.filter(r => r.status === 'rejected')
    expect(refused.length).toBeGreaterThan(0)
    expect(refused.every(r => r.reason.code === 'KW_JOURNAL_BUSY')).toBe(true)
    await journal.append([numbered(99)])
    expect(journal.size()).toBe(50 - refused.length + 1)
  })

  it('answers a full disk with KW_JOURNAL_FULL, keeps what it had, and resumes by itself', async () => {
    const disk = simDisk(1)
    const journal = await openTestJournal(disk, '/j', { segmentBytes: 1 << 20 })
    await journal.append([numbered(0, 500)])
    disk.capacity = 2000
    await expect(journal.append([numbered(1, 2000)])).rejects.toMatchObject({ code: 'KW_JOURNAL_FULL' })
    expect(journal.healthy()).toBe(false)
    disk.capacity = Number.POSITIVE_INFINITY
    await journal.append([numbered(2)])
    expect(journal.healthy()).toBe(true)
    expect((await readAll(journal)).numbers).toEqual([0, 2])
  })

  it('never trusts a segment whose fsync failed: the next commit goes to a new one', async () => {
    const disk = simDisk(1)
    const journal = await openTestJournal(disk, '/j', { segmentBytes: 1 << 20, compressLevel: 0 })
    await journal.append([numbered(0)])
    disk.fail('sync', 'EIO', 0)
    await expect(journal.append([numbered(1)])).rejects.toMatchObject({ code: 'KW_JOURNAL_FAILED' })
    await journal.append([numbered(2)])
    expect((await readAll(journal)).numbers).toEqual([0, 2])
    expect([...disk.files.keys()].sort()).toEqual(['/j/0000000000.ndjson', '/j/0000000001.ndjson'])
  })

  it('rotates by age as well as by size', async () => {
    const clock = fakeClock()
    const disk = simDisk(1)
    const journal = await openTestJournal(disk, '/j', { segmentBytes: 1 << 20, clock, compressLevel: 0 })
    await journal.append([numbered(0)])
    await clock.advance(3_600_001)
    await journal.append([numbered(1)])
    await journal.append([numbered(2)])
    expect(disk.files.size).toBe(2)
    expect((await readAll(journal)).numbers).toEqual([0, 1, 2])
  })

  it('seals old segments with zstd and reads on through them', async () => {
    const path = folder()
    const journal = await openTestJournal(realDisk, path, { segmentBytes: 600_000 })
    for (let n = 0; n < 300; n++) await journal.append([numbered(n, 9000)])
    await journal.idle()
    const names = readdirSync(path)
    expect(names.filter(n => n.endsWith('.zst')).length).toBeGreaterThanOrEqual(4)
    expect(names.filter(n => n.endsWith('.ndjson')).length).toBe(1)
    expect((await readAll(journal)).numbers).toEqual(Array.from({ length: 300 }, (_, n) => n))
    const pointers = []
    for await (const batch of journal.read(null)) for (const e of batch.entries) pointers.push(e.pointer)
    const events = await journal.fetch(pointers.filter((_, i) => i % 37 === 0))
    expect(events.every(e => e !== undefined)).toBe(true)
    await journal.close()
  })

  it('forgets marks after their time, but not the time in which it was not running', async () => {
    const disk = simDisk(1)
    const clock = fakeClock()
    const first = await openTestJournal(disk, '/j', { clock, segmentBytes: 300 })
    await first.append([numbered(0)], [{ key: 'd:1', value: 1, ttlMs: 60_000 }])
    await first.close()
    clock.set(clock.now() + 3_600_000)
    const second = await openTestJournal(disk, '/j', { clock, segmentBytes: 300 })
    expect(second.mark('d:1')).toBe(1)
    await clock.advance(61_000)
    await second.append([numbered(1)])
    await second.append([numbered(2)])
    await second.close()
    const third = await openTestJournal(disk, '/j', { clock })
    expect(third.mark('d:1')).toBeUndefined()
  })

  it('cuts a torn tail and says so', async () => {
    const disk = simDisk(1)
    const first = await openTestJournal(disk, '/j', { segmentBytes: 1 << 20 })
    await first.append([numbered(0)])
    await first.close()
    const node = disk.files.get('/j/0000000000.ndjson')
    if (!node) throw new Error('no segment')
    node.bytes = Buffer.concat([node.bytes, Buffer.from('{"class_uid":4002,"torn')])
    const log = fakeLog()
    const second = await openTestJournal(disk, '/j', { log })
    expect(log.lines.some(l => l.level === 'warn' && /torn write/.test(l.message))).toBe(true)
    await second.append([numbered(1)])
    expect((await readAll(second)).numbers).toEqual([0, 1])
  })

  it('starts on a damaged segment, keeps it as evidence, reads what can be read, and goes on in a new one', async () => {
    const disk = simDisk(1)
    const first = await openTestJournal(disk, '/j', { segmentBytes: 1 << 20, compressLevel: 0 })
    for (let n = 0; n < 10; n++) await first.append([numbered(n)])
    await first.close()
    const node = disk.files.get('/j/0000000000.ndjson')
    if (!node) throw new Error('no segment')
    const at = node.bytes.indexOf('event 4')
    node.bytes.write('{', at)
    const damaged = Buffer.from(node.bytes)
    const log = fakeLog()
    const second = await openTestJournal(disk, '/j', { log, compressLevel: 0 })
    expect(log.lines.some(l => l.level === 'error' && /damaged/.test(l.message))).toBe(true)
    await second.append([numbered(10)])
    expect((await readAll(second)).numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(disk.files.get('/j/0000000000.ndjson')?.bytes.equals(damaged)).toBe(true)
  })

  it('starts whichever byte was changed, cuts nothing, and reads all that is whole', async () => {
    const disk = simDisk(1)
    const first = await openTestJournal(disk, '/j', { segmentBytes: 1 << 20, compressLevel: 0 })
    await first.append([numbered(0)])
    await first.append([numbered(1)])
    await first.close()
    const whole = disk.files.get('/j/0000000000.ndjson')?.bytes ?? Buffer.alloc(0)
    const start = whole.lastIndexOf('{"keywatch":"commit"')
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 1
      const other = simDisk(1)
      other.files.set('/j/0000000000.ndjson', { bytes: changed, synced: changed })
      const journal = await openTestJournal(other, '/j', { compressLevel: 0 })
      expect(other.files.get('/j/0000000000.ndjson')?.bytes.equals(changed), `byte ${at}`).toBe(true)
      expect((await readAll(journal)).numbers, `byte ${at}`).toEqual(
        expect.arrayContaining(at < start ? [] : [0, 1])
      )
    }
  })

  it.each([
    ['an empty segment file', () => Buffer.alloc(0)],
    ['half a header', () => Buffer.from('{"keywatch":"segment","versi')],
    ['binary rubbish', () => Buffer.from([0, 1, 2, 255, 10, 13, 10])]
  ])('starts when the newest segment is %s', async (_, content) => {
    const disk = simDisk(1)
    const first = await openTestJournal(disk, '/j', { segmentBytes: 1 << 20, compressLevel: 0 })
    await first.append([numbered(0)])
    await first.close()
    disk.files.set('/j/0000000001.ndjson', { bytes: content(), synced: content() })
    const second = await openTestJournal(disk, '/j', { compressLevel: 0 })
    await second.append([numbered(1)])
    expect((await readAll(second)).numbers).toEqual([0, 1])
  })
})

/** Appends until the disk gives up, crashing at random; returns what was acknowledged. */
async function workload(
  disk: SimDisk,
  seed: number,
  rounds: number
): Promise<{ acked: number[]; tried: number }> {
  const acked: number[] = []
  let next = 0
  for (let round = 0; round < rounds; round++) {
    const journal = await openTestJournal(disk.process(), '/j', {
      segmentBytes: 1500 + (seed % 3) * 1000,
      compressLevel: seed % 2
    })
    const waiting: Promise<unknown>[] = []
    const appends = 3 + ((seed + round) % 9)
    for (let i = 0; i < appends; i++) {
      const numbers = Array.from({ length: 1 + ((seed + i) % 3) }, () => next++)
      const append = journal.append(numbers.map(n => numbered(n, (n * 37) % 200))).then(
        () => acked.push(...numbers),
        () => undefined
      )
      if ((seed + i) % 2 === 0) await append
      else waiting.push(append)
    }
    if (round % 2 === 0) await Promise.all(waiting)
    disk.crash()
    await Promise.allSettled(waiting)
    await journal.close().catch(() => undefined)
  }
  return { acked, tried: next }
}

async function checkAfterwards(disk: SimDisk, acked: readonly number[]): Promise<void> {
  const journal = await openTestJournal(disk, '/j')
  const { numbers, sequences } = await readAll(journal)
  expect(new Set(numbers).size).toBe(numbers.length)
  expect(sequences).toEqual(Array.from({ length: sequences.length }, (_, i) => i))
  for (const n of acked) expect(numbers).toContain(n)
  const copy = folder()
  await realDisk.makeFolder(copy)
  for (const [path, node] of disk.files) {
    const file = await realDisk.open(join(copy, path.slice(3)), 'write')
    await file.write(node.bytes, 0)
    await file.close()
  }
  const { verifyJournal } = await import('../../src/journal/verify.ts')
  const verdict = await verifyJournal(copy)
  expect(verdict.problems).toEqual([])
  await journal.close()
}

describe('a crash simulation of the journal', () => {
  it('loses no acknowledged entry, shows none twice, and verifies, whatever the power loss leaves', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1 << 30 }), async seed => {
        const disk = simDisk(seed)
        const { acked } = await workload(disk, seed, 4)
        await checkAfterwards(disk, acked)
      }),
      { numRuns: 60 }
    )
  })

  it.each(['EIO', 'ENOSPC'])('survives the k-th disk operation failing with %s, for every k', async code => {
    const probe = simDisk(7)
    await workload(probe, 7, 3)
    for (let k = 0; k < probe.operations; k++) {
      const disk = simDisk(7)
      disk.fail('any', code, k)
      const { acked } = await workload(disk, 7, 3).catch(() => ({ acked: [] as number[] }))
      disk.crash()
      await checkAfterwards(disk, acked)
    }
  })
})

describe('journal files', () => {
  it('are NDJSON in which every line is one JSON value', async () => {
    const path = folder()
    const journal = await openTestJournal(realDisk, path, { compressLevel: 0 })
    for (let n = 0; n < 20; n++) await journal.append([numbered(n, 100)], [{ key: 'k', value: n }])
    await journal.close()
    for (const name of readdirSync(path)) {
      const lines = readFileSync(join(path, name), 'utf8').trimEnd().split('\n')
      for (const line of lines) expect(typeof JSON.parse(line)).toBe('object')
    }
  })
})
