/**
 * How query parameters are read: every name known, each given once, each value checked. What is wrong is a
 * 400 that names the parameter and never its value.
 */
import { isIP } from 'node:net'
import { editDistance } from '../lib/edit-distance.ts'
import { parseDuration } from '../lib/units.ts'
import { invalidQuery } from './answers.ts'

const VALUE_CHARS_MAX = 1024
const LATEST_MS = 8.64e15

function nearest(name: string, allowed: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = 3
  for (const candidate of allowed) {
    const d = candidate.startsWith(name) ? 1 : editDistance(name, candidate)
    if (d < bestDistance) [best, bestDistance] = [candidate, d]
  }
  return best
}

/** A name that may be repeated to the caller: letters only, so it can be neither markup nor a credential. */
const SHOWABLE = /^[a-z][a-z_-]{0,23}$/i

function unknownParameter(name: string, allowed: readonly string[]): Error {
  const takes = allowed.length === 0 ? 'This path takes none.' : `This path takes: ${allowed.join(', ')}.`
  if (!SHOWABLE.test(name)) return invalidQuery(`A query parameter is unknown. ${takes}`)
  const guess = nearest(name.toLowerCase(), allowed)
  return invalidQuery(
    `The query parameter ${name} is unknown.${guess === undefined ? '' : ` Did you mean ${guess}?`} ${takes}`
  )
}

const CONTROL = /[\u0000-\u001f\u007f]/

/** The query of one request; throws ApiError 400 for what is not in `allowed`, doubled, empty or too long. */
export class Params {
  readonly #values = new Map<string, string[]>()

  constructor(query: URLSearchParams, allowed: readonly string[], repeatable: readonly string[] = []) {
    for (const [name, value] of query) {
      if (!allowed.includes(name)) throw unknownParameter(name, allowed)
      const values = this.#values.get(name) ?? []
      if (values.length > 0 && !repeatable.includes(name))
        throw invalidQuery(`${name} is given more than once.`)
      if (value === '') throw invalidQuery(`${name} is empty.`)
      if (value.length > VALUE_CHARS_MAX)
        throw invalidQuery(`${name} is longer than ${VALUE_CHARS_MAX} characters.`)
      if (CONTROL.test(value)) throw invalidQuery(`${name} has a control character.`)
      values.push(value)
      this.#values.set(name, values)
    }
  }

  text(name: string): string | undefined {
    return this.#values.get(name)?.[0]
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  integer(name: string, min: number, max: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= min && value <= max))
      throw invalidQuery(`${name} must be a whole number from ${min} to ${max}.`)
    return value
  }

  ip(name: string): string | undefined {
    const text = this.text(name)
    if (text !== undefined && isIP(text) === 0) throw invalidQuery(`${name} must be an IPv4 or IPv6 address.`)
    return text?.toLowerCase()
  }

  /** `oneOf` names the values; the message lists them. */
  choice<T extends string>(name: string, oneOf: readonly T[]): T | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const found = oneOf.find(value => value === text)
    if (found === undefined) throw invalidQuery(`${name} must be one of: ${oneOf.join(', ')}.`)
    return found
  }

  /** Milliseconds since 1970. */
  time(name: string, now: number): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = parseTime(text, now)
    if (value === undefined)
      throw invalidQuery(
        `${name} must be a time: ISO 8601 (2026-01-31T09:00:00Z), milliseconds since 1970, or relative (-15m, -1h, -7d).`
      )
    return value
  }
}

/** RFC 3339 date-time, or a date; seconds, fraction and offset may be left out. `+` may have become a space. */
const ISO =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(\.\d{1,9})?)?(Z|[ +-]\d{2}:?\d{2})?)?$/i

/** A time as people write it; without an offset it is UTC. Undefined if it is none. */
export function parseTime(text: string, now: number): number | undefined {
  if (text === 'now') return now
  if (text.startsWith('-')) {
    const ago = parseDuration(text.slice(1))
    return ago === undefined || ago > now ? undefined : now - ago
  }
  if (/^\d{1,16}$/.test(text)) return Number(text) <= LATEST_MS ? Number(text) : undefined
  const match = ISO.exec(text)
  if (!match) return undefined
  const [, date, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = match
  const offset = /^z$/i.test(zone) ? 'Z' : zone.replace(' ', '+').replace(/^(.\d{2}):?/, '$1:')
  const value = Date.parse(`${date}T${hour}:${minute}:${second}${fraction.slice(0, 4)}${offset}`)
  return Number.isNaN(value) || value < 0 ? undefined : value
}
