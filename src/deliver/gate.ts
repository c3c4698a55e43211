/**
 * Who may send to a sink, when, and how much: one turn at a time, later after failures, and only a small probe
 * while it is not known whether the sink is back. All lanes of a sink share one gate.
 *
 *   closed ──n failures──▶ open ──wait──▶ half-open (a probe) ──ok──▶ closed
 *   any ──hold──▶ held ──wait──▶ a probe ──ok──▶ closed
 */
import type { Clock } from '../core/ports.ts'
import { type Backoff, probeDelay, retryDelay } from './backoff.ts'

export type GateState = 'closed' | 'retrying' | 'open' | 'held'

export interface GateStatus {
  readonly state: GateState
  /** Why it is not closed; redacted by whoever gave it. */
  readonly reason?: string
  /** When the failures in a row began, ms. */
  readonly since?: number
  readonly nextTryAt?: number
  /** Failures in a row. */
  readonly failures: number
}

/** The right to one request. Exactly one of its ends must be called. */
export interface Turn {
  /** Entries to send at most: few while probing. */
  readonly entriesMax: number
  /** The far side answered and works. */
  ok(): void
  failed(reason: string, afterMs?: number): void
  held(reason: string): void
  /** Nothing was learnt: stopped before the answer. */
  release(): void
}

export interface Gate {
  /** Waits for the turn and for the moment. Undefined once the signal aborts. */
  enter(signal: AbortSignal): Promise<Turn | undefined>
  status(): GateStatus
}

export interface GateOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly retry: Backoff
  readonly hold: Backoff
  /** Failures in a row that open the breaker. */
  readonly breakerFailures: number
  readonly probeEntries: number
}

export function createGate(options: GateOptions): Gate {
  const { clock, random } = options
  let state: GateState = 'closed'
  let reason: string | undefined
  let since: number | undefined
  let failures = 0
  let probes = 0
  let notBefore = 0
  let tail = Promise.resolve()

  const turn = (release: () => void): Turn => {
    const probing = state === 'open' || state === 'held'
    const fail = (why: string) => {
      failures++
      since ??= clock.now()
      reason = why
    }
    return {
      entriesMax: probing ? options.probeEntries : Number.POSITIVE_INFINITY,
      ok() {
        state = 'closed'
        reason = since = undefined
        failures = probes = notBefore = 0
        release()
      },
      failed(why, afterMs) {
        fail(why)
        probes = 0
        state = failures >= options.breakerFailures ? 'open' : 'retrying'
        notBefore = clock.now() + retryDelay(options.retry, failures, afterMs, random)
        release()
      },
      held(why) {
        fail(why)
        probes++
        state = 'held'
        notBefore = clock.now() + probeDelay(options.hold, probes)
        release()
      },
      release
    }
  }

  return {
    async enter(signal) {
      const before = tail
      const { promise, resolve } = Promise.withResolvers<void>()
      tail = promise
      await before
      for (;;) {
        if (signal.aborted) {
          resolve()
          return undefined
        }
        const wait = notBefore - clock.now()
        if (wait <= 0) return turn(resolve)
        await clock.sleep(wait, signal)
      }
    },
    status: () => ({
      state,
      failures,
      ...(reason !== undefined && { reason }),
      ...(since !== undefined && { since }),
      ...(state !== 'closed' && { nextTryAt: notBefore })
    })
  }
}
