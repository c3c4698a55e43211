/**
 * How a request body becomes bytes: read within a limit, then inflated within a second one.
 * Content-Encoding: RFC 9110 section 8.4; `deflate` is zlib (RFC 1950), raw deflate is taken too because
 * clients send it; zstd windows are held to the 8 MB of RFC 9659. One coding at most: a coding inside a
 * coding only multiplies the amplification.
 */
import type { Readable } from 'node:stream'
import { constants, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'
import type { Refusal } from '../core/ports.ts'

/** Bytes at most: as they arrive, and after inflating. */
export interface BodyLimits {
  readonly sent: number
  readonly inflated: number
}

/** `gone`: the sender broke off, so there is nobody left to answer. */
export type BodyOutcome =
  | { readonly kind: 'body'; readonly body: Buffer }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'gone' }

/** Asked before bytes are kept; false if the process holds too many already. */
export type Reserve = (bytes: number) => boolean

export type Coding = 'identity' | 'gzip' | 'deflate' | 'zstd'

const CODINGS: ReadonlyMap<string, Coding> = new Map([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['zstd', 'zstd']
])
/** What a 415 names in `Accept-Encoding`. */
export const ACCEPTED_CODINGS = 'gzip, deflate, zstd, identity'

/** RFC 9659: a zstd window for HTTP is 8 MB at most, so a frame cannot ask for 2 GB of memory. */
const ZSTD_WINDOW_LOG_MAX = 23
const CHUNK_BYTES = 128 * 1024

const tooLarge: BodyOutcome = {
  kind: 'refused',
  refusal: { status: 413, code: 'KW_BODY_TOO_LARGE', reason: 'The body is larger than the limit.' }
}
const tooLargeInflated: BodyOutcome = {
  kind: 'refused',
  refusal: { status: 413, code: 'KW_BODY_TOO_LARGE', reason: 'The inflated body is larger than the limit.' }
}
const unknownCoding: BodyOutcome = {
  kind: 'refused',
  refusal: {
    status: 415,
    code: 'KW_BODY_ENCODING',
    reason: `The content encoding must be one of ${ACCEPTED_CODINGS}, and only one.`
  }
}
const damaged: BodyOutcome = {
  kind: 'refused',
  refusal: { status: 400, code: 'KW_BODY_ENCODING', reason: 'The compressed body is damaged or cut short.' }
}
const busy: BodyOutcome = {
  kind: 'refused',
  refusal: {
    status: 503,
    code: 'KW_JOURNAL_BUSY',
    reason: 'Too many bodies are being received at once; nothing was accepted.',
    retryAfterS: 2
  }
}
const gone: BodyOutcome = { kind: 'gone' }

/** The one coding of all Content-Encoding values; undefined if it is unknown or there are several. */
export function codingOf(values: readonly string[] | undefined): Coding | undefined {
  if (values === undefined) return 'identity'
  let found: Coding = 'identity'
  for (const token of values.join(',').split(',')) {
    const name = token.trim().toLowerCase()
    if (name === '' || name === 'identity') continue
    const coding = CODINGS.get(name)
    if (coding === undefined || found !== 'identity') return undefined
    found = coding
  }
  return found
}

/** Reads to the end or to the limit. Stops the stream at the limit; what is left is the caller's to discard. */
function collect(stream: Readable, max: number, reserve: Reserve): Promise<Buffer | BodyOutcome> {
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    let size = 0
    const finish = (outcome: Buffer | BodyOutcome) => {
      stream.off('data', onData)
      stream.off('end', onEnd)
      stream.off('close', onGone)
      // The error listener stays: a stream that breaks later must not end the process.
      stream.pause()
      resolve(outcome)
    }
    const onData = (chunk: Buffer) => {
      size += chunk.length
      if (size > max) return finish(tooLarge)
      if (!reserve(chunk.length)) return finish(busy)
      chunks.push(chunk)
    }
    const onEnd = () => finish(Buffer.concat(chunks, size))
    const onGone = () => finish(gone)
    if (stream.destroyed) return resolve(gone)
    stream.on('data', onData)
    stream.on('end', onEnd)
    stream.on('close', onGone)
    stream.on('error', onGone)
  })
}

const looksLikeZlib = (bytes: Buffer) =>
  bytes.length >= 2 && ((bytes[0] ?? 0) & 0x0f) === 8 && bytes.readUInt16BE(0) % 31 === 0

/**
 * Inflates in the thread pool, chunk by chunk, and stops at the first chunk over the limit: a bomb costs at
 * most `max` bytes of memory and the time to inflate them.
 */
function inflated(bytes: Buffer, coding: Exclude<Coding, 'identity'>, max: number): Promise<BodyOutcome> {
  return new Promise(resolve => {
    const done = (error: Error | null, body: Buffer) => {
      if (error === null) return resolve({ kind: 'body', body })
      const large = 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
      resolve(large ? tooLargeInflated : damaged)
    }
    const options = { maxOutputLength: max, chunkSize: CHUNK_BYTES }
    if (coding === 'gzip') gunzip(bytes, options, done)
    else if (coding === 'deflate') (looksLikeZlib(bytes) ? inflate : inflateRaw)(bytes, options, done)
    else {
      const params = { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX }
      zstdDecompress(bytes, { ...options, params }, done)
    }
  })
}

/** Runs at most `slots` tasks at once; the others wait in order. */
export function createSlots(slots: number): <T>(task: () => Promise<T>) => Promise<T> {
  let free = slots
  const waiting: (() => void)[] = []
  return async task => {
    if (free > 0) free--
    else await new Promise<void>(resolve => waiting.push(resolve))
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}

export interface BodyInput {
  readonly stream: Readable
  /** All values of Content-Encoding. */
  readonly encoding: readonly string[] | undefined
  /** Content-Length, if the sender gave one. */
  readonly length: number | undefined
  readonly limits: BodyLimits
  readonly reserve: Reserve
  /** Called once before the first byte is read: the moment for `100 Continue`. */
  readonly start?: () => void
  /** Bounds how many bodies inflate at once. */
  readonly slot: <T>(task: () => Promise<T>) => Promise<T>
}

/** Reads and inflates one body. Never rejects: every outcome is a value. */
export async function readBody(input: BodyInput): Promise<BodyOutcome> {
  const { stream, limits, reserve } = input
  const coding = codingOf(input.encoding)
  if (coding === undefined) return unknownCoding
  const max = coding === 'identity' ? Math.min(limits.sent, limits.inflated) : limits.sent
  if (input.length !== undefined && input.length > max) return tooLarge
  input.start?.()
  const sent = await collect(stream, max, reserve)
  if (!Buffer.isBuffer(sent)) return sent
  if (coding === 'identity') return { kind: 'body', body: sent }
  const outcome = await input.slot(() => inflated(sent, coding, limits.inflated))
  if (outcome.kind === 'body' && !reserve(outcome.body.length)) return busy
  return outcome
}
