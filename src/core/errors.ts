/**
 * Errors with a code from one table, and the only way an error's text may leave the process.
 * `JSON.parse` and zod quote their input in messages, so a foreign message is unredacted data.
 */

/** Every code Keywatch can show. A retired code is never used again. Documented in docs/reference.md. */
export const ERROR_CODES = {
  KW_CONFIG_INVALID: 'The configuration has problems; each is listed with file, line and column.',
  KW_CONFIG_UNREADABLE: 'The configuration file cannot be read.',
  KW_AUTH_REQUIRED: 'The request carries no credential that this listener knows.',
  KW_AUTH_SCOPE: 'The token lacks the scope that this path needs.',
  KW_AUTH_SIGNATURE: 'The signature is missing, doubled or wrong.',
  KW_SOURCE_UNKNOWN: 'No source with this id is configured for this path.',
  KW_BODY_TOO_LARGE: 'The body, as sent or inflated, is larger than the limit.',
  KW_BODY_ENCODING: 'The content encoding is unknown or the compressed body is damaged.',
  KW_BODY_TYPE: 'The content type is not one that this path takes.',
  KW_BODY_UNPARSEABLE: 'The body cannot be parsed.',
  KW_RECORD_UNPARSEABLE: 'One record of a body or file cannot be parsed; it went to quarantine.',
  KW_RECORD_UNMAPPED: 'One record could not become an event; it went to quarantine.',
  KW_JOURNAL_FULL: 'The disk is full; nothing was accepted. Retry later.',
  KW_JOURNAL_BUSY: 'Too much is waiting to be written; nothing was accepted. Retry later.',
  KW_JOURNAL_FAILED: 'The journal cannot be written; nothing was accepted. Retry later.',
  KW_JOURNAL_DAMAGED: 'A part of the journal cannot be read; it was set aside.',
  KW_JOURNAL_LOCKED: 'Another process has this data folder open.',
  KW_QUERY_INVALID: 'A query parameter is unknown or has a wrong value.',
  KW_NOT_FOUND: 'There is no such thing.',
  KW_METHOD: 'This path does not take this method.',
  KW_HTTP_REQUEST: 'The request is not well-formed HTTP, its headers are too large, or it came too slowly.',
  KW_API_THROTTLED: 'Too many requests of this kind came from one address. Retry later.',
  KW_STORE_FAILED: 'The index cannot be written or read; the journal is not affected.',
  KW_SINK_FAILED: 'A sink could not be opened.',
  KW_DETECTOR_INVALID: 'A detector cannot be loaded; the others run.',
  KW_USAGE: 'The command line is wrong.',
  KW_INTERNAL: 'A bug in Keywatch.'
} as const
export type ErrorCode = keyof typeof ERROR_CODES

/** An error whose message was written by us and quotes no input: it may be shown. */
export class KeywatchError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'KeywatchError'
    this.code = code
  }
}

const SYSTEM_CODE = /^[A-Z][A-Z0-9_]{2,40}$/

/**
 * A text about an error that is safe to log, answer and store: our own messages as they are, of foreign
 * errors only the class and the system code (`ENOSPC`), never their message.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof KeywatchError) return error.message
  if (error instanceof Error) {
    const code =
      'code' in error && typeof error.code === 'string' && SYSTEM_CODE.test(error.code) ? error.code : ''
    const name = /^[A-Za-z]{1,40}$/.test(error.name) ? error.name : 'Error'
    return code === '' ? name : `${name} ${code}`
  }
  return 'unknown error'
}
