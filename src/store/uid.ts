/**
 * A UUID (RFC 9562, section 4: 8-4-4-4-12 hexadecimal digits) as four 32-bit words, without regular
 * expressions or BigInt: it runs once per event. Whatever is no UUID gets the one of its hash.
 */
import { eventIdOf } from '../lib/event-id.ts'

const NIBBLE = new Int8Array(128).fill(-1)
for (let value = 0; value < 16; value++) {
  NIBBLE['0123456789abcdef'.charCodeAt(value)] = value
  NIBBLE['0123456789ABCDEF'.charCodeAt(value)] = value
}
const DASH = 45
const UUID_UNITS = 36

const words = new Int32Array(4)

/** Fills `words`; false if the text is no UUID. */
function parse(text: string): boolean {
  if (text.length !== UUID_UNITS) return false
  let word = 0
  let digits = 0
  for (let at = 0; at < UUID_UNITS; at++) {
    const unit = text.charCodeAt(at)
    if (at === 8 || at === 13 || at === 18 || at === 23) {
      if (unit !== DASH) return false
      continue
    }
    const nibble = unit < 128 ? (NIBBLE[unit] ?? -1) : -1
    if (nibble < 0) return false
    word = (word << 4) | nibble
    if ((++digits & 7) === 0) words[(digits >> 3) - 1] = word
  }
  return true
}

/** The four words of an event id. The array is reused by the next call. */
export function uidWords(uid: string): Int32Array {
  if (!parse(uid)) parse(eventIdOf('uid', uid))
  return words
}
