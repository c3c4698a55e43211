/**
 * OTLP export requests in JSON (OTLP specification, "JSON Protobuf Encoding"): lowerCamelCase members of
 *
 *   Export*ServiceRequest { resourceSpans | resourceLogs | resourceMetrics }
 *   Resource* { resource, scopeSpans | scopeLogs | scopeMetrics }
 *   Scope* { scope, spans | logRecords | metrics }
 *
 * What is malformed outside a record refuses the body; within one, only that record goes to quarantine.
 * An empty body is not JSON and is refused, as the OpenTelemetry Collector does; `{}` is an empty request.
 */
import type { Decoded } from '../core/source.ts'
import { Collector } from './otlp-collector.ts'
import { idOfText } from './otlp-id.ts'
import {
  anyValue,
  attributes,
  enumeration,
  integer,
  type Loose,
  list,
  member,
  nanos,
  text
} from './otlp-json-value.ts'
import {
  appendEvent,
  appendLink,
  LogDraft,
  logOf,
  malformed,
  type OtlpLog,
  type OtlpScope,
  type OtlpSpan,
  type Signal,
  SpanDraft,
  scopeOf,
  spanOf,
  Tally
} from './otlp-record.ts'

type ReadRecord = (record: Loose, tally: Tally) => OtlpSpan | OtlpLog

/** Members of the three containers, outermost first. */
const CONTAINERS: Readonly<Record<Signal, readonly [string, string, string]>> = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics']
}

const SPAN_KINDS = new Map(
  ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map((name, kind) => [
    `SPAN_KIND_${name}`,
    kind
  ])
)
const STATUS_CODES = new Map(['UNSET', 'OK', 'ERROR'].map((name, code) => [`STATUS_CODE_${name}`, code]))
const SEVERITIES = new Map([
  ['SEVERITY_NUMBER_UNSPECIFIED', 0],
  ...['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'].flatMap((name, level) =>
    ['', '2', '3', '4'].map((step, index): [string, number] => [
      `SEVERITY_NUMBER_${name}${step}`,
      level * 4 + index + 1
    ])
  )
] as [string, number][])

/** Spans of an ExportTraceServiceRequest. Throws KW_BODY_UNPARSEABLE. */
export const tracesOfJson = (body: Buffer): Decoded => request(body, CONTAINERS.traces, span)
/** Records of an ExportLogsServiceRequest. Throws KW_BODY_UNPARSEABLE. */
export const logsOfJson = (body: Buffer): Decoded => request(body, CONTAINERS.logs, logRecord)

/** Metrics of an ExportMetricsServiceRequest, counted: no data point is read. Throws KW_BODY_UNPARSEABLE. */
export function countJsonMetrics(body: Buffer): number {
  const [groups, scopes, metrics] = CONTAINERS.metrics
  let count = 0
  for (const group of list(parse(body)[groups], groups))
    for (const scope of list(member(group, groups)?.[scopes], scopes))
      count += list(member(scope, scopes)?.[metrics], metrics).length
  return count
}

const SNAKE = /^[a-z]+(_[a-z]+)+$/

/**
 * Why a JSON request that is well formed has no records: true if a container has a snake_case name, which
 * OTLP ignores as unknown. A sender that is told nothing believes that its data arrived.
 */
export function hasSnakeCase(signal: Signal, body: Buffer): boolean {
  let level: readonly unknown[] = [parse(body)]
  for (const name of CONTAINERS[signal]) {
    const below: unknown[] = []
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue
      const loose = item as Loose // an object of unknown members is what `object` means
      if (Object.keys(loose).some(key => SNAKE.test(key) && camel(key) === name)) return true
      const inner = loose[name]
      if (Array.isArray(inner)) for (const one of inner) below.push(one)
    }
    level = below
  }
  return false
}

const camel = (key: string) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

function parse(body: Buffer): Loose {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    // The message of JSON.parse quotes the body.
    throw malformed('the body is not JSON')
  }
  const found = member(value, 'the request')
  if (found === undefined) throw malformed('JSON: the request is not an object')
  return found
}

