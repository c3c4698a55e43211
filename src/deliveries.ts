/**
 * Which deliveries were received before. A hook's body that was seen in the window is a replay. A log's body
 * is a retry only if the answer to its twin never reached the sender: equal log lines are real events.
 * What must outlive a crash is a mark in the journal, durable with the events themselves.
 */
import { hash } from 'node:crypto'
import type { Clock, Journal, Mark } from './core/ports.ts'
import type { Dedupe, IntakeRequest, IntakeResult } from './core/source.ts'

/** After a restart, how long a body from before the crash still counts as possibly unanswered. */
const RETRY_WINDOW_MS = 60_000

export interface Delivery {
  /** Set if this body was already taken. */
  readonly duplicateOf?: Promise<IntakeResult>
  /** The mark that goes with the append. */
  mark(result: IntakeResult): Mark | undefined
  /** The append succeeded. */
  accepted(result: IntakeResult): void
  /** Nothing was appended. */
  failed(): void
  /** Whether the answer reached the sender. */
  settled(delivered: boolean): void
}

const NONE: Delivery = {
  mark: () => undefined,
  accepted: () => undefined,
  failed: () => undefined,
  settled: () => undefined
}

const asDuplicate = (result: IntakeResult): IntakeResult => ({
  accepted: 0,
  quarantined: 0,
  duplicates: result.accepted + result.quarantined + result.duplicates
})

export interface Deliveries {
  open(sourceId: string, dedupe: Dedupe | undefined, body: Uint8Array): Delivery
}

export function createDeliveries(journal: Pick<Journal, 'mark'>, clock: Clock, max: number): Deliveries {
  const startedAt = clock.now()
  /** Taken, but the answer is on its way or broke: key → what became of it. Bounded by `max`. */
  const unanswered = new Map<string, Promise<IntakeResult>>()
  const consumed = new Set<string>()

  function remember(key: string, result: Promise<IntakeResult>): void {
    unanswered.set(key, result)
    result.catch(() => undefined)
    for (const oldest of unanswered.keys()) {
      if (unanswered.size <= max) break
      unanswered.delete(oldest)
    }
  }

  function earlier(key: string, dedupe: Dedupe): Promise<IntakeResult> | undefined {
    const pending = unanswered.get(key)
    if (pending) return pending
    const value = journal.mark(key)
    if (typeof value !== 'string') return undefined
    const [at, count] = value.split(':').map(Number)
    const result = { accepted: count ?? 0, quarantined: 0, duplicates: 0 }
    if (dedupe.by === 'body') {
      return clock.now() - (at ?? 0) < dedupe.windowMs || (at ?? 0) < startedAt
        ? Promise.resolve(result)
        : undefined
    }
    // From before this start, and so perhaps never answered: the first equal body is its retry.
    const suspect = (at ?? 0) < startedAt && clock.now() - startedAt < RETRY_WINDOW_MS && !consumed.has(key)
    if (!suspect) return undefined
    consumed.add(key)
    return Promise.resolve(result)
  }

  return {
    open(sourceId, dedupe, body) {
      if (dedupe === undefined) return NONE
      const digest = hash('sha256', body, 'base64url').slice(0, 22)
      const key = `${dedupe.by === 'body' ? 'd' : 'u'}:${sourceId}:${digest}`
      const before = earlier(key, dedupe)
      if (before !== undefined) {
        const again = { ...NONE, duplicateOf: before.then(asDuplicate) }
        return {
          ...again,
          settled: delivered => delivered && dedupe.by === 'unacknowledged' && unanswered.delete(key)
        }
      }
      const { promise, resolve, reject } = Promise.withResolvers<IntakeResult>()
      remember(key, promise)
      const ttlMs = dedupe.by === 'body' ? dedupe.windowMs : RETRY_WINDOW_MS
      return {
        mark: result => ({ key, value: `${clock.now()}:${result.accepted + result.quarantined}`, ttlMs }),
        accepted(result) {
          resolve(result)
          if (dedupe.by === 'body') unanswered.delete(key)
        },
        failed() {
          unanswered.delete(key)
          reject(new Error('the first delivery was not accepted'))
        },
        settled(delivered) {
          if (delivered) unanswered.delete(key)
        }
      }
    }
  }
}

/** What makes two deliveries the same: the path within the source and the body. */
export const deliveryBody = (request: IntakeRequest): Uint8Array =>
  request.path === '' ? request.body : Buffer.concat([Buffer.from(`${request.path}\n`), request.body])
