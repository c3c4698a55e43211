/** The combined format: what is written with nginx's escapes is read back, whatever a client sent. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCombined, splitRequest, unescapeField } from '../../src/decode/clf.ts'

/** How nginx writes a variable: bytes below 0x20, `"`, `\`, 0x7F and above as `\xHH`; nothing as `-`. */
function nginxEscape(bytes: Uint8Array): string {
  if (bytes.length === 0) return '-'
  return [...bytes]
    .map(byte =>
      byte < 0x20 || byte === 0x22 || byte === 0x5c || byte >= 0x7f
        ? `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`
        : String.fromCharCode(byte)
    )
    .join('')
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')
const read = (value: Uint8Array) => (value.length === 0 || text(value) === '-' ? '' : text(value))
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: 'grapheme' }).map(value => Buffer.from(value)),
  fc
    .constantFrom('] "', ' [22/Nov/2026:04:31:13 +0000] "', '" 200 1 "-" "-"', '\\x22', '-', ' ', '\\')
    .map(value => Buffer.from(value))
)

describe('a combined line', () => {
  it('is read back field by field, whatever a client put into user, request, referer and agent', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, bytes, bytes, (user, target, referer, agent, forwarded) => {
        const request = Buffer.concat([Buffer.from('POST /'), target, Buffer.from(' HTTP/1.1')])
        const line =
          `192.0.2.1 - ${nginxEscape(user)} [22/Nov/2026:04:31:13 +0000] "${nginxEscape(request)}" 200 17 ` +
          `"${nginxEscape(referer)}" "${nginxEscape(agent)}" "${nginxEscape(forwarded)}"`
        expect(parseCombined(line)).toEqual({
          remote_addr: '192.0.2.1',
          remote_user: read(user),
          time: Date.UTC(2026, 10, 22, 4, 31, 13),
          method: 'POST',
          uri: text(Buffer.concat([Buffer.from('/'), target])),
          protocol: 'HTTP/1.1',
          request: '',
          status: 200,
          body_bytes_sent: 17,
          http_referer: read(referer),
          http_user_agent: read(agent),
          http_x_forwarded_for: read(forwarded)
        })
      }),
      { numRuns: 500 }
    )
  })

  it('never makes the reader throw, and cut off it is no other line', () => {
    const line = '192.0.2.1 - a [b] [22/Nov/2026:04:31:13 +0000] "GET /a HTTP/1.1" 200 17 "ref" "agent"'
    for (let length = 0; length < line.length; length++) {
      const found = parseCombined(line.slice(0, length))
      // The common format ends after the size: only a cut there leaves a whole line.
      if (found) expect(found).toMatchObject({ method: 'GET', uri: '/a', status: 200, http_user_agent: '' })
    }
    fc.assert(fc.property(fc.string({ unit: 'binary' }), any => void parseCombined(any)))
  })

  it.each([
    ['a user that imitates a date', ' [22/Nov/2026:04:31:13 +0000] '.repeat(2000)],
    ['many brackets', ' ['.repeat(30_000)],
    ['many quotes', '"'.repeat(60_000)],
    ['many backslashes and quotes', '\\"'.repeat(30_000)],
    ['many backslashes', '\\'.repeat(60_000)]
  ])('of hostile length is read in one pass: %s', (_, filler) => {
    expect(parseCombined(`192.0.2.1 - ${filler}`)).toBeUndefined()
    const agent = filler.replaceAll('\\', '\\x5C').replaceAll('"', '\\x22')
    const line = `192.0.2.1 - - [22/Nov/2026:04:31:13 +0000] "GET / HTTP/1.1" 200 1 "-" "${agent}"`
    expect(parseCombined(line)?.http_user_agent).toBe(filler)
  })

  it.each([
    ['a month that is none', '1.2.3.4 - - [22/Nvo/2026:04:31:13 +0000] "GET / HTTP/1.1" 200 1'],
    ['a time without a zone', '1.2.3.4 - - [22/Nov/2026:04:31:13] "GET / HTTP/1.1" 200 1'],
    ['an hour that is none', '1.2.3.4 - - [22/Nov/2026:24:31:13 +0000] "GET / HTTP/1.1" 200 1'],
    ['a status of two digits', '1.2.3.4 - - [22/Nov/2026:04:31:13 +0000] "GET / HTTP/1.1" 20 1'],
    ['no status', '1.2.3.4 - - [22/Nov/2026:04:31:13 +0000] "GET / HTTP/1.1"'],
    ['an open quote', '1.2.3.4 - - [22/Nov/2026:04:31:13 +0000] "GET / HTTP/1.1" 200 1 "-" "a'],
    ['a wrapper', '<134>Nov 22 04:31:13 edge nginx: 1.2.3.4 - [x] "GET / HTTP/1.1" 200 1']
  ])('has no frame with %s', (_, line) => {
    expect(parseCombined(line)).toBeUndefined()
  })
})

describe('a field', () => {
  it.each([
    ['plain', 'plain'],
    ['\\xC3\\x9C', 'Ü'],
    ['\\xc3\\x9c', 'Ü'],
    ['\\xFF', '\ufffd'],
    ['\\x5Cx41', '\\x41'],
    ['\\\\x41', '\\x41'],
    ['a\\"b\\\\c\\n', 'a"b\\c\n'],
    ['\\q\\', '\\q\\'],
    ['€\\xE2\\x82\\xAC', '€€']
  ])('%s is un-escaped exactly once', (escaped, plain) => {
    expect(unescapeField(escaped)).toBe(plain)
  })
})

describe('a request line', () => {
  it.each([
    ['GET / HTTP/1.1', ['GET', '/', 'HTTP/1.1']],
    ['GET /a b HTTP/1.1', ['GET', '/a b', 'HTTP/1.1']],
    ['GET /a HTTP/1.1 HTTP/1.1', ['GET', '/a HTTP/1.1', 'HTTP/1.1']],
    ['GET /old', ['GET', '/old', '']],
    ['PRI * HTTP/2.0', ['PRI', '*', 'HTTP/2.0']],
    ['CONNECT a.example:443 HTTP/1.1', ['CONNECT', 'a.example:443', 'HTTP/1.1']],
    ['', undefined],
    ['GET', undefined],
    ['hello world', undefined],
    ['\\x16\\x03 / HTTP/1.1', undefined]
  ])('%s is split by its first space and its protocol', (line, parts) => {
    const found = splitRequest(line)
    expect(found && [found.method, found.uri, found.protocol]).toEqual(parts)
  })
})
