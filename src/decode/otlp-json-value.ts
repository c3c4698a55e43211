/**
 * Attributes, AnyValue and scalars of OTLP in JSON (OTLP specification, "JSON Protobuf Encoding"; proto3 JSON).
 *
 *   KeyValue { key, value }      ArrayValue { values }      KeyValueList { values }
 *   AnyValue { stringValue | boolValue | intValue | doubleValue | arrayValue | kvlistValue | bytesValue }
 *
 * 64-bit integers are decimal text or numbers; null means the default; unknown members are ignored. A known
 * member of a wrong type is an error of its record. Enumerations are integers; their names, which senders
 * must not use, are understood.
 */
import {
  type Attributes,
  DEPTH_MAX,
  malformed,
  type OtlpValue,
  put,
  type Tally,
  TOO_DEEP
} from './otlp-record.ts'

/** A JSON object of unknown members. */
export interface Loose {
  readonly [member: string]: unknown
}

const wrong = (what: string) => malformed(`JSON: ${what}`)

const isLoose = (value: unknown): value is Loose =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** An object; undefined if it is absent. Throws if it is anything else. */
export function member(value: unknown, what: string): Loose | undefined {
  if (value === undefined || value === null) return undefined
  if (!isLoose(value)) throw wrong(`${what} is not an object`)
  return value
}

const NOTHING: readonly unknown[] = []

/** A list; empty if it is absent. Throws if it is anything else. */
export function list(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return NOTHING
  if (!Array.isArray(value)) throw wrong(`${what} is not a list`)
  return value
}

/** Text; `''` if it is absent. */
export function text(value: unknown, what: string): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') throw wrong(`${what} is not text`)
  return value
}

/** An integer of at most 32 bits; 0 if it is absent. */
export function integer(value: unknown, what: string): number {
  if (value === undefined || value === null) return 0
  const number = typeof value === 'string' && /^-?\d{1,10}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number) || Math.abs(number) > 0xffffffff)
    throw wrong(`${what} is not an integer of 32 bits`)
  return number === 0 ? 0 : number
}

/** An enumeration: an integer, or one of the known names. */
export function enumeration(value: unknown, names: ReadonlyMap<string, number>, what: string): number {
  if (typeof value !== 'string') return integer(value, what)
  return names.get(value) ?? integer(value, what)
}

/** Nanoseconds since 1970 as decimal text; undefined if absent or 0, which means unknown. */
export function nanos(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && /^[1-9]\d{0,18}$/.test(value)) return value
  const big =
    typeof value === 'string' && /^\d{1,40}$/.test(value)
      ? BigInt(value)
      : typeof value === 'number' && value >= 0 && Number.isInteger(value)
        ? BigInt(value)
        : -1n
  if (big < 0n || big > 0xffff_ffff_ffff_ffffn) throw wrong(`${what} is not a count of nanoseconds`)
  return big === 0n ? undefined : big.toString()
}

/** A list of KeyValue as an object; undefined if it is empty. The last of equal keys stays. */
export function attributes(value: unknown, tally: Tally, depth: number): Attributes | undefined {
  const pairs = list(value, 'attributes')
  if (pairs.length === 0) return undefined
  const into: Attributes = {}
  for (const item of pairs) {
    if (!tally.take()) break
    if (!isLoose(item)) throw wrong('an attribute is not an object')
    const key = text(item['key'], 'the key of an attribute')
    tally.size += key.length
    put(into, key, anyValue(item['value'], tally, depth))
  }
  return into
}

/** An AnyValue; none of its members is null. `depth`: lists and maps around it. */
export function anyValue(value: unknown, tally: Tally, depth: number): OtlpValue {
  if (value === undefined || value === null) return null
  if (!isLoose(value)) throw wrong('a value is not an object')
  const string = value['stringValue']
  if (typeof string === 'string') {
    tally.size += string.length
    return string
  }
  // A sender sets one member; of several the first in this order counts.
  if (string !== undefined && string !== null) throw wrong('stringValue is not text')
  const boolean = value['boolValue']
  if (typeof boolean === 'boolean') return boolean
  if (boolean !== undefined && boolean !== null) throw wrong('boolValue is not a boolean')
  const integral = value['intValue']
  if (integral !== undefined && integral !== null) return int64(integral)
  const real = value['doubleValue']
  if (real !== undefined && real !== null) return double(real)
  const array = member(value['arrayValue'], 'arrayValue')
  if (array) return depth < DEPTH_MAX ? arrayValue(array, tally, depth + 1) : tooDeep(tally)
  const map = member(value['kvlistValue'], 'kvlistValue')
  if (map) return depth < DEPTH_MAX ? (attributes(map['values'], tally, depth + 1) ?? {}) : tooDeep(tally)
  const given = value['bytesValue']
  return given === undefined || given === null ? null : bytes(given, tally)
}

function tooDeep(tally: Tally): string {
  tally.cut = true
  return TOO_DEEP
}

function arrayValue(array: Loose, tally: Tally, depth: number): OtlpValue[] {
  const found: OtlpValue[] = []
  for (const item of list(array['values'], 'values')) {
    if (!tally.take()) break
    found.push(anyValue(item, tally, depth))
  }
  return found
}

/** A number where it is exact, else decimal text. */
function int64(value: unknown): number | string {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value === 0 ? 0 : value
  const big =
    typeof value === 'string' && /^-?\d{1,20}$/.test(value)
      ? BigInt(value)
      : typeof value === 'number' && Number.isInteger(value)
        ? BigInt(value)
        : undefined
  if (big === undefined || BigInt.asIntN(64, big) !== big)
    throw wrong('intValue is not an integer of 64 bits')
  const near = Number(big)
  return Number.isSafeInteger(near) ? near : big.toString()
}

const NOT_FINITE: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity'])

function double(value: unknown): number | string {
  // JSON.parse reads 1e999 as infinity, which JSON cannot say again.
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value === 'string') {
    if (NOT_FINITE.has(value)) return value
    if (/^-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?$/.test(value)) {
      const number = Number(value)
      return Number.isFinite(number) ? number : String(number)
    }
  }
  throw wrong('doubleValue is not a number')
}

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/

/** Base64 in the standard alphabet, whichever the sender used. Text that is not base64 stays as it is. */
function bytes(value: unknown, tally: Tally): string {
  const given = text(value, 'bytesValue')
  const found = BASE64.test(given) ? Buffer.from(given, 'base64').toString('base64') : given
  tally.size += found.length
  return found
}
