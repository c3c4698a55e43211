/**
 * OTLP/HTTP requests to records (opentelemetry.io/docs/specs/otlp, opentelemetry-proto v1.11.0): which signal a path
 * names, which decoder an encoding needs.
 */
import { KeywatchError } from '../core/errors.ts'
import type { Decoded } from '../core/source.ts'
import { countJsonMetrics, hasSnakeCase, logsOfJson, tracesOfJson } from './otlp-json.ts'
import { countProtobufMetrics, logsOfProtobuf, tracesOfProtobuf } from './otlp-protobuf.ts'
import type { Signal } from './otlp-record.ts'
import type { Encoding } from './otlp-reply.ts'

const SIGNALS: ReadonlyMap<string, Signal> = new Map([
  ['v1/traces', 'traces'],
  ['v1/logs', 'logs'],
  ['v1/metrics', 'metrics']
])

/** `v1/logs` → `logs`; undefined for a path that OTLP/HTTP does not have. */
export const signalOf = (path: string): Signal | undefined => SIGNALS.get(path)

const NOTHING: Decoded = { records: [], bad: [] }

/**
 * The spans or log records of a request, each with its resource and scope. Metrics are checked for their frame
 * and yield no record. Throws KeywatchError KW_BODY_UNPARSEABLE, or KW_BODY_TOO_LARGE for too
 * many records, and nothing else.
 */
export function decodeOtlp(signal: Signal, encoding: Encoding, body: Buffer): Decoded {
  const json = encoding === 'json'
  switch (signal) {
    case 'traces':
      return json ? tracesOfJson(body) : tracesOfProtobuf(body)
    case 'logs':
      return json ? logsOfJson(body) : logsOfProtobuf(body)
    case 'metrics':
      countMetrics(encoding, body)
      return NOTHING
  }
}

/** Metrics in a request; their data points are not read. Throws KW_BODY_UNPARSEABLE. */
export const countMetrics = (encoding: Encoding, body: Buffer): number =>
  encoding === 'json' ? countJsonMetrics(body) : countProtobufMetrics(body)

/** A warning for the sender of a request without records, or undefined. */
export function emptyWarning(signal: Signal, encoding: Encoding, body: Buffer): string | undefined {
  if (encoding !== 'json') return undefined
  try {
    return hasSnakeCase(signal, body)
      ? 'No record was found: OTLP/JSON has lowerCamelCase keys, and snake_case keys are ignored.'
      : undefined
  } catch (error) {
    if (error instanceof KeywatchError) return undefined
    throw error
  }
}
