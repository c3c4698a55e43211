/**
 * Trace and span ids of OTLP: 16 and 8 bytes; all zero or of another length means absent. In JSON they are
 * hex in any case, not base64 (OTLP specification, "JSON Protobuf Encoding").
 *
 * Two mistakes of senders are recognised, because each is unambiguous by its length: base64 in JSON, hex
 * text in the bytes field of protobuf. Any other id is dropped; its record stays.
 */

const ZERO = /^0+$/
const HEX_16 = /^[0-9a-f]{16}$/
const HEX_32 = /^[0-9a-f]{32}$/
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/

/** Lower-case hex of `size` bytes, or undefined. */
function checkedHex(text: string, size: 8 | 16): string | undefined {
  const lower = text.toLowerCase()
  return (size === 16 ? HEX_32 : HEX_16).test(lower) && !ZERO.test(lower) ? lower : undefined
}

/** An id in JSON: hex, or base64 of exactly `size` bytes. Anything else is undefined. */
export function idOfText(value: unknown, size: 8 | 16): string | undefined {
  if (typeof value !== 'string') return undefined
  if (value.length === size * 2) return checkedHex(value, size)
  const padded = size === 16 ? 24 : 12
  const bare = size === 16 ? 22 : 11
  if ((value.length !== padded && value.length !== bare) || !BASE64.test(value)) return undefined
  const bytes = Buffer.from(value, 'base64')
  return bytes.length === size ? checkedHex(bytes.toString('hex'), size) : undefined
}

/** An id in protobuf: `size` bytes, or twice as many that are its hex text. Anything else is undefined. */
export function idOfBytes(bytes: Buffer, start: number, stop: number, size: 8 | 16): string | undefined {
  const length = stop - start
  if (length === size) {
    for (let at = start; at < stop; at++) if (bytes[at] !== 0) return bytes.toString('hex', start, stop)
    return undefined
  }
  return length === size * 2 ? checkedHex(bytes.toString('latin1', start, stop), size) : undefined
}
