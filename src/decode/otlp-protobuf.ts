/**
 * OTLP export requests in protobuf: field numbers of opentelemetry-proto v1.11.0.
 *
 *   Export*ServiceRequest { 1 resource_* }      Resource* { 1 resource, 2 scope_* }
 *   Scope* { 1 scope, 2 spans | log_records }   Resource { 1 attributes }
 *   InstrumentationScope { 1 name, 2 version, 3 attributes }      KeyValue { 1 key, 2 value }
 *   AnyValue { 1 string, 2 bool, 3 int64, 4 double, 5 ArrayValue, 6 KeyValueList, 7 bytes }
 *
 * A case label is the whole tag, number * 8 + wire type, so a known number with another wire type is skipped like
 * an unknown one, as protobuf readers do. What is malformed outside a record refuses the body; within one,
 * only that record goes to quarantine.
 */
import type { Decoded } from '../core/source.ts'
import { Collector, type Origin } from './otlp-collector.ts'
import { idOfBytes } from './otlp-id.ts'
import { anyValue, keyValue } from './otlp-protobuf-value.ts'
import {
  type Attributes,
  appendEvent,
  appendLink,
  LogDraft,
  logOf,
  type OtlpLink,
  type OtlpLog,
  type OtlpScope,
  type OtlpSpan,
  type OtlpSpanEvent,
  SpanDraft,
  scopeOf,
  spanOf,
  Tally
} from './otlp-record.ts'
import { Wire } from './otlp-wire.ts'

type ReadRecord = (wire: Wire, tally: Tally) => OtlpSpan | OtlpLog

/** Spans of an ExportTraceServiceRequest. Throws KW_BODY_UNPARSEABLE. */
export const tracesOfProtobuf = (body: Buffer): Decoded => request(body, span)
/** Records of an ExportLogsServiceRequest. Throws KW_BODY_UNPARSEABLE. */
export const logsOfProtobuf = (body: Buffer): Decoded => request(body, logRecord)

/** Metrics of an ExportMetricsServiceRequest, counted: no data point is read. Throws KW_BODY_UNPARSEABLE. */
export function countProtobufMetrics(body: Buffer): number {
  const wire = new Wire(body)
  let count = 0
  walk(wire, 10, () => walk(wire, 18, () => walk(wire, 18, () => count++)))
  return count
}

/** Calls `inside` within each field that has this tag, and passes all others. */
function walk(wire: Wire, wanted: number, inside: () => void): void {
  while (wire.at < wire.end) {
    const tag = wire.tag()
    if (tag !== wanted) {
      wire.skip(tag)
      continue
    }
    const outer = wire.enter()
    inside()
    wire.leave(outer)
  }
}

function request(body: Buffer, read: ReadRecord): Decoded {
  const wire = new Wire(body)
  const collector = new Collector()
  const tally = new Tally()
  walk(wire, 10, () => group(wire, collector, tally, read))
  return collector.done()
}

/** One ResourceSpans or ResourceLogs. Field order is free, so the resource is looked for first. */
function group(wire: Wire, collector: Collector, tally: Tally, read: ReadRecord): void {
  const start = wire.at
  let resource: Attributes | undefined
  tally.reset()
  walk(wire, 10, () => {
    while (wire.at < wire.end) {
      const tag = wire.tag()
      if (tag === 10) resource = keyValue(wire, tally, resource, 0)
      else wire.skip(tag)
    }
  })
  const { size, cut } = tally
  wire.at = start
  walk(wire, 18, () => {
    const first = wire.at
    let scope: OtlpScope | undefined
    tally.reset()
    walk(wire, 10, () => {
      scope = readScope(wire, tally)
    })
    wire.at = first
    const origin: Origin = { resource, scope, size: size + tally.size, cut: cut || tally.cut }
    while (wire.at < wire.end) {
      const tag = wire.tag()
      if (tag === 18) one(wire, collector, tally, origin, read)
      else wire.skip(tag)
    }
  })
}

/** One record, in its own frame: an error inside costs this record only. */
function one(wire: Wire, collector: Collector, tally: Tally, origin: Origin, read: ReadRecord): void {
  const outer = wire.enter()
  const start = wire.at
  const stop = wire.end
  let data: OtlpSpan | OtlpLog
  try {
    tally.reset()
    data = read(wire, tally)
  } catch (error) {
    wire.at = stop
    wire.end = outer
    collector.reject(error, wire.bytes.subarray(start, stop))
    return
  }
  wire.leave(outer)
  collector.add(data, origin, tally.cut)
}

function readScope(wire: Wire, tally: Tally): OtlpScope | undefined {
  let name = ''
  let version = ''
  let attributes: Attributes | undefined
  while (wire.at < wire.end) {
    const tag = wire.tag()
    if (tag === 10) name = wire.key()
    else if (tag === 18) version = wire.key()
    else if (tag === 26) attributes = keyValue(wire, tally, attributes, 0)
    else wire.skip(tag)
  }
  return scopeOf(name, version, attributes, tally)
}

