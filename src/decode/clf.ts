/**
 * What does one line of a combined access log say? The format of nginx (ngx_http_log_module) and Apache:
 *
 *   combined: $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"
 *   main:     combined "$http_x_forwarded_for"       common: without the two quoted fields at the end
 *
 * nginx writes `"`, `\`, control bytes and bytes >= 0x80 as `\xHH`, Apache also as `\"`, `\\` and `\n`; a
 * missing value is `-`. A user may hold spaces and brackets and imitate a date, but never `] "`: quotes
 * are escaped. The frame is cut in the escaped text, and each field is un-escaped exactly once afterwards;
 * what an un-escaped field holds is never cut again.
 */
import { CLF_TIME_LENGTH, clfTime } from './log-time.ts'

/** One line. A missing text is `''`, a missing number null. Every text is un-escaped. */
export interface CombinedFields {
  readonly remote_addr: string
  readonly remote_user: string
  /** Milliseconds since 1970. */
  readonly time: number
  readonly method: string
  readonly uri: string
  /** `HTTP/1.1`; empty for HTTP/0.9. */
  readonly protocol: string
  /** The request field where it is no request line (TLS bytes, nothing at all); else empty. */
  readonly request: string
  readonly status: number | null
  readonly body_bytes_sent: number | null
  readonly http_referer: string
  readonly http_user_agent: string
  readonly http_x_forwarded_for: string
}

export interface RequestLine {
  readonly method: string
  readonly uri: string
  readonly protocol: string
}

const METHOD = /^[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]{0,31}$/
const PROTOCOL = /^HTTP\/\d(?:\.\d)?$/

/**
 * Method up to the first space, protocol after the last one, the target between them (it may hold spaces).
 * Undefined if the text is no request line: then nobody knows where its parts are.
 */
export function splitRequest(text: string): RequestLine | undefined {
  const first = text.indexOf(' ')
  if (first <= 0 || first > 32) return undefined
  const method = text.slice(0, first)
  if (!METHOD.test(method)) return undefined
  const last = text.lastIndexOf(' ')
  const tail = text.slice(last + 1)
  if (last > first && PROTOCOL.test(tail)) return { method, uri: text.slice(first + 1, last), protocol: tail }
  const uri = text.slice(first + 1)
  return uri.startsWith('/') ? { method, uri, protocol: '' } : undefined
}

