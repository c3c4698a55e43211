/** Bodies over real sockets: content encodings, bombs, damage, limits, 100 Continue. */
import { connect } from 'node:net'
import { constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { LIMITS } from '../fakes/api.ts'
import { eventually, type Running, rawExchange, startApi } from './harness.ts'

let running: Running | undefined
const start = async (change?: Parameters<typeof startApi>[0]) => (running = await startApi(change))
afterEach(async () => {
  await running?.close()
  running = undefined
})

const post = (url: string, body: string | Buffer = '{}', headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', body: typeof body === 'string' ? body : new Uint8Array(body), headers })

describe('content encodings', () => {
  const text = 'a line of a log\n'.repeat(1000)
  const cases: [string, (body: string) => Buffer][] = [
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['zstd', zstdCompressSync],
    ['identity', body => Buffer.from(body)],
    ['identity, gzip', gzipSync]
  ]
  it.each(cases)('%s is inflated', async (coding, pack) => {
    const { url, intake } = await start()
    expect((await post(`${url}/ingest/plain`, pack(text), { 'content-encoding': coding })).status).toBe(200)
    expect(intake.received[0]?.request.body.toString()).toBe(text)
  })

  it.each(['br', 'gzip, gzip', 'gzip, deflate', 'snappy', 'x'.repeat(500)])(
    '%s is 415 and names what is taken',
    async coding => {
      const { url, intake } = await start()
      const answer = await post(`${url}/ingest/plain`, 'x', { 'content-encoding': coding })
      expect(answer.status).toBe(415)
      expect(answer.headers.get('accept-encoding')).toContain('zstd')
      expect(intake.refused[0]?.refusal.code).toBe('KW_BODY_ENCODING')
      expect(intake.received).toEqual([])
    }
  )

  const damaged: [string, string, Buffer][] = [
    ['plain text called gzip', 'gzip', Buffer.from('plain text')],
    ['an empty body called gzip', 'gzip', Buffer.alloc(0)],
    ['gzip cut short', 'gzip', gzipSync(text).subarray(0, 40)],
    ['deflate cut short', 'deflate', deflateSync(text).subarray(0, 30)],
    ['zstd cut short', 'zstd', zstdCompressSync(text).subarray(0, 20)],
    ['garbage called zstd', 'zstd', Buffer.from('garbage garbage')]
  ]
  it.each(damaged)('%s is 400', async (_name, coding, body) => {
    const { url, intake } = await start()
    const answer = await post(`${url}/ingest/plain`, body, { 'content-encoding': coding })
    expect(answer.status).toBe(400)
    expect(intake.refused[0]?.refusal.code).toBe('KW_BODY_ENCODING')
  })

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
    ['deflate', deflateSync]
  ] as const)('a %s bomb of 300 MB is 413 and its bytes are never all in memory', async (coding, pack) => {
    const { url, intake } = await start()
    const bomb = pack(Buffer.alloc(300e6))
    expect(bomb.length).toBeLessThan(400_000)
    const before = process.memoryUsage.rss()
    let peak = before
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss())
    }, 2)
    const answers = await Promise.all(
      [1, 2, 3, 4].map(() => post(`${url}/ingest/plain`, bomb, { 'content-encoding': coding }))
    )
    expect(answers.map(answer => answer.status)).toEqual([413, 413, 413, 413])
    clearInterval(watch)
    expect(peak - before).toBeLessThan(150e6)
    expect(intake.received).toEqual([])
  })

  it('a zstd frame may ask for a window of 8 MB (RFC 9659), and for no more', async () => {
    const { url } = await start()
    const params = { [constants.ZSTD_c_contentSizeFlag]: 0 }
    const frame = zstdCompressSync(Buffer.alloc(1e6), { params })
    for (const [log, status] of [
      [23, 200],
      [24, 400],
      [27, 400]
    ] as const) {
      // RFC 8878 section 3.1.1.1.2: byte 5 is the window descriptor, its upper five bits the exponent over 1 KiB.
      frame[5] = (log - 10) << 3
      const answer = await post(`${url}/ingest/plain`, frame, { 'content-encoding': 'zstd' })
      expect(answer.status, `window of 2^${log}`).toBe(status)
    }
  })
})

describe('limits', () => {
  it('a body over the limit is 413, whether the sender says its length or not', async () => {
    const { url, port } = await start()
    const big = Buffer.alloc(LIMITS.body + 1, 'x')
    expect((await post(`${url}/hooks/plain`, big)).status).toBe(413)
    const head =
      'POST /hooks/signed HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
    const chunked = Buffer.concat([
      Buffer.from(`${head}${big.length.toString(16)}\r\n`),
      big,
      Buffer.from('\r\n0\r\n\r\n')
    ])
    expect(await rawExchange(port, chunked)).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('a body exactly at the limit is taken', async () => {
    const { url } = await start()
    expect((await post(`${url}/hooks/plain`, Buffer.alloc(LIMITS.body, 'x'))).status).toBe(200)
  })

  it('a source may have a lower limit of its own', async () => {
    const { url } = await start()
    expect((await post(`${url}/hooks/small`, 'x'.repeat(1000))).status).toBe(200)
    expect((await post(`${url}/hooks/small`, 'x'.repeat(1001))).status).toBe(413)
    const packed = gzipSync('x'.repeat(1001))
    expect((await post(`${url}/hooks/small`, packed, { 'content-encoding': 'gzip' })).status).toBe(413)
  })

  it('bodies that together are too much are 503 with Retry-After, and the next one is welcome again', async () => {
    const limits = { ...LIMITS, body: 1000, inflatedBody: 1000, pendingBytes: 0 }
    const { url, intake } = await start({ limits })
    let go = () => {}
    intake.state.wait = new Promise(resolve => (go = resolve))
    const held = Array.from({ length: 4 }, () => post(`${url}/hooks/plain`, 'x'.repeat(1000)))
    await eventually(() => intake.received.length === 4)
    const refused = await post(`${url}/hooks/plain`, 'x')
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('2')
    go()
    for (const one of await Promise.all(held)) expect(one.status).toBe(200)
    expect((await post(`${url}/hooks/plain`, 'x'.repeat(1000))).status).toBe(200)
  })

  it('a sender that waits for 100 Continue is refused before it sends', async () => {
    const { port, intake } = await start()
    const answer = await rawExchange(
      port,
      'POST /hooks/signed HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 999999999\r\n\r\n'
    )
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).not.toContain('100 Continue')
    expect(intake.received).toEqual([])
  })

  it('a sender that waits for 100 Continue gets it, once, and then its answer', async () => {
    const { port, intake } = await start()
    const answer = await new Promise<string>(resolve => {
      let got = ''
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(
          'POST /hooks/signed HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n'
        )
      )
      socket.on('data', chunk => {
        if (got === '') socket.write('hello')
        got += chunk.toString()
      })
      socket.on('close', () => resolve(got))
    })
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 200'])
    expect(intake.received[0]?.request.body.toString()).toBe('hello')
  })
})