function id(wire: Wire, size: 8 | 16): string | undefined {
  const start = wire.pass()
  return idOfBytes(wire.bytes, start, wire.at, size)
}

/** Span { 1 trace_id … 16 flags }. */
function span(wire: Wire, tally: Tally): OtlpSpan {
  const draft = new SpanDraft()
  while (wire.at < wire.end) {
    const tag = wire.tag()
    switch (tag) {
      case 10: // trace_id
        draft.traceId = id(wire, 16)
        break
      case 18: // span_id
        draft.spanId = id(wire, 8)
        break
      case 26: // trace_state
        draft.traceState = wire.text()
        break
      case 34: // parent_span_id
        draft.parentSpanId = id(wire, 8)
        break
      case 42: // name
        draft.name = wire.key()
        break
      case 48: // kind
        draft.kind = wire.int32()
        break
      case 57: // start_time_unix_nano
        draft.startTimeUnixNano = wire.nanos()
        break
      case 65: // end_time_unix_nano
        draft.endTimeUnixNano = wire.nanos()
        break
      case 74: // attributes
        draft.attributes = keyValue(wire, tally, draft.attributes, 0)
        break
      case 80: // dropped_attributes_count
        draft.droppedAttributesCount = wire.uint32()
        break
      case 90: // events
        draft.events = spanEvent(wire, tally, draft.events)
        break
      case 106: // links
        draft.links = link(wire, tally, draft.links)
        break
      case 122: // status
        status(wire, draft)
        break
      case 133: // flags
        draft.flags = wire.fixed32()
        break
      default:
        wire.skip(tag)
    }
  }
  return spanOf(draft)
}

/** Status { 2 message, 3 code }. */
function status(wire: Wire, draft: SpanDraft): void {
  const outer = wire.enter()
  while (wire.at < wire.end) {
    const tag = wire.tag()
    if (tag === 18) draft.statusMessage = wire.text()
    else if (tag === 24) draft.statusCode = wire.int32()
    else wire.skip(tag)
  }
  wire.leave(outer)
}

/** Event { 1 time_unix_nano, 2 name, 3 attributes }. */
function spanEvent(wire: Wire, tally: Tally, list: OtlpSpanEvent[] | undefined): OtlpSpanEvent[] | undefined {
  const outer = wire.enter()
  let time: string | undefined
  let name = ''
  let attributes: Attributes | undefined
  const kept = tally.take()
  while (wire.at < wire.end) {
    const tag = wire.tag()
    if (tag === 9) time = wire.nanos()
    else if (tag === 18) name = wire.key()
    else if (tag === 26) attributes = keyValue(wire, tally, attributes, 0)
    else wire.skip(tag)
  }
  wire.leave(outer)
  return kept ? appendEvent(list, time, name, attributes) : list
}

/** Link { 1 trace_id, 2 span_id, 4 attributes }. */
function link(wire: Wire, tally: Tally, list: OtlpLink[] | undefined): OtlpLink[] | undefined {
  const outer = wire.enter()
  let traceId: string | undefined
  let spanId: string | undefined
  let attributes: Attributes | undefined
  const kept = tally.take()
  while (wire.at < wire.end) {
    const tag = wire.tag()
    if (tag === 10) traceId = id(wire, 16)
    else if (tag === 18) spanId = id(wire, 8)
    else if (tag === 34) attributes = keyValue(wire, tally, attributes, 0)
    else wire.skip(tag)
  }
  wire.leave(outer)
  return kept ? appendLink(list, traceId, spanId, attributes) : list
}

/** LogRecord { 1 time_unix_nano … 12 event_name }. */
function logRecord(wire: Wire, tally: Tally): OtlpLog {
  const draft = new LogDraft()
  while (wire.at < wire.end) {
    const tag = wire.tag()
    switch (tag) {
      case 9: // time_unix_nano
        draft.timeUnixNano = wire.nanos()
        break
      case 16: // severity_number
        draft.severityNumber = wire.int32()
        break
      case 26: // severity_text
        draft.severityText = wire.key()
        break
      case 42: // body
        draft.body = anyValue(wire, tally, 0)
        break
      case 50: // attributes
        draft.attributes = keyValue(wire, tally, draft.attributes, 0)
        break
      case 56: // dropped_attributes_count
        draft.droppedAttributesCount = wire.uint32()
        break
      case 69: // flags
        draft.flags = wire.fixed32()
        break
      case 74: // trace_id
        draft.traceId = id(wire, 16)
        break
      case 82: // span_id
        draft.spanId = id(wire, 8)
        break
      case 89: // observed_time_unix_nano
        draft.observedTimeUnixNano = wire.nanos()
        break
      case 98: // event_name
        draft.eventName = wire.key()
        break
      default:
        wire.skip(tag)
    }
  }
  return logOf(draft)
}
