import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Recent } from '../../src/detect/recent.ts'

describe('a map that forgets', () => {
  it('keeps what a plain list would keep, in the same order', () => {
    const step = fc.record({ key: fc.integer({ min: 0, max: 9 }), gap: fc.integer({ min: 0, max: 8 }) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), (steps, max) => {
        const recent = new Recent<string>(max, 20)
        let model: { key: string; touched: number }[] = []
        let evicted = 0
        let now = 0
        for (const { key, gap } of steps) {
          now += gap
          const name = `k${key}`
          const known = model.some(one => one.key === name)
          model = known ? model.filter(one => one.key !== name) : model
          for (let idle = 0; !known && idle < 2; idle++)
            if ((model[0]?.touched ?? now) < now - 20) model.shift()
          for (; !known && model.length >= max; evicted++) model.shift()
          model.push({ key: name, touched: now })
          expect(recent.touch(name, now) ?? recent.add(name, name, now)).toBe(name)
          expect([...recent.entries()]).toEqual(model.map(one => [one.key, one.key, one.touched]))
          expect([recent.size, recent.evicted]).toEqual([model.length, evicted])
        }
      })
    )
  })
})
