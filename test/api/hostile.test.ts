/** Broken, slow, huge and smuggling HTTP, written to a socket byte by byte. */
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { LIMITS, token } from '../fakes/api.ts'
import { type Running, rawExchange, startApi } from './harness.ts'

let running: Running | undefined
const start = async (change?: Parameters<typeof startApi>[0]) => (running = await startApi(change))
afterEach(async () => {
  await running?.close()
  running = undefined
})

const post = 'POST /hooks/signed HTTP/1.1\r\nHost: localhost\r\n'
const cases: [string, string, number][] = [
  ['no HTTP at all', '\u0016\u0003\u0001\u0002\u0000\r\n\r\n', 400],
  ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['an unknown method', 'FROB / HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
  ['no Host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
  [
    'headers over 16 KiB',
    `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
    431
  ],
  ['a path over 16 KiB', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
  ['two lengths', `${post}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 400],
  ['a length and chunks', `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['a negative length', `${post}Content-Length: -1\r\n\r\n`, 400],
  ['an unknown transfer coding', `${post}Transfer-Encoding: chunked, gzip\r\n\r\n`, 400],
  ['a broken chunk', `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
  ['a line feed in a header name', `${post}X\nY: 1\r\n\r\n`, 400],
  ['a NUL in a header', `${post}X: a\u0000b\r\n\r\n`, 400],
  [
    'a broken percent encoding',
    'GET /api/v1/events/%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    400
  ],
  [
    'a way out of the folder',
    'GET /console/..%2f..%2fpackage.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    404
  ],
  [
    'another way out',
    'GET /console/../../package.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    404
  ],
  [
    'an absolute target',
    'GET http://evil.example/api/v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    200
  ],
  [
    'an expectation that nobody meets',
    `${post}Expect: magic\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    417
  ],
  [
    'an upgrade',
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n',
    200
  ]
]

describe('hostile HTTP', () => {
  it.each(cases)('%s is answered in order', async (name, bytes, status) => {
    const { port } = await start()
    const answer = await rawExchange(port, bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(answer).not.toMatch(/fastify|node_modules|\n {4}at /i)
    expect(answer).not.toMatch(/^(server|x-powered-by):/im)
    // Node itself answers these two, before it makes a request of them.
    if (name === 'no Host' || status === 417) return
    expect(answer).toContain('x-content-type-options: nosniff')
    if (status >= 400) expect(answer).toMatch(/\{"error":\{"code":"KW_/)
  })

  it('a body that comes too slowly is 408 and reaches nobody', async () => {
    const { port, intake } = await start({ limits: { ...LIMITS, requestTimeoutMs: 300 } })
    expect(await rawExchange(port, `${post}Content-Length: 100\r\n\r\n{`)).toMatch(/^HTTP\/1\.1 408 /)
    expect(intake.received).toEqual([])
  })

  it('headers that come too slowly are 408', async () => {
    const { port } = await start({ limits: { ...LIMITS, requestTimeoutMs: 300 } })
    expect(await rawExchange(port, 'GET /healthz HTTP/1.1\r\nHost: loc')).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('a refused sender that keeps sending has its answer, and is cut in the end', async () => {
    const { port } = await start({
      limits: { ...LIMITS, requestTimeoutMs: 500 },
      tokens: [token('a', ['ingest'])]
    })
    const answer = await new Promise<string>(resolve => {
      let got = ''
      const socket = connect(port, '127.0.0.1', () => {
        socket.write('POST /hooks/plain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n')
        const more = () => {
          if (!socket.destroyed) socket.write(Buffer.alloc(65_536), more)
        }
        more()
      })
      socket.on('data', chunk => (got += chunk.toString('latin1')))
      socket.on('error', () => {})
      socket.on('close', () => resolve(got))
    })
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(answer.match(/HTTP\/1\.1/g)?.length).toBe(1)
  })

  it('two requests written at once are answered in their order', async () => {
    const { port, intake } = await start()
    const one = (body: string, last: string) => `${post}Content-Length: 1\r\n${last}\r\n${body}`
    const answer = await rawExchange(port, one('a', '') + one('b', 'Connection: close\r\n'))
    expect(answer.match(/HTTP\/1\.1 200/g)?.length).toBe(2)
    expect(intake.received.map(one => one.request.body.toString())).toEqual(['a', 'b'])
  })

  it('connections over the cap are dropped, and the others go on', async () => {
    const { port, url } = await start({ limits: { ...LIMITS, connections: 3 } })
    const open = await Promise.all(
      [1, 2].map(
        () =>
          new Promise<ReturnType<typeof connect>>(resolve => {
            const socket = connect(port, '127.0.0.1', () => resolve(socket))
          })
      )
    )
    expect((await fetch(`${url}/healthz`, { headers: { connection: 'keep-alive' } })).status).toBe(200)
    expect(await rawExchange(port, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n').catch(() => '')).toBe(
      ''
    )
    for (const socket of open) socket.destroy()
  })
})
