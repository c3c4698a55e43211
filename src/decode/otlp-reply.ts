/**
 * Answers of an OTLP/HTTP receiver, in the encoding of the request (OTLP specification, "OTLP/HTTP Response").
 *
 *   Export*ServiceResponse { 1 partial_success { 1 rejected_* int64, 2 error_message } }
 *   google.rpc.Status { 1 code int32, 2 message }
 *
 * Full success leaves partial_success unset: no byte at all in protobuf, `{}` in JSON.
 */
import type { Signal } from './otlp-record.ts'

/** Encodings of OTLP/HTTP, by media type. */
export const MEDIA_TYPES = { protobuf: 'application/x-protobuf', json: 'application/json' } as const
export type Encoding = keyof typeof MEDIA_TYPES

/** The encoding that a Content-Type names, with or without parameters, in any case; undefined for any other. */
export function encodingOf(contentType: string | undefined): Encoding | undefined {
  if (contentType === undefined) return undefined
  const at = contentType.indexOf(';')
  const media = (at < 0 ? contentType : contentType.slice(0, at)).trim().toLowerCase()
  if (media === MEDIA_TYPES.json) return 'json'
  return media === MEDIA_TYPES.protobuf ? 'protobuf' : undefined
}

const REJECTED: Readonly<Record<Signal, string>> = {
  traces: 'rejectedSpans',
  logs: 'rejectedLogRecords',
  metrics: 'rejectedDataPoints'
}

/** A message to the sender beside a success: with rejected records, or as a warning alone. */
export interface PartialSuccess {
  readonly rejected: number
  readonly message: string
}

/** Body of a 200. `partial` absent: everything was taken. */
export function successBody(signal: Signal, encoding: Encoding, partial?: PartialSuccess): string | Buffer {
  if (encoding === 'json') {
    if (partial === undefined) return '{}'
    const rejected = partial.rejected > 0 ? { [REJECTED[signal]]: String(partial.rejected) } : {}
    return JSON.stringify({ partialSuccess: { ...rejected, errorMessage: partial.message } })
  }
  if (partial === undefined) return Buffer.alloc(0)
  return field(1, Buffer.concat([number(1, partial.rejected), field(2, Buffer.from(partial.message))]))
}

/** Codes of google.rpc.Status for the statuses of a refusal. */
const RPC_CODES: Readonly<Record<number, number>> = {
  400: 3, // INVALID_ARGUMENT
  401: 16, // UNAUTHENTICATED
  403: 7, // PERMISSION_DENIED
  404: 5, // NOT_FOUND
  413: 8, // RESOURCE_EXHAUSTED
  429: 8,
  503: 14 // UNAVAILABLE
}

/** Body of an error: a google.rpc.Status with our own words. */
export function statusBody(encoding: Encoding, httpStatus: number, message: string): string | Buffer {
  const code = RPC_CODES[httpStatus] ?? 2 // UNKNOWN
  if (encoding === 'json') return JSON.stringify({ code, message })
  return Buffer.concat([number(1, code), field(2, Buffer.from(message))])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
  return Buffer.from(bytes)
}

/** A varint field; the default 0 is left out. */
const number = (tag: number, value: number) =>
  value === 0 ? Buffer.alloc(0) : Buffer.concat([varint(tag * 8), varint(value)])

/** A length-delimited field. */
const field = (tag: number, bytes: Buffer) =>
  Buffer.concat([varint(tag * 8 + 2), varint(bytes.length), bytes])
