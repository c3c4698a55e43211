/**
 * An encoder of OTLP protobuf that shares nothing with the decoder under test: protobufjs with the descriptors of
 * opentelemetry-proto v1.11.0, and a conversion from OTLP/JSON. It also decodes answers, and whole requests for
 * the benchmark's comparison.
 */
import protobuf from 'protobufjs'

const of = (type: string, id: number) => ({ type, id })
const many = (type: string, id: number) => ({ rule: 'repeated', type, id })

const attributes = (id: number) => many('KeyValue', id)

const root = protobuf.Root.fromJSON({
  nested: {
    AnyValue: {
      oneofs: {
        value: {
          oneof: [
            'stringValue',
            'boolValue',
            'intValue',
            'doubleValue',
            'arrayValue',
            'kvlistValue',
            'bytesValue'
          ]
        }
      },
      fields: {
        stringValue: of('string', 1),
        boolValue: of('bool', 2),
        intValue: of('int64', 3),
        doubleValue: of('double', 4),
        arrayValue: of('ArrayValue', 5),
        kvlistValue: of('KeyValueList', 6),
        bytesValue: of('bytes', 7)
      }
    },
    ArrayValue: { fields: { values: many('AnyValue', 1) } },
    KeyValueList: { fields: { values: many('KeyValue', 1) } },
    KeyValue: { fields: { key: of('string', 1), value: of('AnyValue', 2) } },
    Scope: { fields: { name: of('string', 1), version: of('string', 2), attributes: attributes(3) } },
    Resource: { fields: { attributes: attributes(1), droppedAttributesCount: of('uint32', 2) } },
    Status: { fields: { message: of('string', 2), code: of('int32', 3) } },
    Event: {
      fields: { timeUnixNano: of('fixed64', 1), name: of('string', 2), attributes: attributes(3) }
    },
    Link: { fields: { traceId: of('bytes', 1), spanId: of('bytes', 2), attributes: attributes(4) } },
    Span: {
      fields: {
        traceId: of('bytes', 1),
        spanId: of('bytes', 2),
        traceState: of('string', 3),
        parentSpanId: of('bytes', 4),
        name: of('string', 5),
        kind: of('int32', 6),
        startTimeUnixNano: of('fixed64', 7),
        endTimeUnixNano: of('fixed64', 8),
        attributes: attributes(9),
        droppedAttributesCount: of('uint32', 10),
        events: many('Event', 11),
        links: many('Link', 13),
        status: of('Status', 15),
        flags: of('fixed32', 16)
      }
    },
    LogRecord: {
      fields: {
        timeUnixNano: of('fixed64', 1),
        severityNumber: of('int32', 2),
        severityText: of('string', 3),
        body: of('AnyValue', 5),
        attributes: attributes(6),
        droppedAttributesCount: of('uint32', 7),
        flags: of('fixed32', 8),
        traceId: of('bytes', 9),
        spanId: of('bytes', 10),
        observedTimeUnixNano: of('fixed64', 11),
        eventName: of('string', 12)
      }
    },
    ScopeSpans: { fields: { scope: of('Scope', 1), spans: many('Span', 2) } },
    ScopeLogs: { fields: { scope: of('Scope', 1), logRecords: many('LogRecord', 2) } },
    ResourceSpans: { fields: { resource: of('Resource', 1), scopeSpans: many('ScopeSpans', 2) } },
    ResourceLogs: { fields: { resource: of('Resource', 1), scopeLogs: many('ScopeLogs', 2) } },
    Metric: { fields: { name: of('string', 1), unit: of('string', 3) } },
    ScopeMetrics: { fields: { scope: of('Scope', 1), metrics: many('Metric', 2) } },
    ResourceMetrics: { fields: { resource: of('Resource', 1), scopeMetrics: many('ScopeMetrics', 2) } },
    TracesRequest: { fields: { resourceSpans: many('ResourceSpans', 1) } },
    LogsRequest: { fields: { resourceLogs: many('ResourceLogs', 1) } },
    MetricsRequest: { fields: { resourceMetrics: many('ResourceMetrics', 1) } },
    PartialSuccess: { fields: { rejected: of('int64', 1), errorMessage: of('string', 2) } },
    Response: { fields: { partialSuccess: of('PartialSuccess', 1) } },
    RpcStatus: { fields: { code: of('int32', 1), message: of('string', 2) } }
  }
})

export type RequestName = 'TracesRequest' | 'LogsRequest' | 'MetricsRequest'

const IDS = new Set(['traceId', 'spanId', 'parentSpanId'])

/** Ids of OTLP/JSON are hex; protobufjs takes bytes as base64 or as bytes. */
function bytesForIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bytesForIds)
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value))
    copy[key] = IDS.has(key) && typeof inner === 'string' ? Buffer.from(inner, 'hex') : bytesForIds(inner)
  return copy
}

/** The protobuf of a request written as OTLP/JSON. */
export function encodeRequest(name: RequestName, json: object): Buffer {
  const type = root.lookupType(name)
  return Buffer.from(type.encode(type.fromObject(bytesForIds(json) as object)).finish())
}

/** A protobuf message of any type of the descriptor, as a plain object. */
export function decodeMessage(name: string, bytes: Uint8Array): Record<string, unknown> {
  const type = root.lookupType(name)
  return type.toObject(type.decode(bytes), { longs: String, bytes: String })
}
