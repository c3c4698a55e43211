/**
 * How long to wait before the next try: exponential with full jitter, and never shorter than the far side asked.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */

export interface Backoff {
  readonly baseMs: number
  readonly capMs: number
}

export const RETRY_BACKOFF: Backoff = { baseMs: 500, capMs: 60_000 }
/** A hold is probed more and more rarely: every 30 s at first, every 5 min in the end. */
export const HOLD_BACKOFF: Backoff = { baseMs: 30_000, capMs: 300_000 }
/** A Retry-After beyond this is taken for a mistake: an hour of silence is the most a stranger can ask. */
const RETRY_AFTER_MAX_MS = 3_600_000

const ceiling = ({ baseMs, capMs }: Backoff, failures: number): number =>
  Math.min(capMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)))

/**
 * Milliseconds to wait after the n-th failure in a row (from 1).
 * @param afterMs lower bound that the far side asked for
 * @param random  uniform in [0, 1)
 */
export function retryDelay(
  backoff: Backoff,
  failures: number,
  afterMs: number | undefined,
  random: () => number
): number {
  const jitter = random() * ceiling(backoff, failures)
  // Jitter on top of the bound, else all senders that were told the same moment come back at it.
  return afterMs === undefined
    ? jitter
    : Math.min(RETRY_AFTER_MAX_MS, Math.max(0, afterMs)) + random() * backoff.baseMs
}

/** Milliseconds between probes of a hold, the n-th from 1. Without jitter: people wait for it. */
export const probeDelay = (backoff: Backoff, probes: number): number => ceiling(backoff, probes)