function request(body: Buffer, containers: readonly [string, string, string], read: ReadRecord): Decoded {
  const [groups, scopes, records] = containers
  const collector = new Collector()
  const tally = new Tally()
  for (const item of list(parse(body)[groups], groups)) {
    const group = member(item, groups)
    tally.reset()
    const resource = attributes(member(group?.['resource'], 'resource')?.['attributes'], tally, 0)
    const { size, cut } = tally
    for (const inner of list(group?.[scopes], scopes)) {
      const holder = member(inner, scopes)
      tally.reset()
      const scope = readScope(member(holder?.['scope'], 'scope'), tally)
      const origin = { resource, scope, size: size + tally.size, cut: cut || tally.cut }
      for (const record of list(holder?.[records], records)) {
        let data: OtlpSpan | OtlpLog
        try {
          tally.reset()
          data = read(member(record, 'a record') ?? {}, tally)
        } catch (error) {
          collector.reject(error, textOf(record))
          continue
        }
        collector.add(data, origin, tally.cut)
      }
    }
  }
  return collector.done()
}

/** The text of a bad record, for its length and hash; empty if it nests too deep to be written. */
function textOf(record: unknown): string {
  try {
    return JSON.stringify(record) ?? ''
  } catch {
    return ''
  }
}

function readScope(scope: Loose | undefined, tally: Tally): OtlpScope | undefined {
  if (scope === undefined) return undefined
  const found = attributes(scope['attributes'], tally, 0)
  return scopeOf(text(scope['name'], 'scope.name'), text(scope['version'], 'scope.version'), found, tally)
}

function span(record: Loose, tally: Tally): OtlpSpan {
  const draft = new SpanDraft()
  draft.traceId = idOfText(record['traceId'], 16)
  draft.spanId = idOfText(record['spanId'], 8)
  draft.parentSpanId = idOfText(record['parentSpanId'], 8)
  draft.traceState = text(record['traceState'], 'traceState')
  draft.flags = integer(record['flags'], 'flags')
  draft.name = text(record['name'], 'name')
  draft.kind = enumeration(record['kind'], SPAN_KINDS, 'kind')
  draft.startTimeUnixNano = nanos(record['startTimeUnixNano'], 'startTimeUnixNano')
  draft.endTimeUnixNano = nanos(record['endTimeUnixNano'], 'endTimeUnixNano')
  draft.attributes = attributes(record['attributes'], tally, 0)
  draft.droppedAttributesCount = integer(record['droppedAttributesCount'], 'droppedAttributesCount')
  for (const item of list(record['events'], 'events')) {
    if (!tally.take()) break
    const event = member(item, 'an event') ?? {}
    draft.events = appendEvent(
      draft.events,
      nanos(event['timeUnixNano'], 'timeUnixNano'),
      text(event['name'], 'name'),
      attributes(event['attributes'], tally, 0)
    )
  }
  for (const item of list(record['links'], 'links')) {
    if (!tally.take()) break
    const link = member(item, 'a link') ?? {}
    draft.links = appendLink(
      draft.links,
      idOfText(link['traceId'], 16),
      idOfText(link['spanId'], 8),
      attributes(link['attributes'], tally, 0)
    )
  }
  const status = member(record['status'], 'status')
  draft.statusCode = enumeration(status?.['code'], STATUS_CODES, 'status.code')
  draft.statusMessage = text(status?.['message'], 'status.message')
  return spanOf(draft)
}

function logRecord(record: Loose, tally: Tally): OtlpLog {
  const draft = new LogDraft()
  draft.timeUnixNano = nanos(record['timeUnixNano'], 'timeUnixNano')
  draft.observedTimeUnixNano = nanos(record['observedTimeUnixNano'], 'observedTimeUnixNano')
  draft.eventName = text(record['eventName'], 'eventName')
  draft.severityNumber = enumeration(record['severityNumber'], SEVERITIES, 'severityNumber')
  draft.severityText = text(record['severityText'], 'severityText')
  draft.body = anyValue(record['body'], tally, 0)
  draft.attributes = attributes(record['attributes'], tally, 0)
  draft.droppedAttributesCount = integer(record['droppedAttributesCount'], 'droppedAttributesCount')
  draft.traceId = idOfText(record['traceId'], 16)
  draft.spanId = idOfText(record['spanId'], 8)
  draft.flags = integer(record['flags'], 'flags')
  return logOf(draft)
}
