import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HOLD_BACKOFF, probeDelay, RETRY_BACKOFF, retryDelay } from '../../src/deliver/backoff.ts'
import { createGate } from '../../src/deliver/gate.ts'
import { settled, virtualClock } from './virtual-clock.ts'

const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe('the wait before the next try', () => {
  it('is never negative, never over the cap, and grows with the failures', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), unit, (failures, random) => {
        const wait = retryDelay(RETRY_BACKOFF, failures, undefined, () => random)
        const later = retryDelay(RETRY_BACKOFF, failures + 1, undefined, () => random)
        return wait >= 0 && wait <= RETRY_BACKOFF.capMs && later >= wait
      })
    )
  })
  it('is never shorter than the far side asked, up to an hour', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.double({ noNaN: true }),
        unit,
        (failures, asked, random) => {
          const wait = retryDelay(RETRY_BACKOFF, failures, asked, () => random)
          return wait >= Math.min(3_600_000, Math.max(0, asked)) && wait <= 3_600_000 + RETRY_BACKOFF.baseMs
        }
      )
    )
  })
  it('of a hold is between half a minute and five', () => {
    expect([1, 2, 3, 4, 5, 100].map(probe => probeDelay(HOLD_BACKOFF, probe))).toEqual([
      30_000, 60_000, 120_000, 240_000, 300_000, 300_000
    ])
  })
})

describe('the gate', () => {
  const gate = () => {
    const clock = virtualClock()
    const options = {
      random: () => 0.5,
      retry: RETRY_BACKOFF,
      hold: HOLD_BACKOFF,
      breakerFailures: 2,
      probeEntries: 3
    }
    return { clock, gate: createGate({ clock, ...options }), signal: new AbortController().signal }
  }

  it('lets one through at a time, in the order of asking', async () => {
    const { gate: g, signal } = gate()
    const order: number[] = []
    const first = await g.enter(signal)
    const others = [1, 2].map(async n => {
      const turn = await g.enter(signal)
      order.push(n)
      turn?.ok()
    })
    await settled()
    expect(order).toEqual([])
    first?.ok()
    await Promise.all(others)
    expect(order).toEqual([1, 2])
  })

  it('opens after failures in a row, probes, and closes with the first success', async () => {
    const { gate: g, clock, signal } = gate()
    const once = async () => {
      const turn = g.enter(signal)
      await clock.advance(60_000)
      return await turn
    }
    const first = await once()
    expect(first?.entriesMax).toBe(Number.POSITIVE_INFINITY)
    first?.failed('a')
    const second = await once()
    expect(second?.entriesMax).toBe(Number.POSITIVE_INFINITY)
    second?.failed('b')
    expect(g.status()).toMatchObject({ state: 'open', failures: 2, reason: 'b' })
    const probe = await once()
    expect(probe?.entriesMax).toBe(3)
    probe?.ok()
    expect(g.status()).toEqual({ state: 'closed', failures: 0 })
    expect((await once())?.entriesMax).toBe(Number.POSITIVE_INFINITY)
  })

  it('lets nobody through once it is stopped, and keeps nobody waiting', async () => {
    const { gate: g } = gate()
    const stop = new AbortController()
    const turn = await g.enter(stop.signal)
    turn?.held('x')
    const waiting = [g.enter(stop.signal), g.enter(stop.signal)]
    await settled()
    stop.abort()
    expect(await Promise.all(waiting)).toEqual([undefined, undefined])
  })
})
