/**
 * The live marks of a journal: small facts that became durable together with a batch (core/ports.ts, Mark).
 * They are folded from control lines, so reopening needs only the newest segment.
 */
import type { Mark } from '../core/ports.ts'
import type { MarkLine } from './lines.ts'

interface Live {
  readonly value: string | number
  readonly expiresAt: number
}

export interface Marks {
  get(key: string): string | number | undefined
  /** The lines that record these marks, with absolute expiry. */
  lines(marks: readonly Mark[], now: number): MarkLine[]
  apply(lines: readonly MarkLine[]): void
  /** All live marks, expired ones left out. */
  all(now: number): MarkLine[]
  /** Gives marks back the time that the process was down, so that a window is one of running time. */
  extend(ms: number): void
}

/** `temporaryMax`: marks with an expiry kept at most; the oldest go first. */
export function createMarks(temporaryMax: number): Marks {
  const lasting = new Map<string, Live>()
  const temporary = new Map<string, Live>()
  return {
    get: key => (lasting.get(key) ?? temporary.get(key))?.value,
    lines: (marks, now) =>
      marks.map(({ key, value, ttlMs }) => [key, value, ttlMs === undefined ? 0 : now + ttlMs]),
    apply(lines) {
      for (const [key, value, expiresAt] of lines) {
        lasting.delete(key)
        temporary.delete(key)
        if (value !== null) (expiresAt === 0 ? lasting : temporary).set(key, { value, expiresAt })
      }
      for (const key of temporary.keys()) {
        if (temporary.size <= temporaryMax) break
        temporary.delete(key)
      }
    },
    all(now) {
      for (const [key, live] of temporary) if (live.expiresAt <= now) temporary.delete(key)
      return [...lasting, ...temporary].map(([key, { value, expiresAt }]) => [key, value, expiresAt])
    },
    extend(ms) {
      if (ms <= 0) return
      for (const [key, live] of temporary) temporary.set(key, { ...live, expiresAt: live.expiresAt + ms })
    }
  }
}
