/**
 * A reader of the protobuf wire format (protobuf.dev/programming-guides/encoding).
 *
 *   message := (tag value)*      tag := varint of (field number << 3 | wire type)
 *   value   := varint (type 0) | 8 bytes (1) | varint length, bytes (2) | 4 bytes (5)
 *
 * Types 3 and 4 (groups) nest without a length; OTLP has none, so they are malformed here, as are 6 and 7.
 * Every read is checked against the end of the innermost message. Text that is not UTF-8 gets U+FFFD.
 * Written by hand because it yields records in one pass: see test/bench/otlp.ts for the comparison.
 */
import { malformed } from './otlp-record.ts'

const CACHE_SLOTS = 2048
const CACHE_KEY_BYTES_MAX = 64
/** Attribute keys recur: the same string object again saves decoding and hashing it. Bounded; misses are only slower. */
const cache: string[] = new Array<string>(CACHE_SLOTS).fill('')

const TRUNCATED = 'protobuf: a value ends beyond its message'

export class Wire {
  readonly bytes: Buffer
  at = 0
  /** End of the innermost message that is open. */
  end: number

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.end = bytes.length
  }

  /** A varint as tag, length or flag. Beyond 2^53 only its magnitude counts. */
  uint(): number {
    const bytes = this.bytes
    const end = this.end
    let at = this.at
    if (at >= end) throw malformed(TRUNCATED)
    let byte = bytes[at++]!
    if (byte < 128) {
      this.at = at
      return byte
    }
    let value = byte & 127
    let scale = 128
    const last = at + 9
    while (at < last) {
      if (at >= end) throw malformed(TRUNCATED)
      byte = bytes[at++]!
      value += (byte & 127) * scale
      if (byte < 128) {
        this.at = at
        return value
      }
      scale *= 128
    }
    throw malformed('protobuf: a varint has more than ten bytes')
  }

  /** A field's tag; field number 0 does not exist. */
  tag(): number {
    const tag = this.uint()
    if (tag < 8 || tag > 0xffffffff) throw malformed('protobuf: a field number is out of range')
    return tag
  }

  /** int32 and enumerations: the low 32 bits, signed. */
  int32(): number {
    const start = this.at
    const value = this.uint()
    if (value < 0x80000000) return value
    this.at = start
    return Number(BigInt.asIntN(32, this.#big()))
  }

  /** uint32: the low 32 bits. */
  uint32(): number {
    return this.int32() >>> 0
  }

  /** int64: a number where it is exact, else decimal text. */
  int64(): number | string {
    const start = this.at
    const value = this.uint()
    if (this.at - start <= 7) return value
    this.at = start
    const big = BigInt.asIntN(64, this.#big())
    const near = Number(big)
    return Number.isSafeInteger(near) ? near : big.toString()
  }

  /** Reads again what `uint` has already found to be well formed. */
  #big(): bigint {
    let value = 0n
    let shift = 0n
    for (;;) {
      const byte = this.bytes[this.at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
      shift += 7n
    }
  }

  fixed32(): number {
    const at = this.#advance(4)
    return this.bytes.readUInt32LE(at)
  }

  /** double; JSON has no NaN and no infinity, so they become their proto3 JSON names. */
  double(): number | string {
    const at = this.#advance(8)
    const value = this.bytes.readDoubleLE(at)
    return Number.isFinite(value) ? value : String(value)
  }

  /** fixed64 nanoseconds as decimal text; undefined for 0, which means unknown. */
  nanos(): string | undefined {
    const at = this.#advance(8)
    const low = this.bytes.readUInt32LE(at)
    const high = this.bytes.readUInt32LE(at + 4)
    return high === 0 && low === 0 ? undefined : decimal(high, low)
  }

  text(): string {
    const stop = this.#span()
    const start = this.at
    this.at = stop
    return start === stop ? '' : this.bytes.toString('utf8', start, stop)
  }

  /** Text that recurs from record to record: attribute keys. */
  key(): string {
    const stop = this.#span()
    const start = this.at
    const length = stop - start
    if (length > CACHE_KEY_BYTES_MAX) {
      this.at = stop
      return this.bytes.toString('utf8', start, stop)
    }
    this.at = stop
    const bytes = this.bytes
    let hash = length
    for (let at = start; at < stop; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0
    const slot = (hash ^ (hash >>> 11)) & (CACHE_SLOTS - 1)
    const known = cache[slot]!
    if (known.length === length) {
      let index = 0
      while (index < length && known.charCodeAt(index) === bytes[start + index]!) index++
      // Only ASCII is ever cached, so equal codes are equal text.
      if (index === length) return known
    }
    const text = bytes.toString('utf8', start, stop)
    if (isAscii(bytes, start, stop)) cache[slot] = text
    return text
  }

  base64(): string {
    const stop = this.#span()
    const start = this.at
    this.at = stop
    return this.bytes.toString('base64', start, stop)
  }

  /** Moves past a length-delimited field and returns where it started; it ends at `at`. */
  pass(): number {
    const stop = this.#span()
    const start = this.at
    this.at = stop
    return start
  }

  /** Opens a nested message; give the result to `leave`. */
  enter(): number {
    const outer = this.end
    this.end = this.#span()
    return outer
  }

  leave(outer: number): void {
    this.at = this.end
    this.end = outer
  }

  /** Passes a field that is unknown, or known with another wire type. */
  skip(tag: number): void {
    switch (tag & 7) {
      case 0:
        this.uint()
        return
      case 1:
        this.#advance(8)
        return
      case 2:
        this.at = this.#span()
        return
      case 5:
        this.#advance(4)
        return
      default:
        throw malformed('protobuf: a wire type is not in use')
    }
  }

  /** Reads a length; returns where the field ends. `at` is then its first byte. */
  #span(): number {
    const length = this.uint()
    const stop = this.at + length
    if (stop > this.end) throw malformed(TRUNCATED)
    return stop
  }

  #advance(count: number): number {
    const at = this.at
    if (at + count > this.end) throw malformed(TRUNCATED)
    this.at = at + count
    return at
  }
}

function isAscii(bytes: Buffer, start: number, stop: number): boolean {
  for (let at = start; at < stop; at++) if (bytes[at]! > 127) return false
  return true
}

/**
 * Decimal text of high * 2^32 + low, exact, without BigInt. The remainder by 10^9 is computed from parts below
 * 2^53; the quotient of the rest is then whole, so rounding a double that is off by far less than 0.5 finds it.
 */
export function decimal(high: number, low: number): string {
  // 2^48 mod 10^9 = 976710656, 2^32 mod 10^9 = 294967296.
  const rest = ((high >>> 16) * 976_710_656 + (high & 0xffff) * 294_967_296 + low) % 1e9
  const quotient = Math.round((high * 4_294_967_296 + low - rest) / 1e9)
  return quotient === 0 ? String(rest) : String(quotient) + String(1e9 + rest).slice(1)
}
