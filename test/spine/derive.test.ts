import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lifecycle } from '../../src/core/build.ts'
import type { DetectorEngine } from '../../src/core/finding.ts'
import type { Cursor, Disk, EntryBatch, Journal } from '../../src/core/ports.ts'
import type { JournalName, Store } from '../../src/core/store.ts'
import { createDerive } from '../../src/derive.ts'
import { eventIdOf } from '../../src/lib/event-id.ts'
import { stateFile } from '../../src/state-file.ts'
import { fakeLog } from '../fakes/log.ts'
import { numbered, numberOf, openTestJournal } from '../journal/setup.ts'
import { seeded, simDisk } from '../sim/disk.ts'
import { noMetrics } from './setup.ts'

/** Counts entries; every fifth is a finding whose id depends on all numbers so far. */
function toyEngine(): DetectorEngine {
  let sum = 0
  let seen = 0
  return {
    detectors: [],
    problems: [],
    evaluate: entries =>
      entries.flatMap(entry => {
        sum += numberOf(entry.event)
        if (++seen % 5 !== 0) return []
        const finding = lifecycle('Finding', { time: entry.event.time })
        finding.metadata.uid = eventIdOf(String(sum), String(seen))
        return [finding]
      }),
    snapshot: () => ({ sum, seen }),
    restore(value) {
      ;({ sum, seen } = value as { sum: number; seen: number })
    },
    evictions: () => new Map()
  }
}

/** A store whose rows die with the process unless flushed, together with its cursor. */
function toyStore(durable: {
  rows: Record<JournalName, Set<number>>
  cursors: Record<JournalName, Cursor | null>
}): Store {
  const cursors = { ...durable.cursors }
  const waiting: { journal: JournalName; batch: EntryBatch }[] = []
  return {
    async put(journal, batch) {
      waiting.push({ journal, batch })
      cursors[journal] = batch.next
    },
    async flush() {
      for (const { journal, batch } of waiting.splice(0)) {
        for (const entry of batch.entries) durable.rows[journal].add(entry.sequence)
        durable.cursors[journal] = batch.next
      }
    },
    cursor: journal => cursors[journal],
    events: async () => [],
    findings: async () => [],
    credential: async () => [],
    rows: async () => 0,
    clear: async () => undefined,
    close: async () => undefined
  }
}

const findingIds = async (journal: Journal) => {
  const ids: string[] = []
  for await (const batch of journal.read(null)) ids.push(...batch.entries.map(e => e.event.metadata.uid))
  return ids
}

async function open(disk: Disk) {
  const [events, findings] = await Promise.all([
    openTestJournal(disk, '/e'),
    openTestJournal(disk, '/f', { name: 'findings' })
  ])
  return { events, findings }
}

const deriveOver = async (disk: Disk, journals: { events: Journal; findings: Journal }, store: Store) =>
  createDerive({
    ...journals,
    store,
    engine: toyEngine(),
    snapshot: stateFile(disk, '/state/detect.json', fakeLog()),
    snapshotEveryMs: 0,
    metrics: noMetrics,
    clock: { now: () => 1, sleep: () => new Promise<void>(resolve => setImmediate(resolve)) },
    log: fakeLog(),
    span: (_n, _a, run) => run()
  })

describe('derive', () => {
  it('gives the same findings, each once, and every row, wherever the process dies', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1 << 30 }), async seed => {
        const random = seeded(seed)
        const disk = simDisk(seed)
        const durable = {
          rows: { events: new Set<number>(), findings: new Set<number>() },
          cursors: { events: null, findings: null }
        }
        let next = 0
        for (let round = 0; round < 5; round++) {
          const alive = disk.process()
          const journals = await open(alive)
          const store = toyStore(durable)
          const derive = await deriveOver(alive, journals, store)
          const count = 1 + Math.floor(random() * 12)
          for (let i = 0; i < count; i++) await journals.events.append([numbered(next++)])
          if (random() < 0.5) disk.fail('any', 'EIO', Math.floor(random() * 8))
          if (random() < 0.3) await derive.catchUp().catch(() => undefined)
          else {
            const stop = new AbortController()
            const running = derive.run(stop.signal).catch(() => undefined)
            for (let i = 0; i < random() * 20; i++) await new Promise(resolve => setImmediate(resolve))
            if (random() < 0.5) await store.flush()
            disk.crash()
            stop.abort()
            await Promise.allSettled([running, journals.events.close(), journals.findings.close()])
          }
          disk.crash()
        }
        const journals = await open(disk)
        const store = toyStore(durable)
        await (await deriveOver(disk, journals, store)).catchUp()
        const reference = simDisk(0)
        const fresh = await open(reference)
        for await (const batch of journals.events.read(null))
          await fresh.events.append(batch.entries.map(e => e.event))
        await (
          await deriveOver(
            reference,
            fresh,
            toyStore({
              rows: { events: new Set(), findings: new Set() },
              cursors: { events: null, findings: null }
            })
          )
        ).catchUp()
        expect(await findingIds(journals.findings)).toEqual(await findingIds(fresh.findings))
        expect(durable.rows.events.size).toBe(journals.events.size())
        expect(durable.rows.findings.size).toBe(journals.findings.size())
      }),
      { numRuns: 40 }
    )
  })
})
