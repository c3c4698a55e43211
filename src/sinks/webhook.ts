/**
 * Any HTTP endpoint, signed as Standard Webhooks say:
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 *   webhook-id: msg_…              equal for every attempt at the same batch: a hash of the event ids
 *   webhook-timestamp: 1795320000  seconds, of this attempt
 *   webhook-signature: v1,<base64 of HMAC-SHA256(secret, id.timestamp.body)> …  one per active secret
 * One request carries a batch: {"type", "timestamp", "data": [OCSF event, …]}. A batch that is split or formed anew
 * after a restart has another id, so a receiver that must not see doubles looks at `metadata.uid` of each event.
 */
import { createHash, createHmac } from 'node:crypto'
import { z } from 'zod'
import { CLASS_UIDS } from '../core/event.ts'
import { defineSink, type Encoded, type Verdict } from '../core/sink.ts'
import { deliveryOptions } from '../lib/delivery-options.ts'
import {
  type Exchange,
  exchange,
  gzipLevel,
  httpOptions,
  isHeaderText,
  reasonOfAnswer,
  verdictOf
} from '../lib/http.ts'
import { encodeWithin } from '../lib/shrink.ts'
import { secretText } from '../lib/units.ts'

const PREFIX = 'whsec_'
const keyOf = (secret: string): Buffer => Buffer.from(secret.slice(PREFIX.length), 'base64')

const signingSecret = () =>
  secretText().refine(text => {
    const bytes = /^whsec_[A-Za-z0-9+/]+={0,2}$/.test(text) ? keyOf(text).length : 0
    return bytes >= 24 && bytes <= 64
  }, 'expected whsec_ and the base64 of 24 to 64 random bytes')

const Options = z
  .strictObject({
    url: z.url({ protocol: /^https?$/ }).describe('Address that takes the POST.'),
    secret: signingSecret().optional().describe('Signing secret: whsec_ and base64 of 24 to 64 bytes.'),
    secrets: z
      .array(signingSecret())
      .min(1)
      .max(5)
      .optional()
      .describe('Several signing secrets that are all active, so that a rotation has no gap.'),
    token: secretText()
      .refine(isHeaderText, 'expected printable ASCII without spaces')
      .optional()
      .describe('Also sent as `Authorization: Bearer …`.'),
    ...httpOptions,
    // Many receivers cannot inflate.
    gzip: httpOptions.gzip
      .unwrap()
      .default(false)
      .describe(
        'Compress bodies: true, false, or a level 1 to 9. The signature covers the body before compression.'
      ),
    ...deliveryOptions
  })
  .refine(options => options.secret !== undefined || options.secrets !== undefined, {
    path: ['secret'],
    message: 'expected `secret` or `secrets`'
  })

/** Pure: the body of one batch. Its time is that of the newest entry, so that a retry has the same body. */
export function bodyOf(batch: readonly Encoded[]): string {
  let newest = 0
  let findings = 0
  for (const { entry } of batch) {
    newest = Math.max(newest, entry.event.metadata.logged_time)
    if (entry.event.class_uid === CLASS_UIDS.detection_finding) findings++
  }
  const type = findings === batch.length ? 'keywatch.findings' : 'keywatch.events'
  const data = batch.map(one => one.body).join(',')
  return `{"type":"${type}","timestamp":"${new Date(newest).toISOString()}","data":[${data}]}`
}

/** Pure: the same for the same events in the same order. */
export function messageIdOf(batch: readonly Encoded[]): string {
  const hash = createHash('sha256')
  for (const { entry } of batch) hash.update(`${entry.event.metadata.uid}\n`)
  return `msg_${hash.digest('base64url').slice(0, 27)}`
}

/** Pure: the value of `webhook-signature`, one signature per active secret. */
export const signaturesOf = (keys: readonly Buffer[], id: string, seconds: number, body: string): string =>
  keys
    .map(key => `v1,${createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')}`)
    .join(' ')

function verdictOfHook(result: Exchange, entries: number, nowMs: number): Verdict {
  if (result.kind === 'answer' && result.status === 410)
    return { kind: 'hold', reason: `the receiver says it is gone for good (${reasonOfAnswer(result)})` }
  return verdictOf(result, entries, nowMs)
}

export default defineSink({
  name: 'webhook',
  summary: 'Posts signed batches of events and findings to any HTTP endpoint (Standard Webhooks).',
  options: Options,
  limits: { events: 100, bytes: 500_000, entryBytes: 450_000 },
  open(options, { clock, fetch }) {
    const secrets = [...(options.secret === undefined ? [] : [options.secret]), ...(options.secrets ?? [])]
    const keys = secrets.map(keyOf)
    const bearer = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }
    const hidden = options.token === undefined ? secrets : [...secrets, options.token]
    return {
      encode: ({ event }) => encodeWithin(event, 400_000, JSON.stringify),
      async send(batch, signal) {
        const id = messageIdOf(batch)
        const body = bodyOf(batch)
        const seconds = Math.floor(clock.now() / 1000)
        const result = await exchange({
          fetch,
          url: options.url,
          headers: {
            'webhook-id': id,
            'webhook-timestamp': String(seconds),
            'webhook-signature': signaturesOf(keys, id, seconds, body),
            ...bearer
          },
          body,
          gzip: gzipLevel(options.gzip),
          timeoutMs: options.timeout,
          signal,
          secrets: hidden
        })
        return verdictOfHook(result, batch.length, clock.now())
      }
    }
  }
})
