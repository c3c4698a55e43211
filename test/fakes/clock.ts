/** A virtual clock: time moves only when a test says so. */
import type { Clock } from '../../src/core/ports.ts'

export interface FakeClock extends Clock {
  advance(ms: number): Promise<void>
  set(ms: number): void
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

export function fakeClock(start = Date.UTC(2026, 10, 22, 12)): FakeClock {
  let now = start
  let sleepers: { at: number; wake: () => void }[] = []
  return {
    now: () => now,
    set(ms) {
      now = ms
    },
    sleep: (ms, signal) =>
      new Promise(resolve => {
        if (signal?.aborted) return resolve()
        const sleeper = { at: now + ms, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter(s => s !== sleeper)
          resolve()
        })
      }),
    /** Wakes sleepers in order, letting their code run in between. */
    async advance(ms) {
      const end = now + ms
      for (;;) {
        await turn()
        const next = sleepers.filter(s => s.at <= end).sort((a, b) => a.at - b.at)[0]
        if (!next) break
        now = Math.max(now, next.at)
        sleepers = sleepers.filter(s => s !== next)
        next.wake()
        await turn()
      }
      now = end
      await turn()
    }
  }
}
