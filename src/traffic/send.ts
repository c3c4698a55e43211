/**
 * How does a patient sender hand over a delivery? It posts it, waits and tries again where it is told to (429 and 503
 * with Retry-After, RFC 9110 10.2.3) or the connection breaks, and reports anything else as what it is.
 */
import { KeywatchError, reasonOf } from '../core/errors.ts'
import type { Clock } from '../core/ports.ts'
import type { Delivery } from './deliveries.ts'

export interface Target {
  /** Address and path. */
  readonly url: string
  /** Besides the content type. */
  readonly headers: Readonly<Record<string, string>>
}

export interface Receipt {
  readonly accepted: number
  readonly quarantined: number
  readonly duplicates: number
  /** Records of a body that was refused for good. */
  readonly refused: number
  /** Status of a refusal. */
  readonly status?: number
}

export interface SendDeps {
  readonly fetch: typeof fetch
  readonly clock: Clock
}

const ATTEMPTS_MAX = 30
const WAIT_MS = 1000
const WAIT_MS_MAX = 30_000
const TIMEOUT_MS = 60_000
const NONE = { accepted: 0, quarantined: 0, duplicates: 0, refused: 0 }

/** Seconds of Retry-After as milliseconds, bounded; a second if there are none. */
function waitOf(response: Response): number {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, WAIT_MS_MAX) : WAIT_MS
}

const count = (value: unknown): number => (typeof value === 'number' && value >= 0 ? value : 0)
const object = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

/** What a 2xx says: Keywatch's counts, or OTLP's `partialSuccess`. */
async function receiptOf(response: Response, records: number): Promise<Receipt> {
  let answer: unknown
  try {
    answer = await response.json()
  } catch {
    return { ...NONE, accepted: records }
  }
  const { accepted, quarantined, duplicates, partialSuccess } = object(answer)
  if (typeof accepted === 'number')
    return { ...NONE, accepted, quarantined: count(quarantined), duplicates: count(duplicates) }
  const partial = object(partialSuccess)
  // 64-bit integers are texts in JSON (protobuf's JSON mapping).
  const rejected = count(Number(partial['rejectedSpans'] ?? partial['rejectedLogRecords'] ?? 0))
  return { ...NONE, accepted: records - rejected, quarantined: rejected }
}

/** Sends one delivery. Throws KW_NOT_FOUND if nobody answers at the first attempt. */
export async function send(delivery: Delivery, target: Target, deps: SendDeps): Promise<Receipt> {
  let last = 0
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    let response: Response
    try {
      response = await deps.fetch(target.url, {
        method: 'POST',
        headers: { ...target.headers, 'content-type': delivery.contentType },
        body: delivery.body,
        signal: AbortSignal.timeout(TIMEOUT_MS)
      })
    } catch (error) {
      if (attempt > 0 && attempt < ATTEMPTS_MAX - 1) {
        await deps.clock.sleep(WAIT_MS)
        continue
      }
      const { origin } = new URL(target.url)
      throw new KeywatchError(
        'KW_NOT_FOUND',
        `no Keywatch answers at ${origin} (${reasonOf(error)}); is it running?`,
        { cause: error }
      )
    }
    if (response.ok) return receiptOf(response, delivery.records)
    last = response.status
    const waitMs = waitOf(response)
    await response.body?.cancel()
    if (last !== 503 && last !== 429) break
    await deps.clock.sleep(waitMs)
  }
  return { ...NONE, refused: delivery.records, status: last }
}
