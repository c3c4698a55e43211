/**
 * How often one address may do something: a token bucket per address in a map that cannot grow without
 * end (the least recently used address is forgotten first).
 */
import { isIPv6 } from 'node:net'
import type { Clock } from '../core/ports.ts'

const ADDRESSES_MAX = 10_000

export interface LimiterOptions {
  readonly clock: Clock
  /** That many at once. */
  readonly burst: number
  /** One more after each of these. */
  readonly refillMs: number
  readonly addressesMax?: number
}

export interface Limiter {
  /** Seconds until this address may again; 0 if it may now. Takes nothing. */
  wait(address: string): number
  /** Takes one; false if there was none. */
  take(address: string): boolean
  /** Addresses remembered now. */
  size(): number
}

interface Bucket {
  tokens: number
  at: number
}

/** An IPv6 sender owns at least a /64, so the /64 is the address that counts; IPv4 counts whole. */
export function addressKey(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? []
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const gap = tail === undefined ? [] : Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  return `${[...left, ...gap, ...right].slice(0, 4).join(':')}::/64`
}

/** Keeps a map below its size by forgetting what was used longest ago; `set` again to mark a use. */
export function touch<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size <= max) return
  const oldest = map.keys().next()
  if (!oldest.done) map.delete(oldest.value)
}

export function createLimiter(options: LimiterOptions): Limiter {
  const { clock, burst, refillMs, addressesMax = ADDRESSES_MAX } = options
  const buckets = new Map<string, Bucket>()
  const level = (bucket: Bucket | undefined, now: number) =>
    bucket === undefined ? burst : Math.min(burst, bucket.tokens + Math.max(0, now - bucket.at) / refillMs)
  return {
    wait(address) {
      const tokens = level(buckets.get(addressKey(address)), clock.now())
      return tokens >= 1 ? 0 : Math.max(1, Math.ceil(((1 - tokens) * refillMs) / 1000))
    },
    take(address) {
      const key = addressKey(address)
      const now = clock.now()
      const tokens = level(buckets.get(key), now)
      const allowed = tokens >= 1
      touch(buckets, key, { tokens: allowed ? tokens - 1 : tokens, at: now }, addressesMax)
      return allowed
    },
    size: () => buckets.size
  }
}
