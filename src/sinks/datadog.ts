/**
 * Datadog logs intake v2: `POST https://http-intake.logs.<site>/api/v2/logs`, a JSON array of logs.
 * https://docs.datadoghq.com/api/latest/logs/#send-logs
 * Limits: 1,000 logs and 5 MB a request, 1 MB a log (more is cut with a 2xx: we shorten first), 100 tags.
 * The event lies under `ocsf`: flattened, its `status: "Failure"` would be read as *emergency*. Beside it
 * stand Datadog's standard attributes, so that facets, threat intelligence and Cloud SIEM find what they know.
 * A log older than 18 h is dropped after its 202, so a late one carries the time of sending and a tag.
 * Datadog does not de-duplicate: count distinct `@keywatch.event_uid`.
 */
import { z } from 'zod'
import { PRODUCT } from '../core/build.ts'
import { classNameOf, type Endpoint, type OcsfEvent, STATUS } from '../core/event.ts'
import type { Entry } from '../core/ports.ts'
import { defineSink, type Encoded, type Verdict } from '../core/sink.ts'
import { deliveryOptions } from '../lib/delivery-options.ts'
import { exchange, gzipLevel, httpOptions, isHeaderText, parseRetryAfter, verdictOf } from '../lib/http.ts'
import { encodeWithin } from '../lib/shrink.ts'
import { secretText } from '../lib/units.ts'

const SITES = [
  'datadoghq.com',
  'us3.datadoghq.com',
  'us5.datadoghq.com',
  'datadoghq.eu',
  'ap1.datadoghq.com',
  'ap2.datadoghq.com',
  'uk1.datadoghq.com',
  'ddog-gov.com',
  'us2.ddog-gov.com'
] as const

/** Datadog's cut is at 1 MB; the rest is for the late tag and for how they may count. */
const LOG_BYTES_MAX = 900_000
/** Half an hour inside Datadog's own bounds of 18 h back and 2 h ahead, for queues on both sides. */
const LATE_MS = 17.5 * 3_600_000
const EARLY_MS = 1.5 * 3_600_000
/** Own tags: class, source, version, late. */
const TAGS_MAX = 100 - 4

const Options = z.strictObject({
  site: z
    .enum(SITES)
    .default('datadoghq.com')
    .describe('Datadog site of the account, for instance datadoghq.eu.'),
  apiKey: secretText()
    .refine(isHeaderText, 'expected printable ASCII without spaces')
    .describe('API key of the organisation.'),
  url: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Address to use instead of that of the site: a proxy or a test receiver.'),
  service: z.string().min(1).max(100).default('keywatch').describe('Value of `service` of every log.'),
  host: z.string().min(1).max(255).optional().describe('Value of `hostname` of every log.'),
  tags: z
    .array(z.string().regex(/^[^,\s]{1,200}$/, 'expected key:value without spaces or commas'))
    .max(TAGS_MAX)
    .default([])
    .describe('Tags of every log, for instance env:prod.'),
  ...httpOptions,
  ...deliveryOptions
})
type Options = z.output<typeof Options>

/** OCSF severity 0 to 6 as a Datadog status. */
const DD_STATUS = ['info', 'info', 'notice', 'warning', 'error', 'critical', 'emergency'] as const

