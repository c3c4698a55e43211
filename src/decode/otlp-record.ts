/**
 * What one OTLP span or log record looks like after decoding, whatever its encoding was, and the limits that
 * hold while it is made. Facts: opentelemetry-proto `trace.proto`, `logs.proto`, `common.proto` (v1.11.0).
 *
 * Attributes become ordinary objects with flat, dotted keys; a field with its default value is absent, as on
 * the wire. So protobuf and JSON of the same data decode to equal records.
 */
import { KeywatchError } from '../core/errors.ts'

export type Signal = 'traces' | 'logs' | 'metrics'

export type OtlpValue = string | number | boolean | null | OtlpValue[] | Attributes
/** Keys are data of the sender: `__proto__` is an own member like any other. */
export interface Attributes {
  [key: string]: OtlpValue
}

export interface OtlpScope {
  name?: string
  version?: string
  attributes?: Attributes
}

/** The members that both kinds of record share; absent means the default (zero, empty). */
interface OtlpShared {
  traceId?: string
  spanId?: string
  attributes?: Attributes
  droppedAttributesCount?: number
  flags?: number
  resource?: Attributes
  scope?: OtlpScope
  /** A limit of the decoder was hit: something was replaced or left out. */
  truncated?: true
}

export interface OtlpSpanEvent {
  /** Nanoseconds since 1970, decimal. */
  timeUnixNano?: string
  name?: string
  attributes?: Attributes
}

export interface OtlpLink {
  traceId?: string
  spanId?: string
  attributes?: Attributes
}

export interface OtlpSpan extends OtlpShared {
  signal: 'span'
  parentSpanId?: string
  traceState?: string
  name?: string
  /** 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind?: number
  startTimeUnixNano?: string
  endTimeUnixNano?: string
  events?: OtlpSpanEvent[]
  links?: OtlpLink[]
  /** Code 0 unset, 1 ok, 2 error. */
  status?: { code?: number; message?: string }
}

export interface OtlpLog extends OtlpShared {
  signal: 'log'
  timeUnixNano?: string
  observedTimeUnixNano?: string
  eventName?: string
  severityNumber?: number
  severityText?: string
  body?: OtlpValue
}

/** Levels of lists and maps in one value. */
export const DEPTH_MAX = 32
/**
 * Attributes, list items and map members of one record (or resource, or scope) together. The three stay below the
 * members that redaction takes, which replaces a larger record whole; SDKs stop at 128 attributes.
 */
export const VALUES_MAX = 1_500
/** Records of one request. A body of two-byte records would otherwise fill the memory. */
export const RECORDS_MAX = 100_000
/**
 * Characters of resource and scope attributes that one request may repeat over its records. Each record
 * carries them, so a large resource times many small records would multiply a body by a million.
 */
export const REPEATED_MAX = 32 * 1024 * 1024

export const TOO_DEEP = `[deeper than ${DEPTH_MAX} levels]`

/** What is counted while one record, resource or scope is read. */
export class Tally {
  values = 0
  /** Characters of keys and texts, with eight for each value. */
  size = 0
  cut = false

  reset(): void {
    this.values = 0
    this.size = 0
    this.cut = false
  }

  /** Counts one value. False: the limit is reached, leave it out. */
  take(): boolean {
    if (++this.values > VALUES_MAX) {
      this.cut = true
      return false
    }
    this.size += 8
    return true
  }
}

/** Sets an own member, also where the key is `__proto__`. */
export function put(target: Attributes, key: string, value: OtlpValue): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  else target[key] = value
}

export const malformed = (what: string): KeywatchError => new KeywatchError('KW_BODY_UNPARSEABLE', what)

/** A span while it is read: members in any order, defaults not yet removed. One shape for both encodings. */
export class SpanDraft {
  traceId: string | undefined = undefined
  spanId: string | undefined = undefined
  parentSpanId: string | undefined = undefined
  traceState = ''
  flags = 0
  name = ''
  kind = 0
  startTimeUnixNano: string | undefined = undefined
  endTimeUnixNano: string | undefined = undefined
  attributes: Attributes | undefined = undefined
  droppedAttributesCount = 0
  events: OtlpSpanEvent[] | undefined = undefined
  links: OtlpLink[] | undefined = undefined
  statusCode = 0
  statusMessage = ''
}

