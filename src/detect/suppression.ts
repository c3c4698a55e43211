/**
 * Was this group already reported? The first finding of a group is made; those within the next `suppress` of
 * event time are counted instead, and the count goes into the finding that comes after.
 *
 * Decided by event time alone, so a replay decides the same. The pause is anchored at the finding, it does not
 * slide: a finding at 10:07 with 1h covers 11:06, and 11:07 is new.
 */
import type { Level } from '../core/finding.ts'
import { Recent } from './recent.ts'
import { LATENESS_MS } from './window.ts'

/** Pause after a finding, by level: the more it matters, the sooner it is said again. */
export const SUPPRESS_MS: Readonly<Record<Level, number>> = {
  informational: 3_600_000,
  low: 3_600_000,
  medium: 3_600_000,
  high: 900_000,
  critical: 900_000
}

interface Pause {
  /** Event time of the finding. */
  from: number
  /** Findings held back since. */
  held: number
}

/** key, from, held, touched */
export type PauseSnapshot = [string, number, number, number]

export class Suppression {
  readonly #pauseMs: number
  readonly pauses: Recent<Pause>
  /** All findings held back so far. */
  held = 0

  constructor(pauseMs: number, groupsMax: number) {
    this.#pauseMs = pauseMs
    this.pauses = new Recent(groupsMax, pauseMs + LATENESS_MS)
  }

  /**
   * `undefined`: hold this finding back. A number: make it; so many were held back since the last one.
   * `time`: event time; `logged`: our clock.
   */
  admit(key: string, time: number, logged: number): number | undefined {
    if (this.#pauseMs === 0) return 0
    const pause = this.pauses.touch(key, logged)
    if (pause === undefined) {
      this.pauses.add(key, { from: time, held: 0 }, logged)
      return 0
    }
    // A late event of before the finding belongs to the same episode.
    if (Math.abs(time - pause.from) < this.#pauseMs) {
      pause.held++
      this.held++
      return undefined
    }
    const { held } = pause
    pause.held = 0
    pause.from = Math.max(pause.from, time)
    return held
  }

  snapshot(): PauseSnapshot[] {
    return [...this.pauses.entries()].map(([key, { from, held }, touched]) => [key, from, held, touched])
  }

  restore(pauses: readonly PauseSnapshot[]): void {
    this.pauses.clear()
    for (const [key, from, held, touched] of pauses) this.pauses.put(key, { from, held }, touched)
  }
}
