/**
 * What the listener's answers look like: the headers that every answer carries, and errors as
 * `{"error": {"code", "message"}}`. A message is written by us and quotes nothing of the request.
 */
import { type ErrorCode, KeywatchError, reasonOf } from '../core/errors.ts'
import type { Refusal } from '../core/ports.ts'

/**
 * On every answer. The console loads only its own files; nothing may frame it or read its answers from
 * another origin; nothing is cached, because every answer may hold audit data.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store'
}

export const JSON_TYPE = 'application/json; charset=utf-8'

/** What a handler returns. `json` is serialised; `text` goes out as it is. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly text?: string | Buffer
}

export const ok = (json: unknown): Answer => ({ status: 200, json })

/** An error that an API handler throws: its code, its HTTP status, and headers that belong to it. */
export class ApiError extends KeywatchError {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    headers: Readonly<Record<string, string>> = {}
  ) {
    super(code, message)
    this.name = 'ApiError'
    this.status = status
    this.headers = headers
  }
}

export const invalidQuery = (message: string) => new ApiError(400, 'KW_QUERY_INVALID', message)
export const notFound = (message: string) => new ApiError(404, 'KW_NOT_FOUND', message)

/** The error's body. */
export const errorBody = (code: ErrorCode, message: string) => ({ error: { code, message } })

/** A refusal as an API answer. */
export const refusalAnswer = (refusal: Refusal, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status: refusal.status,
  headers: {
    ...headers,
    ...(refusal.retryAfterS === undefined ? {} : { 'retry-after': String(Math.ceil(refusal.retryAfterS)) })
  },
  json: errorBody(refusal.code, refusal.reason)
})

/** The answer for anything that was thrown. What is not an ApiError is a bug or a broken part: 500, no details. */
export function errorAnswer(error: unknown): Answer {
  if (error instanceof ApiError)
    return { status: error.status, headers: error.headers, json: errorBody(error.code, error.message) }
  return {
    status: 500,
    json: errorBody('KW_INTERNAL', 'The request failed inside Keywatch; its log says why.')
  }
}

/** What the log says about it: class and system code of foreign errors, never their message. */
export const logReason = (error: unknown) => ({ reason: reasonOf(error) })
