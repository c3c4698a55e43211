/**
 * One lean HTTP exchange for every sink that speaks HTTP: what was answered, or in which way it failed, and
 * the verdict that follows by default. Never throws, follows no redirect, reads a bounded answer, and hands
 * out nothing that holds our token: echoes of it are blanked, and of the headers only three are kept.
 * RFC 9110: section 10.2.3 (Retry-After), 5.6.7 (HTTP-date), 15 (status codes); RFC 6585 (429).
 */
import { promisify } from 'node:util'
import { gzip as gzipCallback } from 'node:zlib'
import { z } from 'zod'
import { PRODUCT } from '../core/build.ts'
import type { Verdict } from '../core/sink.ts'
import { duration } from './units.ts'

const gzip = promisify(gzipCallback)

/** Bytes of an answer that are read; the rest is cancelled unread. */
export const RESPONSE_BYTES_MAX = 64 * 1024
/** Below this a compressed body is hardly smaller. */
const GZIP_BYTES_MIN = 1024
/** Measured: 1,000 logs of 1.4 MB take 4 ms of CPU at level 1 and 6 ms at level 6, and get 78 KB and 67 KB. */
const GZIP_LEVEL = 1
const REASON_CHARACTERS_MAX = 500

/** How an exchange can end without an answer. */
export type Failure =
  | 'timeout'
  | 'refused'
  | 'reset'
  | 'aborted'
  | 'name not resolved'
  | 'TLS failed'
  | 'network'

export type Exchange =
  | {
      readonly kind: 'answer'
      readonly status: number
      /** `retry-after`, `x-ratelimit-reset`, `content-type`: those that were sent. */
      readonly headers: ReadonlyMap<string, string>
      readonly text: string
      /** True if the answer was longer than the limit; `text` is its beginning. */
      readonly cut: boolean
    }
  | { readonly kind: 'failure'; readonly failure: Failure }

export interface ExchangeInput {
  readonly fetch: typeof fetch
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
  /** zlib level 1 to 9; 0 sends the body as it is. */
  readonly gzip: number
  /** Of the whole exchange, answer included. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly responseBytesMax?: number
  /** Values to blank in the answer. */
  readonly secrets?: readonly string[]
}

/** Options that every HTTP sink has. */
export const httpOptions = {
  timeout: duration().default(15_000).describe('Time for one request, its answer included.'),
  gzip: z
    .union([z.boolean(), z.int().min(1).max(9)])
    .default(true)
    .describe('Compress bodies: true, false, or a zlib level from 1 (fast) to 9 (small). True is level 1.')
}

/** The zlib level that the option `gzip` asks for; 0: none. */
export const gzipLevel = (option: boolean | number): number =>
  typeof option === 'number' ? option : option ? GZIP_LEVEL : 0

/** Text that may stand in a header: a token with a newline would otherwise end up in fetch's error text. */
export const isHeaderText = (text: string): boolean => /^[\x21-\x7e]+$/.test(text)

const FAILURES: ReadonlyMap<string, Failure> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
  ['EPIPE', 'reset'],
  ['UND_ERR_SOCKET', 'reset'],
  ['ETIMEDOUT', 'timeout'],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
  ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
  ['UND_ERR_BODY_TIMEOUT', 'timeout'],
  ['ENOTFOUND', 'name not resolved'],
  ['EAI_AGAIN', 'name not resolved']
])
const TLS_CODE = /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO)/

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** The way a fetch failed, from system codes alone: messages may quote headers. */
function failureOf(error: unknown): Failure {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = codeOf(cause) || codeOf(error)
  return FAILURES.get(code) ?? (TLS_CODE.test(code) ? 'TLS failed' : 'network')
}

/** Reads at most `bytesMax` bytes and cancels the rest. */
async function readCapped(response: Response, bytesMax: number): Promise<{ text: string; cut: boolean }> {
  if (response.body === null) return { text: '', cut: false }
  const decoder = new TextDecoder()
  let left = bytesMax
  let text = ''
  const reader = response.body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return { text: text + decoder.decode(), cut: false }
    if (value.length > left) {
      text += decoder.decode(value.subarray(0, left))
      await reader.cancel().catch(() => {})
      return { text, cut: true }
    }
    left -= value.length
    text += decoder.decode(value, { stream: true })
  }
}

const KEPT_HEADERS = ['retry-after', 'x-ratelimit-reset', 'content-type'] as const

function blank(text: string, secrets: readonly string[]): string {
  let clean = text
  for (const secret of secrets) if (secret !== '') clean = clean.replaceAll(secret, '[token]')
  return clean
}

