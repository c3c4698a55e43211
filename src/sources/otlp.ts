/**
 * OTLP/HTTP: spans and log records of MCP servers, clients and gateways, in protobuf or JSON.
 *
 *   POST /v1/traces, /v1/logs, /v1/metrics   (opentelemetry.io/docs/specs/otlp, "OTLP/HTTP")
 *
 * An MCP message becomes API Activity, an HTTP span or access log HTTP Activity, anything else API Activity with the
 * span's or event's name. Metrics are acknowledged and counted once in the log, and nothing of them is kept:
 * they hold no event, and an exporter that is refused would complain for ever.
 * Only 429 and 503 are retried by senders, every other error loses their data: so a fault of ours is a 503.
 */
import { z } from 'zod'
import { KeywatchError } from '../core/errors.ts'
import type { OcsfEvent } from '../core/event.ts'
import type { CleanRecord, Refusal } from '../core/ports.ts'
import {
  defineSource,
  header,
  type IntakeRequest,
  type IntakeResult,
  type NormaliseMeta,
  type Reply
} from '../core/source.ts'
import { countMetrics, decodeOtlp, emptyWarning, signalOf } from '../decode/otlp.ts'
import { type EventOptions, eventOf } from '../decode/otlp-event.ts'
import { CANONICAL, vocabulary } from '../decode/otlp-facts.ts'
import { encodingOf, MEDIA_TYPES, statusBody, successBody } from '../decode/otlp-reply.ts'

/** A retried export has the same bytes; exporters give up within minutes. */
const RETRY_WINDOW_MS = 10 * 60_000
const RETRY_AFTER_S = 1

const Options = z.strictObject({
  content: z
    .enum(['drop', 'keep'])
    .default('drop')
    .describe(
      'Arguments and results of tools, messages of models and HTTP bodies in `raw_data`: their shape and sizes only, or all of it (redacted either way).'
    ),
  include: z
    .array(z.enum(['mcp', 'http', 'other']))
    .min(1)
    .default(['mcp', 'http', 'other'])
    .describe('Records that become events: MCP messages, HTTP requests, any other span or log record.'),
  aliases: z
    .record(z.string().min(1), z.enum(CANONICAL))
    .default({})
    .describe('Attribute names of your own emitters, each with the OpenTelemetry name that it means.')
})

/** The answer to a request that was taken. */
function taken(request: IntakeRequest, result: IntakeResult): Reply {
  const encoding = encodingOf(header(request, 'content-type')) ?? 'json'
  const signal = signalOf(request.path) ?? 'logs'
  const headers = { 'content-type': MEDIA_TYPES[encoding] }
  const reply = (partial?: { rejected: number; message: string }): Reply => ({
    status: 200,
    headers,
    body: successBody(signal, encoding, partial)
  })
  if (result.quarantined > 0)
    return reply({
      rejected: result.quarantined,
      message: 'Some records could not be read and went to quarantine; do not send them again.'
    })
  if (signal === 'metrics' || result.accepted + result.duplicates > 0) return reply()
  const message = emptyWarning(signal, encoding, request.body)
  return message === undefined ? reply() : reply({ rejected: 0, message })
}

/** The answer to a request that was not taken: a google.rpc.Status, or the Collector's text for 405 and 415. */
function refused(request: IntakeRequest, refusal: Refusal): Reply {
  const plain = { 'content-type': 'text/plain; charset=utf-8' }
  if (refusal.status === 405)
    return {
      status: 405,
      headers: { ...plain, allow: 'POST' },
      body: '405 method not allowed, supported: [POST]'
    }
  if (refusal.status === 415)
    return {
      status: 415,
      headers: plain,
      body: `415 unsupported media type, supported: [${MEDIA_TYPES.json}, ${MEDIA_TYPES.protobuf}]`
    }
  const status = refusal.status === 500 ? 503 : refusal.status
  const encoding = encodingOf(header(request, 'content-type')) ?? 'json'
  const headers: Record<string, string> = { 'content-type': MEDIA_TYPES[encoding] }
  if (status === 429 || status === 503) headers['retry-after'] = String(refusal.retryAfterS ?? RETRY_AFTER_S)
  if (status === 401) headers['www-authenticate'] = 'Bearer'
  return { status, headers, body: statusBody(encoding, status, refusal.reason) }
}

export default defineSource({
  name: 'otlp',
  summary: 'Receives spans and log records over OTLP/HTTP and recognises MCP messages in them.',
  options: Options,
  open({ content, include, aliases }, { log }) {
    const options: EventOptions = {
      keepContent: content === 'keep',
      include: new Set(include),
      names: vocabulary(aliases)
    }
    let toldOfMetrics = false
    return {
      route: 'otlp',
      methods: ['POST'],
      dedupe: { by: 'body', windowMs: RETRY_WINDOW_MS },
      decode(request) {
        const signal = signalOf(request.path)
        if (signal === undefined) throw new KeywatchError('KW_NOT_FOUND', 'OTLP has no such path')
        const encoding = encodingOf(header(request, 'content-type'))
        if (encoding === undefined)
          throw new KeywatchError('KW_BODY_TYPE', 'the content type is not one of OTLP')
        const decoded = decodeOtlp(signal, encoding, request.body)
        if (signal === 'metrics' && !toldOfMetrics) {
          toldOfMetrics = true
          const metrics = countMetrics(encoding, request.body)
          log.info({ metrics }, 'OTLP metrics are acknowledged and not kept; this is said once')
        }
        return decoded
      },
      answer: (request: IntakeRequest, outcome: { result: IntakeResult } | { refusal: Refusal }): Reply =>
        'result' in outcome ? taken(request, outcome.result) : refused(request, outcome.refusal),
      normalise: (record: CleanRecord, meta: NormaliseMeta): OcsfEvent | undefined =>
        eventOf(record, meta, options)
    }
  }
})
