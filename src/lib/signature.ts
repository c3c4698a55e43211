/** Constant-time comparison and HMAC checks over raw bytes. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** Equal in constant time for any lengths: compares digests, so nothing is learnt from the length. */
export function equalSecret(a: string | Uint8Array, b: string | Uint8Array): boolean {
  const digest = (value: string | Uint8Array) => createHash('sha256').update(value).digest()
  return timingSafeEqual(digest(a), digest(b))
}

/**
 * True if `given` is the lower-case hex HMAC-SHA256 of `body` under any of the active secrets.
 * All secrets are tried, whichever matches, so that timing does not tell which.
 */
export function signedBy(secrets: readonly string[], body: Uint8Array, given: string | undefined): boolean {
  if (given === undefined || !/^[0-9a-f]{64}$/.test(given)) return false
  const presented = Buffer.from(given, 'hex')
  let ok = false
  for (const secret of secrets) {
    if (timingSafeEqual(createHmac('sha256', secret).update(body).digest(), presented)) ok = true
  }
  return ok
}