async function converse(input: ExchangeInput, signal: AbortSignal): Promise<Exchange> {
  const headers: Record<string, string> = {
    'user-agent': `keywatch/${PRODUCT.version}`,
    'content-type': 'application/json',
    ...input.headers
  }
  let body = input.body
  if (input.gzip > 0 && body.length >= GZIP_BYTES_MIN) {
    body = await gzip(body, { level: input.gzip })
    headers['content-encoding'] = 'gzip'
  }
  const response = await input.fetch(input.url, { method: 'POST', headers, body, redirect: 'manual', signal })
  const { text, cut } = await readCapped(response, input.responseBytesMax ?? RESPONSE_BYTES_MAX)
  const secrets = input.secrets ?? []
  const kept = new Map<string, string>()
  for (const name of KEPT_HEADERS) {
    const value = response.headers.get(name)
    if (value !== null) kept.set(name, blank(value.slice(0, 200), secrets))
  }
  return { kind: 'answer', status: response.status, headers: kept, text: blank(text, secrets), cut }
}

/**
 * Posts `body` once. Resolves with the answer, whatever its status, or with the kind of failure.
 * An answer longer than the limit is cut, not failed: its status is known, and a 2xx was a success.
 */
export async function exchange(input: ExchangeInput): Promise<Exchange> {
  if (input.signal.aborted) return { kind: 'failure', failure: 'aborted' }
  // One controller for both ends: AbortSignal.any on a signal as old as the process collects listeners.
  const controller = new AbortController()
  const abort = () => controller.abort()
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    controller.abort()
  }, input.timeoutMs)
  input.signal.addEventListener('abort', abort, { once: true })
  try {
    return await converse(input, controller.signal)
  } catch (error) {
    if (timedOut) return { kind: 'failure', failure: 'timeout' }
    return { kind: 'failure', failure: input.signal.aborted ? 'aborted' : failureOf(error) }
  } finally {
    clearTimeout(timer)
    input.signal.removeEventListener('abort', abort)
  }
}

const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /

/** Milliseconds that a `Retry-After` asks for: delta-seconds or an HTTP-date. Undefined if it is neither. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  if (!HTTP_DATE.test(text)) return undefined
  // The asctime form of RFC 9110 has no zone and means GMT.
  const at = Date.parse(/GMT|UTC|[+-]\d{4}$/.test(text) ? text : `${text} GMT`)
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs)
}

/** `HTTP 400: what the far side said`, one line, capped. Web pages are not quoted: they say nothing. */
export function reasonOfAnswer(answer: Extract<Exchange, { kind: 'answer' }>): string {
  const text = answer.text.trim()
  if (text === '' || text.startsWith('<') || /html/i.test(answer.headers.get('content-type') ?? ''))
    return `HTTP ${answer.status}`
  const line = text.replace(/[\s\x00-\x1f\x7f-\x9f]+/g, ' ').slice(0, REASON_CHARACTERS_MAX)
  return `HTTP ${answer.status}: ${line}`
}

/** Never, for one entry alone; among several, one of them may be the culprit. */
export const refuseBatch = (entries: number, reason: string): Verdict =>
  entries > 1 ? { kind: 'split', reason } : { kind: 'rejected', reason }

/** Says that the address or the credential is wrong, not the batch: someone has to mend it. */
const HOLD: ReadonlyMap<number, string> = new Map([
  [401, 'the credential is not accepted'],
  [403, 'the credential is not allowed'],
  [404, 'nothing is at this address; check `url`'],
  [405, 'this address takes no POST; check `url`'],
  [407, 'a proxy wants a credential'],
  [415, 'the encoding is not taken; try `gzip: false`']
])

/**
 * What an exchange means unless the vendor says otherwise.
 * 2xx accepted · 408, 425, 429, 5xx and every failure retry · 401, 403 and a wrong address hold ·
 * 413 split · any other 4xx: never, after bisecting to the culprit.
 * @param entries number of entries in the batch
 * @param nowMs   for an HTTP-date in Retry-After
 */
export function verdictOf(result: Exchange, entries: number, nowMs: number): Verdict {
  if (result.kind === 'failure') return { kind: 'retry', reason: `no answer: ${result.failure}` }
  const { status } = result
  if (status >= 200 && status < 300) return { kind: 'accepted' }
  const reason = reasonOfAnswer(result)
  const wrong = HOLD.get(status)
  if (wrong !== undefined) return { kind: 'hold', reason: `${wrong} (${reason})` }
  if (status >= 300 && status < 400)
    return { kind: 'hold', reason: `a redirect, which is not followed; check \`url\` (${reason})` }
  if (status < 500 && status !== 408 && status !== 425 && status !== 429) return refuseBatch(entries, reason)
  const afterMs = parseRetryAfter(result.headers.get('retry-after'), nowMs)
  return afterMs === undefined ? { kind: 'retry', reason } : { kind: 'retry', reason, afterMs }
}