const ESCAPE = /\\x([0-9A-Fa-f]{2})|\\([\\"nrtbfv])|[^\\]+|\\/g
const SHORT: Readonly<Record<string, number>> = {
  '\\': 0x5c,
  '"': 0x22,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  b: 0x08,
  f: 0x0c,
  v: 0x0b
}

/** Undoes `\xHH` and the short escapes once, to bytes, and reads those as UTF-8 with replacement. */
export function unescapeField(text: string): string {
  if (!text.includes('\\')) return text
  const bytes = Buffer.allocUnsafe(Buffer.byteLength(text))
  let length = 0
  for (const match of text.matchAll(ESCAPE)) {
    if (match[1] !== undefined) bytes[length++] = Number.parseInt(match[1], 16)
    else if (match[2] !== undefined) bytes[length++] = SHORT[match[2]] ?? 0
    else length += bytes.write(match[0], length)
  }
  return bytes.toString('utf8', 0, length)
}

/** Index of the quote that ends a field which starts at `from`; -1 if none does. */
function closingQuote(line: string, from: number): number {
  for (let at = line.indexOf('"', from); at !== -1; at = line.indexOf('"', at + 1)) {
    let before = at
    while (before > from && line.charCodeAt(before - 1) === 0x5c) before--
    if ((at - before) % 2 === 0) return at
  }
  return -1
}

/** Index of the space before `[date] "`; -1 if there is none. */
function datePlace(line: string, from: number): number {
  for (let at = line.indexOf(' [', from); at !== -1; at = line.indexOf(' [', at + 1)) {
    const end = at + 2 + CLF_TIME_LENGTH
    if (line.charCodeAt(end) === 0x5d && line.startsWith('] "', end)) return at
  }
  return -1
}

/** Index after the digits (or the single `-`) at a place; -1 if neither is there. */
function afterNumber(line: string, at: number): number {
  if (line.charCodeAt(at) === 0x2d) return at + 1
  let end = at
  while (line.charCodeAt(end) >= 0x30 && line.charCodeAt(end) <= 0x39) end++
  return end === at ? -1 : end
}

const numberOf = (text: string): number | null => (text === '-' ? null : Number(text))
const fieldOf = (text: string): string => (text === '-' ? '' : unescapeField(text))

/** The two or three quoted fields at the end; undefined if one is cut off. */
function quotedTail(
  line: string,
  at: number
): [referer: string, agent: string, forwarded: string] | undefined {
  if (!line.startsWith(' "', at))
    return at === line.length || line.charCodeAt(at) === 0x20 ? ['', '', ''] : undefined
  const referer = closingQuote(line, at + 2)
  if (referer === -1 || !line.startsWith(' "', referer + 1)) return undefined
  const agent = closingQuote(line, referer + 3)
  if (agent === -1) return undefined
  const referrer = fieldOf(line.slice(at + 2, referer))
  const userAgent = fieldOf(line.slice(referer + 3, agent))
  if (!line.startsWith(' "', agent + 1)) {
    const ends = agent + 1 === line.length || line.charCodeAt(agent + 1) === 0x20
    return ends ? [referrer, userAgent, ''] : undefined
  }
  const forwarded = closingQuote(line, agent + 3)
  return forwarded === -1 ? undefined : [referrer, userAgent, fieldOf(line.slice(agent + 3, forwarded))]
}

/** Reads one line, without its newline. Undefined if the frame does not match. Linear in the line's length. */
export function parseCombined(line: string): CombinedFields | undefined {
  const address = line.indexOf(' ')
  const ident = line.indexOf(' ', address + 1)
  if (address <= 0 || ident === -1) return undefined
  const date = datePlace(line, ident + 1)
  const time = date === -1 ? undefined : clfTime(line, date + 2)
  if (time === undefined) return undefined
  const start = date + CLF_TIME_LENGTH + 5
  const end = closingQuote(line, start)
  if (end === -1 || line.charCodeAt(end + 1) !== 0x20) return undefined
  const afterStatus = afterNumber(line, end + 2)
  if (afterStatus === -1 || line.charCodeAt(afterStatus) !== 0x20) return undefined
  const status = line.slice(end + 2, afterStatus)
  if (status.length !== 3 && status !== '-') return undefined
  const afterSize = afterNumber(line, afterStatus + 1)
  const tail = afterSize === -1 ? undefined : quotedTail(line, afterSize)
  if (tail === undefined) return undefined
  const text = line.slice(start, end)
  const request = splitRequest(text)
  return {
    remote_addr: fieldOf(line.slice(0, address)),
    remote_user: date <= ident ? '' : fieldOf(line.slice(ident + 1, date)),
    time,
    method: request?.method ?? '',
    uri: request ? unescapeField(request.uri) : '',
    protocol: request?.protocol ?? '',
    request: request ? '' : unescapeField(text),
    status: numberOf(status),
    body_bytes_sent: numberOf(line.slice(afterStatus + 1, afterSize)),
    http_referer: tail[0],
    http_user_agent: tail[1],
    http_x_forwarded_for: tail[2]
  }
}

const HEX_RUN = /(?:\\x[0-9A-Fa-f]{2})+/g

/**
 * The text of a JSON log line that nginx wrote with its default escaping (`escape=json` forgotten): `\xHH`,
 * which JSON does not know, becomes what it stands for. nginx escapes the backslash itself, so `\x` is
 * never part of anything else.
 */
export const repairHexEscapes = (text: string): string =>
  text.replace(HEX_RUN, run => JSON.stringify(unescapeField(run)).slice(1, -1))
