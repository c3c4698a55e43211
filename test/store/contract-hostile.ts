/** The part of the store's contract that is about what an attacker writes into events. */
import { expect, it } from 'vitest'
import type { EventQuery, Store } from '../../src/core/store.ts'
import { batch, entryOf } from './entries.ts'

export function hostileInput(current: () => Store): void {
  const sequences = async (query: Partial<EventQuery>) =>
    (await current().events({ limit: 100, ...query })).map(hit => hit.sequence)

  it('takes hostile texts and finds them as they are', async () => {
    const texts = [
      'a\0b',
      'lone \ud800 half',
      "'; DROP TABLE events; --",
      '__proto__',
      '$1',
      '\u{1f511}',
      '\\',
      '"'
    ]
    await current().put('events', batch(texts.map((server, at) => entryOf(at, { server }))))
    await current().flush()
    for (const [at, server] of texts.entries()) expect(await sequences({ server })).toEqual([at])
    expect(await current().rows('events')).toBe(texts.length)
  })

  it('cuts a text of a megabyte and still finds it', async () => {
    const long = 'x'.repeat(1 << 20)
    await current().put('events', batch([entryOf(0, { server: long }), entryOf(1)]))
    await current().flush()
    expect(await sequences({ server: long })).toEqual([0])
    expect(await sequences({ server: 'xxx*' })).toEqual([0])
  })

  it('takes times and numbers beyond every range', async () => {
    const times = [
      0,
      -1,
      8.64e15,
      Number.MAX_SAFE_INTEGER,
      1e300,
      -1e300,
      Number.NaN,
      1.5,
      Number.POSITIVE_INFINITY
    ]
    await current().put('events', batch(times.map((time, at) => entryOf(at, { time, status: 1e12 }))))
    await current().flush()
    expect(await sequences({})).toEqual([8, 4, 3, 2, 7, 6, 0, 1, 5])
    expect(await sequences({ from: Number.NEGATIVE_INFINITY, to: 0 })).toEqual([1, 5])
    expect(await sequences({ statusCode: Number.POSITIVE_INFINITY })).toEqual([])
    expect(await current().events({ limit: -1 })).toEqual([])
  })
}
