/**
 * A strict Splunk HTTP Event Collector on loopback: `/services/collector/event` and `/health`, with the result
 * codes of the documentation and the measured quirks: `Splunk` is case-sensitive, 413 and 415 are web pages,
 * `invalid-event-number` is one too high for code 7, and what stands before a bad envelope is indexed.
 */
import type { IncomingMessage } from 'node:http'
import {
  type Judgement,
  member,
  type Receiver,
  type ReceiverOptions,
  type Reply,
  runReceiver,
  startReceiver
} from './receiver.ts'

const CONTENT_BYTES_MAX = 1_000_000

const CODES: Readonly<Record<number, readonly [status: number, text: string]>> = {
  0: [200, 'Success'],
  1: [403, 'Token disabled'],
  2: [401, 'Token is required'],
  3: [401, 'Invalid authorization'],
  4: [403, 'Invalid token'],
  5: [400, 'No data'],
  6: [400, 'Invalid data format'],
  7: [400, 'Incorrect index'],
  8: [500, 'Internal server error'],
  9: [503, 'Server is busy'],
  10: [400, 'Data channel is missing'],
  12: [400, 'Event field is required'],
  13: [400, 'Event field cannot be blank'],
  15: [400, 'Error in handling indexed fields'],
  16: [400, 'Query string authorization is not enabled'],
  17: [200, 'HEC is healthy'],
  23: [503, 'Server is shutting down'],
  26: [429, 'Queue at capacity']
}

export interface SplunkOptions extends ReceiverOptions {
  /** Default `hec-test-token`. */
  readonly token?: string
  readonly disabled?: boolean
  /** The token wants indexer acknowledgement, so a channel. */
  readonly useAck?: boolean
  /** Indexes that the token may write to; any if absent. */
  readonly indexes?: readonly string[]
  /** Content encodings taken. Default identity and gzip. */
  readonly encodings?: readonly ('identity' | 'gzip')[]
}

function result(code: number, number?: number): Reply {
  const [status, text] = CODES[code] ?? [500, 'Internal server error']
  return {
    status,
    body: JSON.stringify({ text, code, ...(number !== undefined && { 'invalid-event-number': number }) })
  }
}
const page = (status: number, title: string): Reply => ({
  status,
  body: `<!doctype html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`,
  headers: { 'content-type': 'text/html; charset=UTF-8' }
})

/** Splits concatenated JSON objects; a number says which one cannot be parsed. */
function envelopesOf(body: string): { envelopes: unknown[]; bad?: number } {
  const envelopes: unknown[] = []
  let depth = 0
  let start = -1
  let inString = false
  for (let at = 0; at < body.length; at++) {
    const char = body[at]
    if (inString) {
      if (char === '\\') at++
      else if (char === '"') inString = false
    } else if (char === '"' && depth > 0) inString = true
    else if (char === '{' && depth++ === 0) start = at
    else if (char === '}' && --depth === 0) {
      try {
        envelopes.push(JSON.parse(body.slice(start, at + 1)))
      } catch {
        return { envelopes, bad: envelopes.length }
      }
    } else if (depth === 0 && !/\s/.test(char ?? '')) return { envelopes, bad: envelopes.length }
    if (depth < 0) return { envelopes, bad: envelopes.length }
  }
  return depth === 0 ? { envelopes } : { envelopes, bad: envelopes.length }
}

const isScalar = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value)
const KEYS = new Set(['time', 'host', 'source', 'sourcetype', 'index', 'event', 'fields'])

/** The code for one envelope; 0 if it is right. */
function codeOf(envelope: unknown, indexes: readonly string[] | undefined): number {
  if (typeof envelope !== 'object' || envelope === null) return 6
  if (Object.keys(envelope).some(key => !KEYS.has(key))) return 6
  if (!Object.hasOwn(envelope, 'event')) return 12
  const event = member(envelope, 'event')
  if (event === '' || event === null || (typeof event === 'object' && Object.keys(event).length === 0))
    return 13
  const time = member(envelope, 'time')
  if (time !== undefined && (typeof time === 'object' || !Number.isFinite(Number(time)))) return 15
  // Not Splunk's own check: milliseconds for seconds would lie in the year 58000.
  if (typeof time === 'number' && time > 1e11) return 15
  const fields = member(envelope, 'fields')
  if (Array.isArray(fields)) return 6
  for (const value of Object.values(fields ?? {})) {
    if (!isScalar(value) && !(Array.isArray(value) && value.every(isScalar))) return 15
  }
  const index = member(envelope, 'index')
  if (index !== undefined && indexes !== undefined && !indexes.includes(String(index))) return 7
  return 0
}

function admit(request: IncomingMessage, options: SplunkOptions): Reply | undefined {
  const [path, query] = (request.url ?? '').split('?')
  if (path?.startsWith('/services/collector/health')) return result(17)
  if (
    !['/services/collector', '/services/collector/event', '/services/collector/event/1.0'].includes(
      path ?? ''
    )
  )
    return { status: 404, body: '{"text":"The requested URL was not found on this server.","code":404}' }
  if (request.method !== 'POST') return { status: 405, body: '{"text":"Method Not Allowed","code":405}' }
  const given = request.headers.authorization
  if (given === undefined) return query?.includes('token=') ? result(16) : result(2)
  if (!given.startsWith('Splunk ')) return result(3)
  if (given !== `Splunk ${options.token ?? 'hec-test-token'}`) return result(4)
  if (options.disabled) return result(1)
  if (options.useAck && request.headers['x-splunk-request-channel'] === undefined) return result(10)
  return undefined
}

function judge(body: string, options: SplunkOptions): Judgement {
  if (body.trim() === '') return { ...result(5), events: [] }
  const { envelopes, bad } = envelopesOf(body)
  const events: { id: string; stored: unknown }[] = []
  for (const [number, envelope] of envelopes.entries()) {
    const id = String(member(envelope, 'event', 'metadata', 'uid'))
    const code = options.chaos?.poison?.(id) ? 15 : codeOf(envelope, options.indexes)
    if (code !== 0) return { ...result(code, code === 7 ? number + 1 : number), events }
    events.push({ id, stored: envelope })
  }
  return bad === undefined ? { ...result(0), events } : { ...result(6, bad), events }
}

/** Starts the collector. An event's id is `event.metadata.uid`. */
export function startSplunk(options: SplunkOptions = {}): Promise<Receiver> {
  return startReceiver(
    {
      encodings: options.encodings ?? ['identity', 'gzip'],
      inflatedBytesMax: CONTENT_BYTES_MAX,
      tooLarge: page(413, 'Content-Length Too Large'),
      unsupportedEncoding: page(415, 'Unsupported Media Type'),
      tooMany: result(26),
      unavailable: result(9),
      admit: request => admit(request, options),
      judge: (_, body) => judge(body, options)
    },
    options
  )
}

if (import.meta.main) await runReceiver(startSplunk)
