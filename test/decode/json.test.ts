/** JSON from outside: depth is measured as it is, arrays are cut where they are. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deeperThan, splitArray } from '../../src/decode/json.ts'

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

describe('the depth of a JSON text', () => {
  it('is that of its value, with brackets in texts and keys counted as none', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), fc.integer({ min: 0, max: 6 }), (text, limit) => {
        expect(deeperThan(text, limit)).toBe(depthOf(JSON.parse(text)) > limit)
      })
    )
    expect(deeperThan('{"[{[{[{":"]\\"}[[["}', 1)).toBe(false)
  })

  it('is told of 100,000 levels without the stack', () => {
    expect(deeperThan('['.repeat(100_000), 64)).toBe(true)
  })
})

describe('an array', () => {
  it('is cut into the texts of its elements', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue({ stringUnit: 'binary' })),
        fc.constantFrom(0, 1),
        (values, indent) => {
          const { elements, rest } = splitArray(JSON.stringify(values, null, indent), 1000)
          // Through JSON once, which has no negative zero.
          expect(elements.map(text => JSON.parse(text))).toEqual(JSON.parse(JSON.stringify(values)))
          expect(rest).toBe('')
        }
      )
    )
  })

  it('stops one past the limit', () => {
    expect(splitArray('[1,2,3,4,5]', 2).elements).toHaveLength(3)
  })

  it('has a rest when it does not end, wherever it is cut', () => {
    const text = '[{"a":"],"},[1,[2]],"\\""]'
    for (let length = 1; length < text.length; length++)
      expect(splitArray(text.slice(0, length), 9).rest).not.toBe('')
  })
})
