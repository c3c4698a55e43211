/**
 * What every store must do, whatever is behind it: one call gives an implementation its tests.
 * `open` makes a store over `folder`; opening the same folder again must find what was there.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EventQuery, Store } from '../../src/core/store.ts'
import { hostileInput } from './contract-hostile.ts'
import { batch, DAY, entryOf, findingOf, T0 } from './entries.ts'

export function storeContract(name: string, open: (folder: string) => Promise<Store>): void {
  describe(`${name} as a store`, () => {
    let folder = ''
    let store: Store
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'keywatch-store-'))
      store = await open(folder)
    })
    afterEach(async () => {
      await store.close()
      await rm(folder, { recursive: true })
    })

    const sequences = async (query: Partial<EventQuery>) =>
      (await store.events({ limit: 100, ...query })).map(hit => hit.sequence)

    it('is empty, has no cursor and answers every query before anything was put', async () => {
      expect(store.cursor('events')).toBeNull()
      expect(store.cursor('findings')).toBeNull()
      expect(await store.rows('events')).toBe(0)
      expect(await store.events({ limit: 10 })).toEqual([])
      expect(await store.findings({ limit: 10 })).toEqual([])
      expect(await store.credential(['kwfp1.a.b'])).toEqual([])
    })

    it('shows after a flush what was put, newest first, with pointers and cursor', async () => {
      await store.put('events', batch([entryOf(0), entryOf(1, { time: T0 + DAY }), entryOf(2)]))
      await store.flush()
      expect(store.cursor('events')).toBe('cursor-3')
      expect(store.cursor('findings')).toBeNull()
      expect(await store.events({ limit: 2 })).toEqual([
        { sequence: 1, time: T0 + DAY, pointer: { segment: 3, offset: 1000, length: 101 } },
        { sequence: 2, time: T0 + 2, pointer: { segment: 3, offset: 2000, length: 102 } }
      ])
    })

    it('finds everything again after it was closed and opened', async () => {
      await store.put('events', batch([entryOf(0), entryOf(1)]))
      await store.put('findings', batch([findingOf(0)]))
      await store.close()
      store = await open(folder)
      expect(store.cursor('events')).toBe('cursor-2')
      expect(store.cursor('findings')).toBe('cursor-1')
      expect(await store.rows('events')).toBe(2)
      await store.put('events', batch([entryOf(1), entryOf(2)]))
      await store.flush()
      expect(await sequences({ server: 'github-mcp' })).toEqual([2, 1, 0])
    })

    it('keeps the cursor where it is when an old batch comes again', async () => {
      await store.put('events', batch([entryOf(0), entryOf(1), entryOf(2)]))
      await store.put('events', batch([entryOf(0)]))
      await store.flush()
      expect(store.cursor('events')).toBe('cursor-3')
      expect(await store.rows('events')).toBe(3)
    })

    it('has each entry once after any interleaving of overlapping batches, flushes and restarts', async () => {
      type Step = { kind: 'put'; back: number; count: number } | { kind: 'flush' } | { kind: 'reopen' }
      const step: fc.Arbitrary<Step> = fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({
            kind: fc.constant('put' as const),
            back: fc.nat({ max: 6 }),
            count: fc.nat({ max: 9 })
          })
        },
        { weight: 2, arbitrary: fc.constant({ kind: 'flush' as const }) },
        { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) }
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 14 }), async steps => {
          await store.clear()
          let end = 0
          for (const one of steps) {
            if (one.kind === 'flush') await store.flush()
            else if (one.kind === 'reopen') {
              await store.close()
              store = await open(folder)
            } else {
              const first = Math.max(0, end - one.back)
              const entries = Array.from({ length: one.count }, (_, at) => entryOf(first + at))
              await store.put('events', { entries, next: `cursor-${Math.max(end, first + one.count)}` })
              end = Math.max(end, first + one.count)
            }
          }
          await store.flush()
          const expected = Array.from({ length: end }, (_, at) => end - 1 - at)
          expect(await sequences({ limit: 1000 })).toEqual(expected)
          expect(await store.rows('events')).toBe(end)
          if (end > 0) expect(store.cursor('events')).toBe(`cursor-${end}`)
          const [summary] = await store.credential(['kwfp1.k1.every'])
          expect(summary?.events ?? 0).toBe(end)
        }),
        { numRuns: 10 }
      )
    })

    it('starts from nothing after clear', async () => {
      await store.put('events', batch([entryOf(0), entryOf(1)]))
      await store.flush()
      await store.put('events', batch([entryOf(2)]))
      await store.clear()
      expect(store.cursor('events')).toBeNull()
      expect(await store.rows('events')).toBe(0)
      await store.put('events', batch([entryOf(0)]))
      await store.flush()
      expect(await sequences({ server: 'github-mcp' })).toEqual([0])
    })

    it('pages through equal times without losing or repeating a row', async () => {
      const entries = Array.from({ length: 23 }, (_, at) => entryOf(at, { time: T0 + (at >> 2) }))
      await store.put('events', batch(entries))
      await store.flush()
      const seen: number[] = []
      let before: { time: number; sequence: number } | undefined
      for (;;) {
        const hits = await store.events({ limit: 5, ...(before ? { before } : {}) })
        seen.push(...hits.map(hit => hit.sequence))
        const last = hits.at(-1)
        if (last === undefined) break
        before = { time: last.time, sequence: last.sequence }
      }
      expect(seen).toEqual(Array.from({ length: 23 }, (_, at) => 22 - at))
    })

    describe('filters', () => {
      // One store for the whole table: these tests only read.
      let filtersFolder = ''
      let filtered: Store
      beforeAll(async () => {
        filtersFolder = await mkdtemp(join(tmpdir(), 'keywatch-store-'))
        filtered = await open(filtersFolder)
        await filtered.put(
          'events',
          batch([
            entryOf(0, {
              server: 'github-mcp',
              actor: { user: { name: 'alice', email_addr: 'a@example.com' } }
            }),
            entryOf(1, {
              server: 'gitlab-mcp',
              actor: { user: { uid: 'u-7' } },
              ip: '192.0.2.9',
              status: 401
            }),
            entryOf(2, { server: '100%_mcp', secret: { manager: 'vault', name: 'DB', path: 'kv/prod/db' } }),
            entryOf(3, { secret: { manager: 'doppler', names: ['API_KEY', 'DB_URL'] }, source: 'doppler' }),
            entryOf(4, { actor: { app_name: 'cron' }, action: 'secret.read', fingerprint: 'kwfp1.k1.other' }),
            findingOf(5)
          ])
        )
        await filtered.flush()
      })
      afterAll(async () => {
        await filtered.close()
        await rm(filtersFolder, { recursive: true })
      })

      const table: [string, Partial<EventQuery>, number[]][] = [
        ['a server, exactly', { server: 'github-mcp', to: T0 + 1 }, [0]],
        ['a server’s beginning', { server: 'git*', to: T0 + 2 }, [1, 0]],
        ['a server’s end', { server: '*lab-mcp' }, [1]],
        ['a server’s middle', { server: '*ithu*', to: T0 + 1 }, [0]],
        ['% and _ as themselves', { server: '100%_*' }, [2]],
        ['no wildcard in %', { server: '%' }, []],
        ['no wildcard within a name', { server: 'git*mcp' }, []],
        ['an actor by name', { actor: 'alice' }, [3, 2, 0]],
        ['an actor by e-mail', { actor: 'a@*' }, [0]],
        ['an actor by uid', { actor: 'u-7' }, [1]],
        ['an actor that is a program', { actor: 'cron' }, [4]],
        ['an address', { ip: '192.0.2.9' }, [1]],
        ['an HTTP status', { statusCode: 401 }, [1]],
        ['a secret by name', { secret: 'DB' }, [2]],
        ['a secret by path', { secret: 'kv/prod/*' }, [2]],
        ['one of several secrets', { secret: 'DB*' }, [3, 2]],
        ['any secret', { secret: '*' }, [3, 2]],
        ['a source', { source: 'doppler' }, [3]],
        ['an action', { action: 'secret.read' }, [4]],
        ['a credential', { credentials: ['kwfp1.k1.other'] }, [4]],
        ['any of several credentials', { credentials: ['kwfp1.k1.other', 'kwfp1.k1.2'] }, [4, 2]],
        ['no credential at all', { credentials: [] }, []],
        ['a class', { class: 'detection_finding' }, [5]],
        ['a class that does not exist', { class: 'constructor' }, []],
        ['a time span, open at its end', { from: T0 + 1, to: T0 + 3 }, [2, 1]],
        ['fractions of a millisecond', { from: T0 + 0.5, to: T0 + 1.5 }, [1]],
        ['an event id', { uid: entryOf(3).event.metadata.uid }, [3]],
        ['an event id that is no UUID', { uid: 'nothing' }, []],
        ['several at once', { server: '*mcp', actor: 'u-7', statusCode: 401, ip: '192.0.2.9' }, [1]],
        ['several that exclude each other', { server: 'github-mcp', actor: 'u-7' }, []]
      ]
      it.each(table)('finds %s', async (_, query, expected) => {
        const hits = await filtered.events({ limit: 100, ...query })
        expect(hits.map(hit => hit.sequence)).toEqual(expected)
      })
    })

    it('finds findings by rule, level, id and time', async () => {
      const findings = [
        findingOf(0, 'rule-a', 'high'),
        findingOf(1, 'rule-b', 'low'),
        findingOf(2, 'rule-a', 'low')
      ]
      await store.put('findings', batch(findings))
      await store.flush()
      const found = async (query: object) =>
        (await store.findings({ limit: 10, ...query })).map(hit => hit.sequence)
      expect(await found({})).toEqual([2, 1, 0])
      expect(await found({ rule: 'rule-a' })).toEqual([2, 0])
      expect(await found({ rule: 'rule-a', level: 'low' })).toEqual([2])
      expect(await found({ uid: findings[1]?.event.metadata.uid })).toEqual([1])
      expect(await found({ from: T0 + 1, to: T0 + 2 })).toEqual([1])
      expect(await store.rows('findings')).toBe(3)
      expect(await store.rows('events')).toBe(0)
    })

    it('sums up what is known of a credential, each event counted once', async () => {
      const twice = entryOf(1, { server: 'b', actor: { user: { name: 'bob' } }, ip: '192.0.2.2' })
      twice.event.unmapped.keywatch.credentials?.push({
        fingerprint: 'kwfp1.k1.every',
        type: 'bearer',
        where: 'request.url',
        use: 'exposed'
      })
      await store.put('events', batch([entryOf(0, { server: 'a' }), twice, entryOf(2, { server: 'a' })]))
      await store.flush()
      expect(await store.credential(['kwfp1.k1.2', 'kwfp1.k1.never', 'kwfp1.k1.every'])).toEqual([
        {
          fingerprint: 'kwfp1.k1.2',
          types: ['password'],
          events: 1,
          presented: 0,
          exposed: 1,
          firstSeen: T0 + 2,
          lastSeen: T0 + 2,
          servers: ['a'],
          actors: ['alice'],
          ips: ['192.0.2.1'],
          sources: ['gateway']
        },
        {
          fingerprint: 'kwfp1.k1.every',
          types: ['bearer', 'github-pat'],
          events: 3,
          presented: 3,
          exposed: 1,
          firstSeen: T0,
          lastSeen: T0 + 2,
          servers: ['a', 'b'],
          actors: ['alice', 'bob'],
          ips: ['192.0.2.1', '192.0.2.2'],
          sources: ['gateway']
        }
      ])
    })

    hostileInput(() => store)

    it('refuses work after it was closed, and closes twice without complaint', async () => {
      await store.close()
      await store.close()
      await expect(store.put('events', batch([entryOf(0)]))).rejects.toThrow('closed')
      await expect(store.events({ limit: 1 })).rejects.toThrow('closed')
      store = await open(folder)
    })
  })
}
