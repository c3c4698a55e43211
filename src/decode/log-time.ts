/**
 * When did it happen, in the many ways in which access logs write a time? nginx and Apache `time_local`
 * (`22/Nov/2026:04:31:13 +0000`, month names always English), ISO 8601 / RFC 3339, and seconds,
 * milliseconds, microseconds or nanoseconds since 1970 as number or text (nginx `$msec` is `1795321873.921`).
 */

const MONTHS: ReadonlyMap<string, number> = new Map(
  ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'].map((name, at) => [
    name,
    at
  ])
)

/** Two digits at a place; NaN if they are none. */
function two(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48
  const ones = text.charCodeAt(at + 1) - 48
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN
}

/** Characters of `dd/Mon/yyyy:HH:MM:SS ±zzzz`. */
export const CLF_TIME_LENGTH = 26

/** `dd/Mon/yyyy:HH:MM:SS ±zzzz` at a place in a line, as milliseconds since 1970; undefined if it is none. */
export function clfTime(line: string, at: number): number | undefined {
  if (line.charCodeAt(at + 2) !== 0x2f || line.charCodeAt(at + 6) !== 0x2f) return undefined
  if (line.charCodeAt(at + 11) !== 0x3a || line.charCodeAt(at + 20) !== 0x20) return undefined
  const month = MONTHS.get(line.slice(at + 3, at + 6))
  const sign = line.charCodeAt(at + 21)
  if (month === undefined || (sign !== 0x2b && sign !== 0x2d)) return undefined
  const day = two(line, at)
  const hour = two(line, at + 12)
  const minute = two(line, at + 15)
  const second = two(line, at + 18)
  if (!(day >= 1 && day <= 31 && hour <= 23 && minute <= 59 && second <= 60)) return undefined
  const year = two(line, at + 7) * 100 + two(line, at + 9)
  const zone = (two(line, at + 22) * 60 + two(line, at + 24)) * (sign === 0x2d ? -1 : 1)
  const time = Date.UTC(year, month, day, hour, minute, second) - zone * 60_000
  return Number.isFinite(time) ? time : undefined
}

const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d(?::?\d\d)?)?$/i
const ZONED = /(?:Z|[+-]\d\d(?::?\d\d)?)$/i

/** ISO 8601 to milliseconds. A time without a zone is taken as UTC. */
function isoTime(text: string): number | undefined {
  // The form that nearly every line has needs no repair and no regular expression.
  if (text.length === 24 && text.charCodeAt(23) === 0x5a && text.charCodeAt(10) === 0x54) {
    const time = Date.parse(text)
    if (Number.isFinite(time)) return time
  }
  if (!ISO.test(text)) return undefined
  const plain = `${text.slice(0, 10)}T${text.slice(11)}`
    .replace(',', '.')
    .replace(/([+-]\d\d)(\d\d)$/, '$1:$2')
  const full = /[+-]\d\d$/.test(plain.slice(19)) ? `${plain}:00` : plain
  const time = Date.parse(ZONED.test(full.slice(19)) ? full : `${full}Z`)
  return Number.isFinite(time) ? time : undefined
}

/** The unit is told by the size: seconds until the year 5138, then milliseconds, micro- and nanoseconds. */
function epochTime(value: number): number | undefined {
  if (!(value > 0)) return undefined
  if (value < 1e11) return Math.round(value * 1e3)
  if (value < 1e14) return Math.round(value)
  if (value < 1e17) return Math.round(value / 1e3)
  if (value < 1e20) return Math.round(value / 1e6)
  return undefined
}

const NUMBER = /^\d{1,20}(?:\.\d{1,9})?$/

/** Milliseconds since 1970 of a time in any of these forms; undefined for anything else. */
export function parseTime(value: unknown): number | undefined {
  if (typeof value === 'number') return epochTime(value)
  if (typeof value !== 'string' || value.length > 40) return undefined
  if (value.charCodeAt(4) === 0x2d) return isoTime(value)
  if (NUMBER.test(value)) return epochTime(Number(value))
  return value.length === CLF_TIME_LENGTH ? clfTime(value, 0) : undefined
}