/** Datadog parses a message that is JSON into attributes: an attacker's text must not become some. */
function messageOf(event: OcsfEvent): string {
  const text = event.message ?? event.unmapped.keywatch.action ?? classNameOf(event.class_uid)
  return /^\s*[{[]/.test(text) ? `${classNameOf(event.class_uid)}: ${text}` : text
}

const address = (endpoint: Endpoint | undefined) =>
  endpoint && { ip: endpoint.ip, host: endpoint.hostname ?? endpoint.name, port: endpoint.port }

function httpOf({ http_request: request, http_response: response }: OcsfEvent) {
  if (!request && !response) return undefined
  return {
    method: request?.http_method,
    url: request?.url?.url_string ?? request?.url?.path,
    useragent: request?.user_agent,
    referer: request?.referrer,
    version: request?.version,
    request_id: request?.uid,
    status_code: response?.code
  }
}

/** Datadog's standard attributes: https://docs.datadoghq.com/standard-attributes/. Durations in ns. */
function attributes(event: OcsfEvent) {
  const user = event.actor?.user ?? event.user
  const own = event.unmapped.keywatch
  const error = event.api?.response?.error
  return {
    evt: {
      name: own.action ?? event.api?.operation ?? classNameOf(event.class_uid),
      category: classNameOf(event.class_uid),
      outcome:
        event.status_id === STATUS.failure
          ? 'failure'
          : event.status_id === STATUS.success
            ? 'success'
            : undefined
    },
    usr: user && { id: user.uid, name: user.name, email: user.email_addr },
    network:
      event.src_endpoint || event.dst_endpoint
        ? { client: address(event.src_endpoint), destination: address(event.dst_endpoint) }
        : undefined,
    http: httpOf(event),
    error: error === undefined ? undefined : { kind: error },
    duration: event.duration === undefined ? undefined : event.duration * 1_000_000,
    keywatch: {
      event_uid: event.metadata.uid,
      source: own.source,
      mcp: own.mcp && { server: own.mcp.server?.name, tool: own.mcp.tool, method: own.mcp.method },
      credentials: own.credentials?.map(({ fingerprint, type, use }) => ({ fingerprint, type, use })),
      finding: own.finding && { rule: own.finding.rule, level: own.finding.level, count: own.finding.count }
    }
  }
}

/** Tags come from the configuration and the class alone, never from what a sender wrote. */
const tagsOf = (event: OcsfEvent, tags: readonly string[]): string =>
  [
    ...tags,
    `kw.class:${classNameOf(event.class_uid)}`,
    `kw.source:${event.unmapped.keywatch.source.replace(/[^A-Za-z0-9_./:-]/g, '_').slice(0, 100)}`,
    `kw.version:${PRODUCT.version}`
  ].join(',')

/** Every log begins so, with the two members that the time of sending may change. */
const opening = (time: number, tags: string) => `{"timestamp":${time},"ddtags":${JSON.stringify(tags)},`

/** Pure: the log of one entry, as if it were sent when the event happened. */
export function toLog({ event }: Entry, options: Pick<Options, 'service' | 'host' | 'tags'>): string {
  const open = opening(event.time, tagsOf(event, options.tags))
  return encodeWithin(event, LOG_BYTES_MAX, ocsf => {
    const log = JSON.stringify({
      ddsource: 'keywatch',
      service: options.service,
      hostname: options.host,
      status: DD_STATUS[ocsf.severity_id],
      message: messageOf(ocsf),
      ...attributes(ocsf),
      ocsf
    })
    return open + log.slice(1)
  })
}

/** The log with a time that Datadog takes: its own, or that of sending and a tag that says so. */
function timely({ body, entry: { event } }: Encoded, tags: readonly string[], nowMs: number): string {
  const age = nowMs - event.time
  if (age <= LATE_MS && age >= -EARLY_MS) return body
  const own = tagsOf(event, tags)
  const marked = `${own},keywatch.${age > 0 ? 'late' : 'early'}:true`
  return opening(nowMs, marked) + body.slice(opening(event.time, own).length)
}

function withRateLimit(verdict: Verdict, reset: string | undefined): Verdict {
  if (verdict.kind !== 'retry' || verdict.afterMs !== undefined || !/^\d{1,5}$/.test(reset ?? ''))
    return verdict
  const afterMs = parseRetryAfter(reset, 0)
  return afterMs === undefined ? verdict : { ...verdict, afterMs }
}

export default defineSink({
  name: 'datadog',
  summary: 'Sends events and findings to Datadog Logs, ready for Cloud SIEM.',
  options: Options,
  // 4.5 of 5 MB, and within it up to 1,000 late tags.
  limits: { events: 1_000, bytes: 4_450_000, entryBytes: 950_000 },
  open(options, { clock, fetch }) {
    const base = new URL(options.url ?? `https://http-intake.logs.${options.site}`)
    if (base.pathname === '/') base.pathname = '/api/v2/logs'
    const headers = { 'DD-API-KEY': options.apiKey, 'DD-EVP-ORIGIN': 'keywatch' }
    return {
      encode: entry => toLog(entry, options),
      async send(batch, signal) {
        const now = clock.now()
        const result = await exchange({
          fetch,
          url: base.href,
          headers,
          body: `[${batch.map(one => timely(one, options.tags, now)).join(',')}]`,
          gzip: gzipLevel(options.gzip),
          timeoutMs: options.timeout,
          signal,
          secrets: [options.apiKey]
        })
        const verdict = verdictOf(result, batch.length, clock.now())
        return result.kind === 'answer'
          ? withRateLimit(verdict, result.headers.get('x-ratelimit-reset'))
          : verdict
      }
    }
  }
})
