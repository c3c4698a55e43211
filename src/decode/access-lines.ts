/**
 * Which records are in a body or a block of an access log? NDJSON, a JSON array, one JSON object or lines
 * of text, told apart by their first bytes: a sender's content type is not to be relied on. Every line ends
 * as a record or as a bad record with a reason; nothing is cut short and nothing throws on bytes.
 */
import { KeywatchError } from '../core/errors.ts'
import type { RawRecord } from '../core/ports.ts'
import type { BadRecord, Decoded } from '../core/source.ts'
import { parseCombined, repairHexEscapes } from './clf.ts'
import { deeperThan, firstCode, isObject, parseJson, splitArray } from './json.ts'
import { decodeMcpHeaderValues, MCP_BASE64 } from './mcp-header.ts'

export const ACCESS_FORMATS = ['auto', 'nginx-combined', 'nginx-json', 'json'] as const
export type AccessFormat = (typeof ACCESS_FORMATS)[number]

export interface LineLimits {
  /** Bytes of one record or line. */
  readonly record: number
  readonly recordsPerBody: number
  /** Nesting of JSON. */
  readonly depth: number
}

interface Gathered {
  readonly records: RawRecord[]
  readonly bad: BadRecord[]
}

const REASONS = {
  tooLong: 'The record is longer than the limit.',
  tooDeep: 'The JSON nests deeper than the limit.',
  broken: 'The record is not valid JSON.',
  noObject: 'The record is valid JSON but not an object.',
  frame: 'The line does not have the frame of a combined access log.'
} as const

/** The reason for a piece of a line that is too long to be held at once. */
export const PIECE_REASON = 'A piece of a line that is longer than the limit.'

/** True if the UTF-8 form has more bytes; counts them only if the length alone cannot tell. */
const longerThan = (text: string, bytes: number) =>
  text.length > bytes || (text.length * 3 > bytes && Buffer.byteLength(text) > bytes)

/** A record of a JSON text, or the reason why there is none. */
function jsonRecord(text: string, format: AccessFormat, limits: LineLimits): RawRecord | string {
  if (longerThan(text, limits.record)) return REASONS.tooLong
  if (deeperThan(text, limits.depth)) return REASONS.tooDeep
  let raw = text
  let data = parseJson(text)
  if (data === undefined && format !== 'json' && text.includes('\\x')) {
    raw = repairHexEscapes(text)
    data = parseJson(raw)
  }
  if (data === undefined) return REASONS.broken
  if (!isObject(data)) return REASONS.noObject
  if (text.includes(MCP_BASE64)) {
    // Before the redactor, so that it sees what is inside.
    data = decodeMcpHeaderValues(data)
    raw = JSON.stringify(data)
  }
  return { kind: 'json', raw, data }
}

function textRecord(line: string, limits: LineLimits): RawRecord | string {
  if (longerThan(line, limits.record)) return REASONS.tooLong
  const data = parseCombined(line)
  return data === undefined ? REASONS.frame : { kind: 'line', raw: line, data }
}

/** Only a line of text is kept, redacted: redaction of JSON needs its structure. */
function put(out: Gathered, index: number, found: RawRecord | string, text: string): void {
  if (typeof found !== 'string') out.records.push(found)
  else if (found === REASONS.frame) out.bad.push({ index, reason: found, bytes: text, keep: true })
  else out.bad.push({ index, reason: found, bytes: text })
}

const BRACE = 0x7b
const BRACKET = 0x5b
const LEADING = /^[\s\0]+/

/** One line to one record; nothing for a blank one. */
function oneLine(
  whole: string,
  index: number,
  format: AccessFormat,
  limits: LineLimits,
  out: Gathered
): void {
  // A file that was truncated under a writer without O_APPEND starts with NUL bytes.
  const line = whole.charCodeAt(0) <= 0x20 ? whole.replace(LEADING, '') : whole
  if (line === '') return
  const code = line.charCodeAt(0)
  const json = format === 'auto' ? code === BRACE || code === BRACKET : format !== 'nginx-combined'
  put(out, index, json ? jsonRecord(line, format, limits) : textRecord(line, limits), line)
}

function tooMany(): never {
  throw new KeywatchError('KW_BODY_TOO_LARGE', 'The body has more records than the limit.')
}

/** Lines to records, `\n` or `\r\n`, the last one with or without. For files and for bodies of lines. */
export function decodeLines(text: string, format: AccessFormat, limits: LineLimits): Decoded {
  const out: Gathered = { records: [], bad: [] }
  let index = 0
  for (let start = 0; start < text.length; ) {
    let end = text.indexOf('\n', start)
    if (end === -1) end = text.length
    const stop = end > start && text.charCodeAt(end - 1) === 0x0d ? end - 1 : end
    if (stop > start) {
      oneLine(text.slice(start, stop), index++, format, limits, out)
      if (out.records.length + out.bad.length > limits.recordsPerBody) tooMany()
    }
    start = end + 1
  }
  return out
}

function decodeArray(text: string, format: AccessFormat, limits: LineLimits): Decoded {
  const out: Gathered = { records: [], bad: [] }
  const { elements, rest } = splitArray(text, limits.recordsPerBody)
  if (elements.length > limits.recordsPerBody) tooMany()
  for (const [index, element] of elements.entries())
    put(out, index, jsonRecord(element, format, limits), element)
  if (rest !== '') put(out, elements.length, REASONS.broken, rest)
  return out
}

/** `[` opens a JSON array here and not a text that happens to start so: what follows is a value or the end. */
const opensArray = (text: string) => {
  const next = firstCode(text, text.indexOf('[') + 1)
  return Number.isNaN(next) || next === BRACE || next === BRACKET || next === 0x5d || next === 0x22
}

/** True if the first line alone is no JSON but all of the text is: one record over several lines. */
function isPrinted(text: string, limits: LineLimits): boolean {
  const end = text.trimEnd().indexOf('\n')
  if (end === -1) return false
  const first = text.slice(0, end)
  // The first line settles it for lines; only then the whole text is looked at.
  if (deeperThan(first, limits.depth) || parseJson(first) !== undefined) return false
  return !deeperThan(text, limits.depth) && isObject(parseJson(text))
}

/**
 * The records of a request's body.
 * Throws KW_BODY_UNPARSEABLE for an empty body and KW_BODY_TOO_LARGE for more records than the limit.
 */
export function decodeBody(body: Buffer, format: AccessFormat, limits: LineLimits): Decoded {
  const decoded = body.toString('utf8')
  const text = decoded.charCodeAt(0) === 0xfeff ? decoded.slice(1) : decoded
  const first = firstCode(text)
  if (Number.isNaN(first)) throw new KeywatchError('KW_BODY_UNPARSEABLE', 'The body is empty.')
  if (format !== 'nginx-combined') {
    if (first === BRACKET && (format !== 'auto' || opensArray(text))) return decodeArray(text, format, limits)
    if (first === BRACE && isPrinted(text, limits)) {
      const out: Gathered = { records: [], bad: [] }
      put(out, 0, jsonRecord(text.trim(), format, limits), text)
      return out
    }
  }
  return decodeLines(text, format, limits)
}
