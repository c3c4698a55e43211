/** The dictionary: the same text has the same number, within bounds. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { indexed, TEXT_UNITS_MAX, TextIds } from '../../src/store/texts.ts'
import { uidWords } from '../../src/store/uid.ts'

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('a', 'b', '__proto__', 'constructor', '\ud800')
)

describe('text numbers', () => {
  it('are equal for equal texts and different for different ones, as far as UTF-8 tells them apart', () => {
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 40 }), texts => {
        const ids = new TextIds()
        const numbers = texts.map(text => ids.idOf(text))
        for (const [at, text] of texts.entries()) {
          expect(ids.idOf(text)).toBe(numbers[at])
          for (const [other, second] of texts.entries())
            expect(numbers[at] === numbers[other]).toBe(indexed(text) === indexed(second))
        }
      })
    )
  })
  it('are 0 for what is absent or empty', () => {
    const ids = new TextIds()
    expect([ids.idOf(undefined), ids.idOf('')]).toEqual([0, 0])
  })
  it('are dense, and lead back to the text through what is pending', () => {
    const ids = new TextIds()
    ids.load(41, [['known', 7]])
    expect(['new', 'known', 'newer', 'new'].map(text => ids.idOf(text))).toEqual([42, 7, 43, 42])
    expect([ids.pendingFirst, ids.takePending()]).toEqual([42, ['new', 'newer']])
    expect([ids.pendingFirst, ids.takePending()]).toEqual([44, []])
  })
  it('go on when the memory is full: a text may then get a second number', () => {
    const ids = new TextIds(3)
    for (let at = 0; at < 10_000; at++) ids.idOf(`text ${at}`)
    expect(ids.takePending()).toHaveLength(10_000)
    expect(ids.idOf('text 0')).toBeGreaterThan(0)
  })
  it('treat texts that differ only beyond the limit as one', () => {
    const ids = new TextIds()
    const long = 'y'.repeat(TEXT_UNITS_MAX)
    expect(ids.idOf(`${long}1`)).toBe(ids.idOf(`${long}2`))
    expect(indexed('z'.repeat(1 << 20))).toHaveLength(TEXT_UNITS_MAX)
  })
})

describe('event id words', () => {
  it('are the 128 bits of a UUID', () => {
    fc.assert(
      fc.property(fc.uuid(), uuid => {
        const hex = [...uidWords(uuid)].map(word => (word >>> 0).toString(16).padStart(8, '0')).join('')
        expect(hex).toBe(uuid.replaceAll('-', ''))
      })
    )
  })
  it.each([
    '',
    'x',
    'g0000000-0000-4000-8000-000000000000',
    '00000000x0000-4000-8000-000000000000',
    '\u00ff'.repeat(36)
  ])('are those of a hash for %j', text => {
    const words = [...uidWords(text)]
    expect(words).not.toEqual([0, 0, 0, 0])
    expect([...uidWords(text)]).toEqual(words)
  })
})
