/**
 * A program under a real OpenTelemetry SDK, run as a process of its own by otlp-sdk.test.ts: it makes spans and log
 * records as an MCP server would, exports them to the URL it is given, and prints what it sent and what the SDK said.
 * Arguments: URL, `protobuf` or `json`. Compression comes from OTEL_EXPORTER_OTLP_COMPRESSION, as for any program.
 */
import { DiagLogLevel, diag, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto'
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchLogRecordProcessor, LoggerProvider, type LogRecordExporter } from '@opentelemetry/sdk-logs'
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base'

const [url = '', encoding = 'protobuf'] = process.argv.slice(2)

/** 0 is success, 1 failure (ExportResultCode). */
const results: number[] = []
const complaints: string[] = []
const complain = (message: string) => complaints.push(message)
const silent = () => {}
diag.setLogger(
  { error: complain, warn: complain, info: silent, debug: silent, verbose: silent },
  DiagLogLevel.WARN
)

/** The exporter itself; only its result is noted. */
function noted<T extends SpanExporter | LogRecordExporter>(exporter: T): T {
  const original = exporter.export.bind(exporter)
  exporter.export = (records: never, done: Parameters<SpanExporter['export']>[1]) =>
    original(records, result => {
      results.push(result.code)
      done(result)
    })
  return exporter
}

const resource = resourceFromAttributes({
  'service.name': 'files-mcp',
  'deployment.environment.name': 'staging'
})
const traceUrl = `${url}/v1/traces`
const traceExporter: SpanExporter =
  encoding === 'json'
    ? new JsonTraceExporter({ url: traceUrl })
    : new ProtobufTraceExporter({ url: traceUrl })
const tracers = new BasicTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(noted(traceExporter))]
})
const loggers = new LoggerProvider({
  resource,
  processors: [
    new BatchLogRecordProcessor({ exporter: noted(new OTLPLogExporter({ url: `${url}/v1/logs` })) })
  ]
})

const tracer = tracers.getTracer('mcp-instrumentation', '0.3.0')
const START_MS = 1_795_000_000_000
const spans = []
for (const [n, tool] of ['read_file', 'write_file', 'größe_💥'].entries()) {
  const attributes = {
    'mcp.method.name': 'tools/call',
    'gen_ai.tool.name': tool,
    'jsonrpc.request.id': String(n),
    'client.port': 40_000 + n,
    'http.request.header.authorization': ['Bearer placeholder'],
    ratio: 0.25,
    cached: n === 1
  }
  const span = tracer.startSpan(`tools/call ${tool}`, {
    kind: SpanKind.SERVER,
    attributes,
    startTime: [START_MS / 1000, 123_456_789]
  })
  if (n === 2) span.setStatus({ code: SpanStatusCode.ERROR, message: 'denied' })
  span.addEvent('route to backend', { 'mcp.backend.name': 'disk' }, [START_MS / 1000, 200_000_000])
  span.end([START_MS / 1000, 987_654_321])
  const { traceId, spanId } = span.spanContext()
  spans.push({ traceId, spanId, name: `tools/call ${tool}`, attributes })
}

const logger = loggers.getLogger('access', '1.0.0')
logger.emit({
  timestamp: [START_MS / 1000, 5],
  observedTimestamp: [START_MS / 1000, 6],
  severityNumber: 17,
  severityText: 'ERROR',
  eventName: 'mcp.tool.failed',
  body: { message: 'call failed', nested: { list: [1, 'two', true, null], big: 2 ** 40 } },
  attributes: {
    'mcp.method.name': 'tools/call',
    bytes: new Uint8Array([0, 1, 255]),
    map: { deep: { er: 'x' } }
  }
})

// A flush rejects when its export failed; that is in the results already.
await Promise.allSettled([tracers.forceFlush()])
await Promise.allSettled([loggers.forceFlush()])
await Promise.allSettled([tracers.shutdown(), loggers.shutdown()])
process.stdout.write(JSON.stringify({ results, complaints, spans }))
