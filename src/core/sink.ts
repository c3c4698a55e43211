/**
 * What a sink is: a pure mapping of one entry to its wire form, and one send that returns a verdict.
 * Queues, batching, retries, breakers, cursors and dead letters belong to deliver/.
 */
import type { z } from 'zod'
import type { Clock, Entry } from './ports.ts'

export type Verdict =
  /** Done; `rejected` names entries (by position in the batch) that the far side will never take. */
  | { readonly kind: 'accepted'; readonly rejected?: readonly { index: number; reason: string }[] }
  /**
   * Nothing of it surely taken: the named entries will never be, the others are to be sent again without
   * them. For collectors that refuse a whole batch and say which entry was the culprit.
   */
  | {
      readonly kind: 'resend'
      readonly reason: string
      readonly rejected: readonly { index: number; reason: string }[]
    }
  /** Not now: too many requests, a 5xx, a timeout, a broken connection. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number }
  /** Not until something is mended outside: 401, 403, a wrong index. Nothing is lost meanwhile. */
  | { readonly kind: 'hold'; readonly reason: string }
  /** Too much, or one bad entry among good ones: send it again in halves. */
  | { readonly kind: 'split'; readonly reason: string }
  /** Never: this batch (of one) goes to the dead letters. */
  | { readonly kind: 'rejected'; readonly reason: string }

/** One entry in its wire form, serialised once and sized. */
export interface Encoded {
  readonly entry: Entry
  readonly body: string
  /** UTF-8 bytes of `body`. */
  readonly bytes: number
}

export interface Sink {
  /** Pure. */
  encode(entry: Entry): string
  /** Never throws for what the far side does: every answer, time-out and reset is a verdict. */
  send(batch: readonly Encoded[], signal: AbortSignal): Promise<Verdict>
  close?(): Promise<void>
}

export interface SinkContext {
  readonly id: string
  readonly clock: Clock
  /** One lean HTTP exchange, shared by all HTTP sinks: lib/http.ts. */
  readonly fetch: typeof fetch
}

export interface SinkDefinition<T extends z.ZodType = z.ZodType> {
  readonly kind: 'sink'
  readonly name: string
  readonly summary: string
  readonly options: T
  /** Defaults for one batch; configuration may lower them (`batch`). */
  readonly limits: { readonly events: number; readonly bytes: number; readonly entryBytes: number }
  readonly open: (options: z.output<T>, context: SinkContext) => Sink | Promise<Sink>
}

export const defineSink = <T extends z.ZodType>(definition: Omit<SinkDefinition<T>, 'kind'>) =>
  ({ kind: 'sink', ...definition }) as const
