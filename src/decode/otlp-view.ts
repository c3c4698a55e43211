/**
 * What the mapping of an OTLP record needs to know of it, read once: its facts under one name each, who wrote it,
 * and when it happened.
 *
 * Time: a span's start, a log's time, else its observed time, else when it was received. Roles: a CLIENT or
 * PRODUCER span was written by the caller; a SERVER span, any other span and a log record by the callee.
 */
import { KeywatchError } from '../core/errors.ts'
import type { Trace } from '../core/event.ts'
import type { CleanRecord } from '../core/ports.ts'
import { Facts, type Vocabulary } from './otlp-facts.ts'
import type { Attributes, OtlpValue } from './otlp-record.ts'

const EMPTY: Attributes = {}
const KINDS = ['', 'internal', 'server', 'client', 'producer', 'consumer']
const CLIENT = 3
const PRODUCER = 4
const EVENTS_READ_MAX = 32

/** Clocks that run ahead by more are not believed. */
const AHEAD_MAX_MS = 24 * 3600_000
/** Before the year 2000 a sender has taken another unit for nanoseconds. */
const TIME_MIN_MS = Date.UTC(2000, 0)

export interface View {
  /** After redaction: any member may have been replaced by a placeholder. */
  readonly data: Attributes
  readonly facts: Facts
  readonly attributes: Attributes
  readonly resource: Attributes
  readonly isSpan: boolean
  /** Name of the span, or of the event that a log record is; may be empty. */
  readonly name: string
  /** `server`, `client`…; empty for a log record. */
  readonly kind: string
  /** Written by the one who called, not by the one who answered. */
  readonly byCaller: boolean
  readonly service: string | undefined
  /** Milliseconds since 1970. */
  readonly time: number
  /** The source's own time in nanoseconds, where it was not believed. */
  readonly doubted: string | undefined
  readonly start: number | undefined
  readonly end: number | undefined
}

export const isMap = (value: unknown): value is Attributes =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const mapOf = (value: unknown): Attributes => (isMap(value) ? value : EMPTY)

/** A text member; undefined if it is absent, empty or of another type. */
export const textOf = (value: OtlpValue | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/** Milliseconds of decimal nanoseconds; undefined if there are none. */
function millisOf(nanos: OtlpValue | undefined): number | undefined {
  if (typeof nanos !== 'string' || nanos.length > 20) return undefined
  const millis = nanos.length > 6 ? Number(nanos.slice(0, -6)) : 0
  return Number.isSafeInteger(millis) ? millis : undefined
}

/** Reads a clean record. Throws KW_RECORD_UNMAPPED if redaction left nothing of its frame. */
export function viewOf(record: CleanRecord, names: Vocabulary, receivedAt: number): View {
  const data = record.data
  if (!isMap(data) || (data['signal'] !== 'span' && data['signal'] !== 'log'))
    throw new KeywatchError('KW_RECORD_UNMAPPED', 'the record is neither a span nor a log record')
  const isSpan = data['signal'] === 'span'
  const attributes = mapOf(data['attributes'])
  const resource = mapOf(data['resource'])
  const facts = new Facts()
  facts.gather(attributes, names)
  if (isSpan) gatherEvents(facts, data['events'])
  else if (isMap(data['body'])) facts.gather(data['body'], names)
  facts.offer('server', resource['mcp.server.name'])
  facts.offer('environment', resource['deployment.environment.name'] ?? resource['deployment.environment'])
  if (!isSpan) facts.offer('eventName', data['eventName'])

  const kind = typeof data['kind'] === 'number' ? data['kind'] : 0
  const start = isSpan ? millisOf(data['startTimeUnixNano']) : undefined
  const end = isSpan ? millisOf(data['endTimeUnixNano']) : undefined
  const told = isSpan
    ? (textOf(data['startTimeUnixNano']) ?? textOf(data['endTimeUnixNano']))
    : (textOf(data['timeUnixNano']) ?? textOf(data['observedTimeUnixNano']))
  const millis = millisOf(told)
  const believed = millis !== undefined && millis >= TIME_MIN_MS && millis <= receivedAt + AHEAD_MAX_MS
  const service = textOf(resource['service.name'])
  return {
    data,
    facts,
    attributes,
    resource,
    isSpan,
    name: facts.short((isSpan ? textOf(data['name']) : facts.text('eventName')) ?? ''),
    kind: isSpan ? (KINDS[kind] ?? '') : '',
    byCaller: isSpan && (kind === CLIENT || kind === PRODUCER),
    service: service === undefined ? undefined : facts.short(service),
    time: believed ? millis : receivedAt,
    doubted: believed ? undefined : told,
    start,
    end
  }
}

/** Exceptions, and the backend that Envoy AI Gateway names in an event, not in an attribute. */
function gatherEvents(facts: Facts, events: OtlpValue | undefined): void {
  if (!Array.isArray(events)) return
  for (let at = 0; at < events.length && at < EVENTS_READ_MAX; at++) {
    const event = events[at]
    const found = isMap(event) ? mapOf(event['attributes']) : EMPTY
    facts.offer('errorMessage', found['exception.message'])
    facts.offer('exceptionType', found['exception.type'])
    facts.offer('server', found['mcp.backend.name'])
  }
}

const TRACE_ID = /^[0-9a-f]{32}$/
const SPAN_ID = /^[0-9a-f]{16}$/

/** `traceId-spanId`: the same whenever this span is sent. Undefined for a log record or a span without ids. */
export function spanIdentity({ data, isSpan }: View): string | undefined {
  const traceId = textOf(data['traceId'])
  const spanId = textOf(data['spanId'])
  return isSpan && traceId !== undefined && spanId !== undefined ? `${traceId}-${spanId}` : undefined
}

/** The trace of a record; OCSF has a span in it only with start and end. */
export function traceOf({ data, isSpan, name, start, end, time }: View): Trace | undefined {
  const uid = textOf(data['traceId'])
  if (uid === undefined || !TRACE_ID.test(uid)) return undefined
  const spanId = textOf(data['spanId'])
  if (!isSpan || spanId === undefined || !SPAN_ID.test(spanId)) return { uid }
  const from = start ?? end ?? time
  const span: NonNullable<Trace['span']> = { uid: spanId, start_time: from, end_time: end ?? from }
  const parent = textOf(data['parentSpanId'])
  if (parent !== undefined && SPAN_ID.test(parent)) span.parent_uid = parent
  if (name !== '') span.operation = name
  return { uid, span }
}
