/**
 * Keywatch about itself: its own log (pino, NDJSON on stderr) and its own traces (OpenTelemetry, only when
 * OTEL_EXPORTER_OTLP_ENDPOINT is set). Neither ever carries payload: log fields and span attributes are
 * numbers, ids from the configuration and our own reasons, and texts pass the redactor all the same.
 */
import { type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { pino } from 'pino'
import { reasonOf } from './core/errors.ts'
import type { Log } from './core/ports.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'
type Fields = Readonly<Record<string, unknown>>

/** `redactText` guards every text; errors are reduced to their reason. */
export function createLog(level: LogLevel, redactText: (text: string) => string): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) }
    },
    pino.destination({ dest: 2, sync: true })
  )
  const clean = (fields: Fields): Record<string, unknown> => {
    const result: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(fields)) {
      if (typeof value === 'string') result[key] = redactText(value)
      else if (typeof value === 'number' || typeof value === 'boolean') result[key] = value
      else if (value instanceof Error) result[key] = reasonOf(value)
      else if (value !== undefined && value !== null) result[key] = redactText(JSON.stringify(value))
    }
    return result
  }
  return {
    info: (fields, message) => logger.info(clean(fields), message),
    warn: (fields, message) => logger.warn(clean(fields), message),
    error: (fields, message) => logger.error(clean(fields), message)
  }
}

export interface Telemetry {
  span<T>(
    name: string,
    attributes: Readonly<Record<string, string | number>>,
    run: () => Promise<T>
  ): Promise<T>
  close(): Promise<void>
}

const NONE: Telemetry = { span: (_name, _attributes, run) => run(), close: async () => undefined }

/** Starts the SDK if an endpoint is given; the packages are loaded only then. */
export async function startTelemetry(endpoint: string | undefined): Promise<Telemetry> {
  if (endpoint === undefined || endpoint === '') return NONE
  const [{ NodeSDK }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/exporter-trace-otlp-http')
  ])
  const sdk = new NodeSDK({
    serviceName: 'keywatch',
    traceExporter: new OTLPTraceExporter(),
    instrumentations: []
  })
  sdk.start()
  const tracer = trace.getTracer('keywatch')
  return {
    span: (name, attributes, run) =>
      tracer.startActiveSpan(`keywatch.${name}`, { attributes: prefixed(attributes) }, async (span: Span) => {
        try {
          return await run()
        } catch (error) {
          // The reason, not the error: an exception event would carry its message and stack.
          span.setStatus({ code: SpanStatusCode.ERROR, message: reasonOf(error) })
          throw error
        } finally {
          span.end()
        }
      }),
    close: () => sdk.shutdown().catch(() => undefined)
  }
}

const prefixed = (attributes: Readonly<Record<string, string | number>>) =>
  Object.fromEntries(Object.entries(attributes).map(([key, value]) => [`keywatch.${key}`, value]))
