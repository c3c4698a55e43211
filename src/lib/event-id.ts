/**
 * Event ids. Every `metadata.uid` is a UUID (RFC 9562): version 8 from a hash where the vendor gives an id
 * (so a re-delivery has the same id everywhere), else version 7.
 */
import { hash, randomFillSync } from 'node:crypto'

const format = (hex: string) =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`

/** Version 8: the first 122 bits of SHA-256 over the parts, each with its length before it. */
export function eventIdOf(...parts: readonly string[]): string {
  const hex = hash('sha256', parts.map(part => `${part.length}:${part}`).join(''))
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 0x3) | 0x8).toString(16)
  return format(`${hex.slice(0, 12)}8${hex.slice(13, 16)}${variant}${hex.slice(17, 32)}`)
}

const POOL_IDS = 256
/** Hex digits of one id's random part: 3 + 1 (variant) + 3 + 12, rounded up to bytes. */
const ID_HEX = 20
/** The digits 8, 9, a, b in the place of any digit: RFC 9562 variant. */
const VARIANT: Readonly<Record<string, string>> = Object.fromEntries(
  [...'0123456789abcdef'].map((digit, value) => [digit, ((value & 0x3) | 0x8).toString(16)])
)

/** A maker of version 7 ids (time-ordered). Random bytes are drawn for 256 ids at once. */
export function uuidV7(random: (bytes: Uint8Array) => void = randomFillSync): (nowMs: number) => string {
  const pool = Buffer.alloc((POOL_IDS * ID_HEX) / 2)
  let hex = ''
  let used = POOL_IDS
  let lastMs = -1
  let prefix = ''
  return nowMs => {
    if (used === POOL_IDS) {
      random(pool)
      hex = pool.toString('hex')
      used = 0
    }
    if (nowMs !== lastMs) {
      const time = nowMs.toString(16).padStart(12, '0')
      prefix = `${time.slice(0, 8)}-${time.slice(8)}-7`
      lastMs = nowMs
    }
    const at = used++ * ID_HEX
    const variant = VARIANT[hex[at + 3] ?? '0'] ?? '8'
    return `${prefix}${hex.slice(at, at + 3)}-${variant}${hex.slice(at + 4, at + 7)}-${hex.slice(at + 7, at + 19)}`
  }
}
