/**
 * How much happens when? A working day in UTC: people come from seven on, peak before and after lunch, are gone by
 * night and at weekends; automations never stop. All times are milliseconds since 1970.
 */

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/** Share of the people who are at it, per hour of the day (UTC). */
const PEOPLE = [
  0, 0, 0, 0, 0, 0, 0.05, 0.3, 0.8, 1, 1, 0.95, 0.6, 0.75, 1, 1, 0.9, 0.6, 0.25, 0.05, 0, 0, 0, 0
]
/** What automations do, in the same measure. */
const AUTOMATIONS = 0.15

/** Nobody who works here changes a secret by hand outside of these hours (UTC). */
const CHANGES_FROM = 9 * 60
const CHANGES_TO = 16 * 60 + 30
/** Night, at which nobody does: `2:41`. */
const NIGHT_MINUTE = 2 * 60 + 41

/** 1970-01-01 was a Thursday: 0 is Sunday. */
const dayOfWeek = (ms: number): number => (Math.floor(ms / DAY_MS) + 4) % 7
const minuteOfDay = (ms: number): number => Math.floor((ms % DAY_MS) / MINUTE_MS)
const isWeekend = (ms: number): boolean => dayOfWeek(ms) === 0 || dayOfWeek(ms) === 6

/** 0 to 1: how many of the people are active. */
export function peopleAt(ms: number): number {
  if (isWeekend(ms)) return 0
  const hour = Math.floor(minuteOfDay(ms) / 60)
  const now = PEOPLE[hour] ?? 0
  const next = PEOPLE[(hour + 1) % 24] ?? 0
  return now + (next - now) * ((minuteOfDay(ms) % 60) / 60)
}

/** Chance that what happens now is done by a person and not by an automation. */
export const shareOfPeople = (ms: number): number => peopleAt(ms) / (peopleAt(ms) + AUTOMATIONS)

/** True in the hours in which secrets are changed by hand. */
export const isChangeTime = (ms: number): boolean =>
  !isWeekend(ms) && minuteOfDay(ms) >= CHANGES_FROM && minuteOfDay(ms) < CHANGES_TO

/** True if nobody is at work by anyone's calendar: weekends, and from eight in the evening to six in the morning. */
export const isOffHours = (ms: number): boolean =>
  isWeekend(ms) || minuteOfDay(ms) >= 20 * 60 || minuteOfDay(ms) < 6 * 60

/** `wanted` itself if it is off hours, else the last night before `start`. */
export function offHoursAt(wanted: number, start: number): number {
  if (isOffHours(wanted)) return wanted
  const midnight = Math.floor(start / DAY_MS) * DAY_MS
  const night = midnight + NIGHT_MINUTE * MINUTE_MS
  return night < start ? night : night - DAY_MS
}

/**
 * How many of `total` events fall into each minute from `start` on, by the rhythm. Integers that sum up to `total`.
 */
export function perMinute(start: number, minutes: number, total: number): Uint32Array {
  const weights = new Float64Array(minutes)
  let sum = 0
  for (let i = 0; i < minutes; i++) sum += weights[i] = peopleAt(start + i * MINUTE_MS) + AUTOMATIONS
  const counts = new Uint32Array(minutes)
  let seen = 0
  let given = 0
  for (let i = 0; i < minutes; i++) {
    seen += weights[i] ?? 0
    const upTo = i === minutes - 1 ? total : Math.round((total * seen) / sum)
    counts[i] = upTo - given
    given = upTo
  }
  return counts
}
