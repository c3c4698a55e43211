/**
 * What a source is: who is sending, bytes to records, a clean record to an event. The spine owns limits,
 * inflating, redaction, de-duplication, quarantine, the append and the answer.
 */
import type { z } from 'zod'
import type { OcsfEvent } from './event.ts'
import type { CleanRecord, Clock, Disk, Log, RawRecord, Refusal } from './ports.ts'

/** One HTTP request to a source; `body` is inflated and within the limit, not parsed. */
export interface IntakeRequest {
  readonly method: string
  /** Path after the route's prefix, without a leading slash: `''`, or `v1/logs`. */
  readonly path: string
  readonly query: URLSearchParams
  /** Lower-case names; every value that was sent, in order: a doubled header has two. */
  readonly headers: ReadonlyMap<string, readonly string[]>
  readonly body: Buffer
  readonly remoteAddress: string
  readonly receivedAt: number
}

/** The single value of a header; undefined if it is missing or was sent more than once. */
export function header(request: IntakeRequest, name: string): string | undefined {
  const values = request.headers.get(name)
  return values?.length === 1 ? values[0] : undefined
}

/** A record that could not be decoded. Its text is kept only if `keep` is set, and only redacted. */
export interface BadRecord {
  /** Position in the body, from 0. */
  readonly index: number
  /** Our own words; quotes nothing. */
  readonly reason: string
  readonly bytes: Buffer | string
  /** Keep the redacted text: for lines of text whose frame did not match. Never for broken JSON. */
  readonly keep?: boolean
}

export interface Decoded {
  readonly records: readonly RawRecord[]
  readonly bad: readonly BadRecord[]
}

/** What became of one request, for the answer. */
export interface IntakeResult {
  readonly accepted: number
  readonly quarantined: number
  readonly duplicates: number
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

/** Facts for `normalise` that are not in the record. */
export interface NormaliseMeta {
  readonly sourceId: string
  readonly receivedAt: number
  readonly remoteAddress?: string
  /** The request path, as in IntakeRequest. */
  readonly path?: string
}

/**
 * `body`: a body that was seen before within `windowMs` is a duplicate (hooks: replay protection).
 * `unacknowledged`: only if the earlier answer never reached the sender (logs: equal lines are real).
 */
export type Dedupe = { readonly by: 'body'; readonly windowMs: number } | { readonly by: 'unacknowledged' }

/** How pulled records (tail, poller) enter. Resolves when they and the mark are durable; rejects like append. */
export type Feed = (decoded: Decoded, mark?: { key: string; value: string }) => Promise<IntakeResult>

export interface PullContext {
  readonly feed: Feed
  /** The durable value of a mark that this source gave to `feed`. */
  readonly mark: (key: string) => string | undefined
  readonly signal: AbortSignal
}

/** An opened source. Every function is synchronous and pure but for `pull`. */
export interface Source {
  /** The route that reaches it: `/hooks/<id>`, `/ingest/<id>`, or the OTLP paths. Absent: it only pulls. */
  readonly route?: 'hooks' | 'ingest' | 'otlp'
  /** HTTP methods taken; default POST. */
  readonly methods?: readonly string[]
  readonly dedupe?: Dedupe
  /** Bytes of an inflated body at most; the listener's own limit holds if absent. */
  readonly bodyBytesMax?: number
  /** Runs on raw bytes before any parser. Undefined means welcome. Absent: the listener's tokens decide. */
  authenticate?(request: IntakeRequest): Refusal | undefined
  /** Something that is answered without a record: a ping, a handshake. Runs after `authenticate`. */
  handshake?(request: IntakeRequest): Reply | undefined
  /** May throw KeywatchError KW_BODY_UNPARSEABLE or KW_BODY_TYPE; any other throw is also a 400. */
  decode?(request: IntakeRequest): Decoded
  /** The answer, where the protocol has its own. Errors too, if `refusal` is given. */
  answer?(request: IntakeRequest, outcome: { result: IntakeResult } | { refusal: Refusal }): Reply
  /** A clean record to events: none (a ping), one, or several. Throws if it cannot be mapped. */
  normalise(record: CleanRecord, meta: NormaliseMeta): OcsfEvent | readonly OcsfEvent[] | undefined
  /** Runs until the signal aborts. */
  pull?(context: PullContext): Promise<void>
}

/** What a source may use of the world. */
export interface SourceContext {
  readonly id: string
  readonly clock: Clock
  readonly disk: Disk
  readonly log: Log
  /** True if the listener is on loopback: a missing secret is allowed only then. */
  readonly loopback: boolean
}

export interface SourceDefinition<T extends z.ZodType = z.ZodType> {
  readonly kind: 'source'
  readonly name: string
  readonly summary: string
  readonly options: T
  readonly open: (options: z.output<T>, context: SourceContext) => Source
  /** Problems that the schema cannot say, for `keywatch check`: path within the options and text. */
  readonly check?: (
    options: z.output<T>,
    facts: { loopback: boolean }
  ) => { path: string[]; message: string }[]
}

export const defineSource = <T extends z.ZodType>(definition: Omit<SourceDefinition<T>, 'kind'>) =>
  ({ kind: 'source', ...definition }) as const