/** A log record while it is read. */
export class LogDraft {
  timeUnixNano: string | undefined = undefined
  observedTimeUnixNano: string | undefined = undefined
  eventName = ''
  severityNumber = 0
  severityText = ''
  body: OtlpValue = null
  attributes: Attributes | undefined = undefined
  droppedAttributesCount = 0
  traceId: string | undefined = undefined
  spanId: string | undefined = undefined
  flags = 0
}

/** The record of a draft: a fixed order of members, defaults left out. */
export function spanOf(draft: SpanDraft): OtlpSpan {
  const span: OtlpSpan = { signal: 'span' }
  if (draft.traceId !== undefined) span.traceId = draft.traceId
  if (draft.spanId !== undefined) span.spanId = draft.spanId
  if (draft.parentSpanId !== undefined) span.parentSpanId = draft.parentSpanId
  if (draft.traceState !== '') span.traceState = draft.traceState
  if (draft.flags !== 0) span.flags = draft.flags
  if (draft.name !== '') span.name = draft.name
  if (draft.kind !== 0) span.kind = draft.kind
  if (draft.startTimeUnixNano !== undefined) span.startTimeUnixNano = draft.startTimeUnixNano
  if (draft.endTimeUnixNano !== undefined) span.endTimeUnixNano = draft.endTimeUnixNano
  if (draft.attributes !== undefined) span.attributes = draft.attributes
  if (draft.droppedAttributesCount !== 0) span.droppedAttributesCount = draft.droppedAttributesCount
  if (draft.events !== undefined) span.events = draft.events
  if (draft.links !== undefined) span.links = draft.links
  if (draft.statusCode !== 0 || draft.statusMessage !== '') {
    span.status = {}
    if (draft.statusCode !== 0) span.status.code = draft.statusCode
    if (draft.statusMessage !== '') span.status.message = draft.statusMessage
  }
  return span
}

/** The record of a draft: a fixed order of members, defaults left out. A null body is no body. */
export function logOf(draft: LogDraft): OtlpLog {
  const log: OtlpLog = { signal: 'log' }
  if (draft.timeUnixNano !== undefined) log.timeUnixNano = draft.timeUnixNano
  if (draft.observedTimeUnixNano !== undefined) log.observedTimeUnixNano = draft.observedTimeUnixNano
  if (draft.eventName !== '') log.eventName = draft.eventName
  if (draft.severityNumber !== 0) log.severityNumber = draft.severityNumber
  if (draft.severityText !== '') log.severityText = draft.severityText
  if (draft.body !== null) log.body = draft.body
  if (draft.attributes !== undefined) log.attributes = draft.attributes
  if (draft.droppedAttributesCount !== 0) log.droppedAttributesCount = draft.droppedAttributesCount
  if (draft.traceId !== undefined) log.traceId = draft.traceId
  if (draft.spanId !== undefined) log.spanId = draft.spanId
  if (draft.flags !== 0) log.flags = draft.flags
  return log
}

/** Name and version of a scope with its attributes; undefined if it says nothing. */
export function scopeOf(
  name: string,
  version: string,
  attributes: Attributes | undefined,
  tally: Tally
): OtlpScope | undefined {
  if (name === '' && version === '' && attributes === undefined) return undefined
  tally.size += name.length + version.length
  const scope: OtlpScope = {}
  if (name !== '') scope.name = name
  if (version !== '') scope.version = version
  if (attributes !== undefined) scope.attributes = attributes
  return scope
}

/** Adds a span event to a list, which is made when there is none; defaults are left out. */
export function appendEvent(
  list: OtlpSpanEvent[] | undefined,
  timeUnixNano: string | undefined,
  name: string,
  attributes: Attributes | undefined
): OtlpSpanEvent[] {
  const event: OtlpSpanEvent = {}
  if (timeUnixNano !== undefined) event.timeUnixNano = timeUnixNano
  if (name !== '') event.name = name
  if (attributes !== undefined) event.attributes = attributes
  const into = list ?? []
  into.push(event)
  return into
}

/** Adds a link to a list, which is made when there is none; what is absent is left out. */
export function appendLink(
  list: OtlpLink[] | undefined,
  traceId: string | undefined,
  spanId: string | undefined,
  attributes: Attributes | undefined
): OtlpLink[] {
  const link: OtlpLink = {}
  if (traceId !== undefined) link.traceId = traceId
  if (spanId !== undefined) link.spanId = spanId
  if (attributes !== undefined) link.attributes = attributes
  const into = list ?? []
  into.push(link)
  return into
}
