/**
 * The intake paths: from a raw HTTP request to the spine and back. The order is fixed: which source, which
 * method, whose token, then the body within its limits, then `receive`. Every refusal goes through the source,
 * so that an OTLP client gets the Status body that its protocol wants.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { IntakeAnswer, IntakeTarget, Route } from '../core/intake.ts'
import type { Refusal } from '../core/ports.ts'
import type { Limits } from '../core/settings.ts'
import type { IntakeRequest } from '../core/source.ts'
import { ACCEPTED_CODINGS, createSlots, readBody } from '../lib/body.ts'
import { errorBody, JSON_TYPE, logReason, SECURITY_HEADERS } from './answers.ts'
import { type Auth, remoteAddressOf } from './auth.ts'
import type { ApiDeps } from './deps.ts'

/** Where a request goes: the route, the part of the path that names the source, and what IntakeRequest.path is. */
export interface IntakePath {
  readonly route: Route
  readonly id: string
  readonly path: string
}

export type IntakeHandler = (
  path: IntakePath,
  request: IncomingMessage,
  response: ServerResponse
) => Promise<void>

const EMPTY = Buffer.alloc(0)
/** Bodies that inflate at once; each may hold the inflated limit twice (chunks, then the whole). */
const INFLATING_MAX = 2
const RETRY_AFTER_S = '5'

/** Every value of every header, in order: Node's own object hides doubled ones. */
export function headerMap(rawHeaders: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase()
    const value = rawHeaders[i + 1] ?? ''
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [value])
    else values.push(value)
  }
  return headers
}

/** The query of a request's target, parsed. */
export function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? ''
  const at = url.indexOf('?')
  return new URLSearchParams(at === -1 ? '' : url.slice(at + 1))
}

/** `100 Continue` for a sender that waits for it (RFC 9110 section 10.1.1; never to HTTP/1.0). */
export function sayContinue(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.expect !== undefined && request.httpVersion !== '1.0') response.writeContinue()
}

type Headers = Readonly<Record<string, string>>
const NONE: Headers = {}

function typeOf(body: string | Buffer): string {
  const first = typeof body === 'string' ? body.charCodeAt(0) : body[0]
  return first === 0x7b ? JSON_TYPE : 'text/plain; charset=utf-8'
}

/** Sends an answer and reports whether it went out. `extra` are the listener's headers; the source's win. */
function send(response: ServerResponse, answer: IntakeAnswer, extra: Headers): void {
  const { status, body, settled } = answer
  if (settled !== undefined) {
    let told = false
    const tell = (delivered: boolean) => {
      if (told) return
      told = true
      settled(delivered)
    }
    if (response.destroyed || response.closed || response.socket?.destroyed !== false) {
      tell(false)
      return
    }
    response.once('finish', () => tell(true))
    response.once('close', () => tell(false))
  } else if (response.destroyed) return
  const headers: Record<string, string | number> = { ...SECURITY_HEADERS, ...extra }
  for (const [name, value] of Object.entries(answer.headers ?? NONE)) headers[name.toLowerCase()] = value
  if (body.length > 0) headers['content-type'] ??= typeOf(body)
  if (status === 503 || status === 429) headers['retry-after'] ??= RETRY_AFTER_S
  if (status !== 204 && status !== 304) headers['content-length'] = Buffer.byteLength(body)
  response.writeHead(status, headers)
  response.end(body)
}

/** What the listener adds to a refusal: the header that RFC 9110 and RFC 6750 ask for with this status. */
function refusalHeaders(refusal: Refusal, target: IntakeTarget, more: Headers): Headers {
  const headers: Record<string, string> = { ...more }
  if (refusal.status === 405) headers['allow'] = target.methods.join(', ')
  if (refusal.code === 'KW_BODY_ENCODING' && refusal.status === 415)
    headers['accept-encoding'] = ACCEPTED_CODINGS
  if (refusal.retryAfterS !== undefined) headers['retry-after'] = String(Math.ceil(refusal.retryAfterS))
  return headers
}

const failed: Refusal = {
  status: 503,
  code: 'KW_INTERNAL',
  reason: 'The request failed inside Keywatch; nothing was accepted. Retry later.',
  retryAfterS: 10
}
const unknownSource: IntakeAnswer = {
  status: 404,
  headers: { 'content-type': JSON_TYPE },
  body: JSON.stringify(errorBody('KW_SOURCE_UNKNOWN', 'No source with this id is configured for this path.'))
}
const wrongMethod: Refusal = {
  status: 405,
  code: 'KW_METHOD',
  reason: 'This source does not take this method.'
}

