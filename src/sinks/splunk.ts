/**
 * Splunk HTTP Event Collector: `POST <url>/services/collector/event`, JSON envelopes one after another.
 * https://docs.splunk.com/Documentation/Splunk/latest/Data/HECExamples
 * Envelope: {time (seconds), host?, source, sourcetype, index?, fields (flat), event}. The event is the OCSF
 * event as it is; a sourcetype that begins with `ocsf:` is what Splunk's OCSF add-on looks for.
 * The answer {text, code, invalid-event-number?} says more than the status. Splunk reads a body as a stream, so
 * what stands before a bad envelope may be indexed already: search with `dedup metadata.uid`.
 */
import { z } from 'zod'
import { classNameOf } from '../core/event.ts'
import type { Entry } from '../core/ports.ts'
import { defineSink, type Verdict } from '../core/sink.ts'
import { deliveryOptions } from '../lib/delivery-options.ts'
import {
  type Exchange,
  exchange,
  gzipLevel,
  httpOptions,
  isHeaderText,
  reasonOfAnswer,
  refuseBatch,
  verdictOf
} from '../lib/http.ts'
import { encodeWithin } from '../lib/shrink.ts'
import { secretText } from '../lib/units.ts'

/** Splunk Cloud takes about 1 MB a request; an event must fit in one. */
const EVENT_BYTES_MAX = 900_000

const Options = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .describe('Address of the collector, for instance https://splunk.example.com:8088.'),
  token: secretText()
    .refine(isHeaderText, 'expected printable ASCII without spaces')
    .describe('HEC token, with indexer acknowledgement off.'),
  index: z
    .string()
    .regex(/^[a-z0-9_][a-z0-9_-]{0,79}$/, 'expected the name of an index')
    .optional()
    .describe('Index to write to. The token decides if absent.'),
  host: z.string().min(1).max(255).optional().describe('Value of `host`. The collector fills it if absent.'),
  source: z.string().min(1).max(255).default('keywatch').describe('Value of `source`.'),
  ...httpOptions,
  ...deliveryOptions
})

/** Pure: the envelope of one entry. `time` is when it happened. `fields` are indexed: few and flat. */
export function toEnvelope(
  { event }: Entry,
  options: { index?: string | undefined; host?: string | undefined; source: string }
): string {
  return encodeWithin(event, EVENT_BYTES_MAX, ocsf => {
    const own = ocsf.unmapped.keywatch
    return JSON.stringify({
      time: ocsf.time / 1000,
      host: options.host,
      source: options.source,
      sourcetype: `ocsf:keywatch:${classNameOf(ocsf.class_uid)}`,
      index: options.index,
      fields: {
        event_uid: ocsf.metadata.uid,
        class_uid: ocsf.class_uid,
        severity_id: ocsf.severity_id,
        keywatch_source: own.source,
        mcp_server: own.mcp?.server?.name,
        credential: own.credentials?.find(one => one.fingerprint !== undefined)?.fingerprint
      },
      event: ocsf
    })
  })
}

const HecAnswer = z.object({ code: z.int(), 'invalid-event-number': z.int().min(0).optional() })

/** `code` and `invalid-event-number` of an answer; undefined where it is a web page, as for 413 and 415. */
function readAnswer(text: string): z.output<typeof HecAnswer> | undefined {
  try {
    return HecAnswer.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** Codes that nobody but the administrator can mend, in words that say how. */
const HOLD: ReadonlyMap<number, string> = new Map([
  [1, 'the token is disabled'],
  [2, 'the token is missing'],
  [3, 'the authorization is not understood'],
  [4, 'the token is unknown'],
  // All envelopes name the same index, so it is not one of them that is wrong. (Splunk's
  // invalid-event-number is one too high for this code alone; it is not needed here.)
  [7, 'the index does not exist or the token may not write to it'],
  [10, 'the token has indexer acknowledgement on; switch it off'],
  [11, 'the token has indexer acknowledgement on; switch it off'],
  [14, 'acknowledgement is disabled'],
  [16, 'the token is taken from the address; it must not be'],
  [21, 'the token is unknown'],
  [22, 'the token is disabled']
])
/** Success; 24 and 25 add that a queue fills up, and the 429 that follows them is a retry. */
const ACCEPTED = new Set([0, 24, 25])
/** One envelope is bad: 6 format, 12 and 13 event missing or blank, 15 indexed fields. */
const BAD_ENVELOPE = new Set([6, 12, 13, 15])
const RETRY = new Set([8, 9, 18, 19, 20, 23, 26, 27])

/** The verdict for an answer of the collector; what has no code of HEC is judged by its status. */
export function verdictOfHec(result: Exchange, entries: number, nowMs: number): Verdict {
  const byStatus = verdictOf(result, entries, nowMs)
  if (result.kind === 'failure') return byStatus
  const answer = readAnswer(result.text)
  if (answer === undefined) return byStatus
  const reason = reasonOfAnswer(result)
  const { code, 'invalid-event-number': bad } = answer
  if (ACCEPTED.has(code) && byStatus.kind === 'accepted') return byStatus
  const hold = HOLD.get(code)
  if (hold !== undefined) return { kind: 'hold', reason: `${hold} (${reason})` }
  if (BAD_ENVELOPE.has(code)) {
    if (bad === undefined || bad >= entries || entries === 1) return refuseBatch(entries, reason)
    return { kind: 'resend', reason, rejected: [{ index: bad, reason }] }
  }
  if (RETRY.has(code)) return byStatus.kind === 'retry' ? byStatus : { kind: 'retry', reason }
  return byStatus
}

export default defineSink({
  name: 'splunk',
  summary: 'Sends events and findings to a Splunk HTTP Event Collector.',
  options: Options,
  limits: { events: 500, bytes: 980_000, entryBytes: 950_000 },
  open(options, { clock, fetch }) {
    const url = new URL(options.url)
    if (url.pathname === '/') url.pathname = '/services/collector/event'
    const headers = { authorization: `Splunk ${options.token}` }
    return {
      encode: entry => toEnvelope(entry, options),
      async send(batch, signal) {
        const result = await exchange({
          fetch,
          url: url.href,
          headers,
          body: batch.map(one => one.body).join('\n'),
          gzip: gzipLevel(options.gzip),
          timeoutMs: options.timeout,
          signal,
          secrets: [options.token]
        })
        return verdictOfHec(result, batch.length, clock.now())
      }
    }
  }
})
