/** A clock that stands still until a test moves it; sleepers wake in order, each with the time it asked for. */
import type { Clock } from '../../src/core/ports.ts'

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

export interface VirtualClock extends Clock {
  /** Moves the time on by `ms`, waking every sleeper on the way and letting what it wakes run. */
  advance(ms: number): Promise<void>
  /** Moves on from one sleeper to the next until `done`; throws after `limitMs` of virtual time. */
  until(done: () => boolean, limitMs?: number): Promise<void>
}

/** Lets everything run that waits for nothing but its turn. */
export async function settled(turns = 30): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise(resolve => setImmediate(resolve))
}

export function virtualClock(start = Date.UTC(2026, 10, 22, 12)): VirtualClock {
  let now = start
  const sleepers = new Set<Sleeper>()
  const next = (by: number): Sleeper | undefined => {
    let first: Sleeper | undefined
    for (const sleeper of sleepers) {
      if (sleeper.at <= by && (first === undefined || sleeper.at < first.at)) first = sleeper
    }
    return first
  }
  const wakeOne = async (sleeper: Sleeper) => {
    now = Math.max(now, sleeper.at)
    sleeper.wake()
    // Fakes answer in microtasks, which one turn drains; the other is for what they start.
    await settled(2)
  }
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise(resolve => {
        if (signal?.aborted) return resolve()
        const wake = () => {
          sleepers.delete(sleeper)
          signal?.removeEventListener('abort', wake)
          resolve()
        }
        const sleeper: Sleeper = { at: now + Math.max(0, ms), wake }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', wake, { once: true })
      }),
    async advance(ms) {
      const end = now + ms
      await settled()
      for (let sleeper = next(end); sleeper !== undefined; sleeper = next(end)) await wakeOne(sleeper)
      now = end
      await settled()
    },
    async until(done, limitMs = 30 * 86_400_000) {
      const end = now + limitMs
      await settled()
      while (!done()) {
        const sleeper = next(end)
        if (sleeper === undefined) throw new Error(`not done after ${limitMs} ms of virtual time`)
        await wakeOne(sleeper)
      }
    }
  }
}