/** One request under way. */
interface Exchange {
  readonly target: IntakeTarget
  /** The request without its body. */
  readonly head: IntakeRequest
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

/** Bytes of bodies in memory, of all requests, from the first byte to the answer. */
interface Held {
  bytes: number
  readonly max: number
  readonly slot: <T>(task: () => Promise<T>) => Promise<T>
}

/** Reads the body; `release` gives its bytes back once nobody needs them. */
async function read({ target, head, request, response }: Exchange, limits: Limits, held: Held) {
  let reserved = 0
  const length = request.headers['content-length']
  const outcome = await readBody({
    stream: request,
    encoding: head.headers.get('content-encoding'),
    length: length === undefined ? undefined : Number(length),
    limits: { sent: limits.body, inflated: Math.min(limits.inflatedBody, target.bodyBytesMax) },
    reserve: bytes => {
      if (held.bytes + bytes > held.max) return false
      held.bytes += bytes
      reserved += bytes
      return true
    },
    start: () => sayContinue(request, response),
    slot: held.slot
  })
  const release = () => {
    held.bytes -= reserved
  }
  return { outcome, release }
}

/** What the listener refuses before it reads a byte of the body. */
function gate({ target, request }: Exchange, auth: Auth): { refusal: Refusal; headers: Headers } | undefined {
  if (!target.methods.includes(request.method ?? '')) return { refusal: wrongMethod, headers: NONE }
  if (!target.needsToken) return undefined
  const admission = auth.admit(request, 'ingest')
  return 'refusal' in admission ? admission : undefined
}

function refuse(deps: ApiDeps, exchange: Exchange, refusal: Refusal, more: Headers = NONE): void {
  const { target, head, request, response } = exchange
  // Refused before `100 Continue`: the sender may or may not send the body, so the connection is of no more use.
  const close = request.headers.expect !== undefined && !request.complete ? { connection: 'close' } : NONE
  const answer = deps.intake.refuse(target, head, refusal)
  send(response, answer, { ...refusalHeaders(refusal, target, more), ...close })
}

async function serve(deps: ApiDeps, auth: Auth, held: Held, exchange: Exchange): Promise<void> {
  const refused = gate(exchange, auth)
  if (refused !== undefined) return refuse(deps, exchange, refused.refusal, refused.headers)
  const { outcome, release } = await read(exchange, deps.limits, held)
  const { target, head, response } = exchange
  try {
    if (outcome.kind === 'gone') return
    if (outcome.kind === 'refused') return refuse(deps, exchange, outcome.refusal)
    let answer: IntakeAnswer
    try {
      answer = await deps.intake.receive(target, { ...head, body: outcome.body })
    } catch (error) {
      deps.log.error({ source: target.sourceId, ...logReason(error) }, 'Intake failed')
      return refuse(deps, exchange, failed)
    }
    send(response, answer, NONE)
  } finally {
    release()
  }
}

/** The handler of all intake paths of all listeners; it never rejects. */
export function createIntakeHandler(deps: ApiDeps, auth: Auth): IntakeHandler {
  const { intake, limits, clock, log } = deps
  const held: Held = {
    bytes: 0,
    max: Math.max(limits.pendingBytes, 2 * (limits.body + limits.inflatedBody)),
    slot: createSlots(INFLATING_MAX)
  }
  return async ({ route, id, path }, request, response) => {
    // A response that breaks while it is written is the sender's loss; it must not end the process.
    response.on('error', () => {})
    const target = intake.target(route, id)
    if (target === undefined) return send(response, unknownSource, NONE)
    const head: IntakeRequest = {
      method: request.method ?? '',
      path,
      query: queryOf(request),
      headers: headerMap(request.rawHeaders),
      body: EMPTY,
      remoteAddress: remoteAddressOf(request),
      receivedAt: clock.now()
    }
    try {
      await serve(deps, auth, held, { target, head, request, response })
    } catch (error) {
      log.error({ source: target.sourceId, ...logReason(error) }, 'An answer to a sender could not be sent')
      response.destroy()
    }
  }
}
