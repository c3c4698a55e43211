/** What every journal must do, whatever it stands on. One call gives an implementation all its checks. */
import { describe, expect, it } from 'vitest'
import type { Journal, Pointer } from '../../src/core/ports.ts'
import { numbered, numberOf, readAll } from './setup.ts'

/** `open` opens the same journal again and again; `reset` forgets it. */
export function journalContract(name: string, setup: () => Promise<{ open: () => Promise<Journal> }>): void {
  describe(`${name} keeps the journal contract`, () => {
    it('gives back what was appended, in order, with dense sequences', async () => {
      const { open } = await setup()
      const journal = await open()
      expect(await journal.append([numbered(0), numbered(1)])).toEqual({ first: 0, count: 2 })
      expect(await journal.append([numbered(2)])).toEqual({ first: 2, count: 1 })
      expect(await readAll(journal)).toEqual({ numbers: [0, 1, 2], sequences: [0, 1, 2] })
      expect(journal.size()).toBe(3)
      await journal.close()
    })

    it('has them after reopening, and goes on', async () => {
      const { open } = await setup()
      const first = await open()
      await first.append([numbered(0)])
      const head = first.head()
      await first.close()
      const second = await open()
      await second.append([numbered(1)])
      expect((await readAll(second)).numbers).toEqual([0, 1])
      expect((await readAll(second, head)).numbers).toEqual([1])
      expect(second.lag(head)).toBe(1)
      await second.close()
    })

    it('serves several readers from any batch’s cursor, across segments', async () => {
      const { open } = await setup()
      const journal = await open()
      for (let n = 0; n < 60; n += 3)
        await journal.append([numbered(n, 200), numbered(n + 1, 200), numbered(n + 2, 200)])
      const cursors: { next: string; from: number }[] = []
      for await (const batch of journal.read(null, { entriesMax: 7 })) {
        cursors.push({ next: batch.next, from: (batch.entries.at(-1)?.sequence ?? 0) + 1 })
      }
      expect(cursors.length).toBeGreaterThan(5)
      for (const { next, from } of cursors) {
        const expected = Array.from({ length: 60 - from }, (_, i) => from + i)
        expect((await readAll(journal, next)).numbers).toEqual(expected)
      }
      await journal.close()
    })

    it('lets a follower see every entry once, and stops when asked', async () => {
      const { open } = await setup()
      const journal = await open()
      const stop = new AbortController()
      const seen: number[] = []
      const following = (async () => {
        for await (const batch of journal.read(null, { follow: true, signal: stop.signal, entriesMax: 5 })) {
          for (const entry of batch.entries) seen.push(numberOf(entry.event))
          if (seen.length >= 40) stop.abort()
        }
      })()
      await Promise.all(Array.from({ length: 40 }, (_, n) => journal.append([numbered(n, 100)])))
      await following
      expect(seen).toEqual(Array.from({ length: 40 }, (_, n) => n))
      await journal.close()
    })

    it('finds entries by their pointers', async () => {
      const { open } = await setup()
      const journal = await open()
      for (let n = 0; n < 40; n++) await journal.append([numbered(n, 300)])
      const pointers: Pointer[] = []
      for await (const batch of journal.read(null))
        for (const entry of batch.entries) pointers.push(entry.pointer)
      const chosen = [31, 2, 39, 0].map(n => pointers[n]).filter(p => p !== undefined)
      const events = await journal.fetch(chosen)
      expect(events.map(e => e && numberOf(e))).toEqual([31, 2, 39, 0])
      expect(await journal.fetch([{ segment: 999, offset: 0, length: 10 }])).toEqual([undefined])
      await journal.close()
    })

    it('makes marks durable with their batch and forgets those that were set to null', async () => {
      const { open } = await setup()
      const first = await open()
      await first.append(
        [numbered(0)],
        [
          { key: 'tail:a', value: 'position 1' },
          { key: 'gone', value: 1 }
        ]
      )
      await first.append([], [{ key: 'gone', value: null }])
      await first.append([], [{ key: 'tail:a', value: 'position 2' }])
      for (let n = 1; n < 30; n++) await first.append([numbered(n, 400)])
      await first.close()
      const second = await open()
      expect(second.mark('tail:a')).toBe('position 2')
      expect(second.mark('gone')).toBeUndefined()
      await second.close()
    })

    it('refuses appends after it was closed', async () => {
      const { open } = await setup()
      const journal = await open()
      await journal.close()
      await expect(journal.append([numbered(0)])).rejects.toThrow(/closed/)
    })
  })
}
