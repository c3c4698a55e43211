import { describe, expect, it } from 'vitest'
import { readDelivery } from '../../src/lib/delivery-options.ts'
import {
  type Exchange,
  exchange,
  gzipLevel,
  isHeaderText,
  parseRetryAfter,
  reasonOfAnswer,
  verdictOf
} from '../../src/lib/http.ts'
import { encodeWithin } from '../../src/lib/shrink.ts'
import { expectOcsf } from '../ocsf.ts'
import { sampleEvent } from '../sinks/sample.ts'

const NOW = Date.UTC(2026, 10, 22, 12)
const never = new AbortController().signal
const answering =
  (response: () => Response): typeof fetch =>
  async () =>
    response()
const ask = (
  fetcher: typeof fetch,
  more: { secrets?: string[]; signal?: AbortSignal; timeoutMs?: number } = {}
) =>
  exchange({
    fetch: fetcher,
    url: 'https://sink.example/',
    headers: { authorization: 'x' },
    body: '{}',
    gzip: 1,
    timeoutMs: 5_000,
    signal: never,
    ...more
  })

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['Sun, 22 Nov 2026 12:00:30 GMT', 30_000],
    ['Sunday, 22-Nov-26 12:00:30 GMT', 30_000],
    ['Sun Nov 22 12:00:30 2026', 30_000],
    ['Sun, 22 Nov 2026 11:00:00 GMT', 0],
    ['-1', undefined],
    ['1.5', undefined],
    ['99999999999999', undefined],
    ['2026-11-22', undefined],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined]
  ])('%s means %s ms', (value, expected) => {
    expect(parseRetryAfter(value, NOW)).toBe(expected)
  })
})

describe('an exchange', () => {
  it.each([
    ['ECONNREFUSED', 'refused'],
    ['ECONNRESET', 'reset'],
    ['EPIPE', 'reset'],
    ['UND_ERR_SOCKET', 'reset'],
    ['ETIMEDOUT', 'timeout'],
    ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['ENOTFOUND', 'name not resolved'],
    ['EAI_AGAIN', 'name not resolved'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'TLS failed'],
    ['CERT_HAS_EXPIRED', 'TLS failed'],
    ['WHATEVER', 'network']
  ])('that fails with %s is said to be: %s', async (code, failure) => {
    const cause = Object.assign(new Error('a secret'), { code })
    const result = await ask(() => Promise.reject(new TypeError('fetch failed', { cause })))
    expect(result).toEqual({ kind: 'failure', failure })
  })

  it('gives no failure the text of an error, because fetch quotes headers in it', async () => {
    const result = await ask(() => Promise.reject(new TypeError('Headers.append: "s3cret\n" is invalid')))
    expect(result).toEqual({ kind: 'failure', failure: 'network' })
  })

  it('blanks every secret in what comes back', async () => {
    const response = () =>
      new Response('you sent s3cret and s3cret', { status: 400, headers: { 'retry-after': 's3cret' } })
    expect(JSON.stringify(await ask(answering(response), { secrets: ['s3cret', ''] }))).not.toContain(
      's3cret'
    )
  })

  it('keeps three headers and no others', async () => {
    const headers = {
      'retry-after': '1',
      'x-ratelimit-reset': '2',
      'content-type': 'text/plain',
      'set-cookie': 'a=b'
    }
    const result = await ask(answering(() => new Response('', { status: 503, headers })))
    expect(result.kind === 'answer' && [...result.headers.keys()].sort()).toEqual([
      'content-type',
      'retry-after',
      'x-ratelimit-reset'
    ])
  })

  it('cuts a long answer and cancels the rest', async () => {
    let cancelled = false
    const endless = new ReadableStream<Uint8Array>({
      pull: controller => controller.enqueue(new Uint8Array(10_000).fill(0x61)),
      cancel() {
        cancelled = true
      }
    })
    const result = await ask(answering(() => new Response(endless, { status: 202 })))
    expect(result).toMatchObject({ kind: 'answer', status: 202, cut: true })
    expect(result.kind === 'answer' && result.text.length).toBe(64 * 1024)
    expect(cancelled).toBe(true)
  })

  it('takes an answer that is no text', async () => {
    const result = await ask(
      answering(() => new Response(Buffer.from([0xff, 0xfe, 0x00, 0x80]), { status: 400 }))
    )
    expect(result).toMatchObject({ kind: 'answer', status: 400 })
  })

  it('ends with its signal, before and during the send', async () => {
    const waiting: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')))
      })
    const controller = new AbortController()
    const sent = ask(waiting, { signal: controller.signal })
    controller.abort()
    expect(await sent).toEqual({ kind: 'failure', failure: 'aborted' })
    expect(await ask(waiting, { signal: controller.signal })).toEqual({ kind: 'failure', failure: 'aborted' })
    expect(await ask(waiting, { timeoutMs: 5 })).toEqual({ kind: 'failure', failure: 'timeout' })
  })
})

describe('a reason', () => {
  const answer = (text: string, type = 'text/plain'): Extract<Exchange, { kind: 'answer' }> => ({
    kind: 'answer',
    status: 400,
    headers: new Map([['content-type', type]]),
    text,
    cut: false
  })
  it.each([
    ['', 'text/plain', 'HTTP 400'],
    ['<html>no</html>', 'text/plain', 'HTTP 400'],
    ['no', 'text/html', 'HTTP 400'],
    ['bad\r\n\u001b[31mfield', 'text/plain', 'HTTP 400: bad [31mfield']
  ])('quotes what a far side says in one line, and no web page: %j', (text, type, reason) => {
    expect(reasonOfAnswer(answer(text, type))).toBe(reason)
  })
  it('is capped', () => {
    expect(reasonOfAnswer(answer('x'.repeat(100_000))).length).toBeLessThan(600)
  })
})

describe('small parts', () => {
  it('a verdict of a failure is a retry', () => {
    expect(verdictOf({ kind: 'failure', failure: 'refused' }, 1, NOW)).toEqual({
      kind: 'retry',
      reason: 'no answer: refused'
    })
  })
  it('gzip is a switch or a level', () => {
    expect([false, true, 6].map(gzipLevel)).toEqual([0, 1, 6])
  })
  it('a token with a newline is no header text', () => {
    expect(['abc', 'a b', 'a\nb', '', 'ä'].map(isHeaderText)).toEqual([true, false, false, false, false])
  })
  it('delivery options have defaults and survive being parsed twice', () => {
    expect(readDelivery({})).toEqual({ batch: {}, from: 'beginning', expireAfterMs: 604_800_000 })
    expect(
      readDelivery({ batch: { events: 5, bytes: 1000, age: 250 }, from: 'now', expireAfter: 1 })
    ).toEqual({
      batch: { events: 5, bytes: 1000, ageMs: 250 },
      from: 'now',
      expireAfterMs: 1
    })
  })
  it('an event is shortened step by step, and stays an event while it can', () => {
    const event = sampleEvent(1)
    event.raw_data = 'r'.repeat(10_000)
    event.message = 'm'.repeat(10_000)
    event.resources = Array.from({ length: 500 }, (_, n) => ({ name: `n${n}`.repeat(20) }))
    for (const bytesMax of [100_000, 50_000, 9_000, 3_000, 2_000]) {
      const text = encodeWithin(event, bytesMax, JSON.stringify)
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(bytesMax)
      expectOcsf(JSON.parse(text))
    }
    expect(JSON.parse(encodeWithin(event, 1_000, JSON.stringify)).metadata.uid).toBe(event.metadata.uid)
  })
})
