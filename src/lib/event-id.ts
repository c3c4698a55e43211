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
/** A maker of version 7 ids (time-ordered). Random bytes are drawn for 256 ids at once. */
export function uuidV7(random: (bytes: Uint8Array) => void = randomFillSync): (nowMs: number) => string {
  const pool = Buffer.alloc(POOL_IDS * 10)
  let used = POOL_IDS
  return nowMs => {
    if (used === POOL_IDS) {
      random(pool)
      used = 0
    }
    const at = used++ * 10
    pool[at] = ((pool[at] ?? 0) & 0x0f) | 0x70
    pool[at + 2] = ((pool[at + 2] ?? 0) & 0x3f) | 0x80
    return format(nowMs.toString(16).padStart(12, '0') + pool.toString('hex', at, at + 10))
  }
}
