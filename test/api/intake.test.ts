/** The intake paths over real sockets: order of checks, bodies, encodings, refusals, and what settles. */
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { bearer, token } from '../fakes/api.ts'
import { eventually, type Running, rawExchange, startApi } from './harness.ts'

let running: Running | undefined
const start = async (change?: Parameters<typeof startApi>[0]) => (running = await startApi(change))
afterEach(async () => {
  await running?.close()
  running = undefined
})

const withTokens = { tokens: [token('sender', ['ingest']), token('reader', ['read'])] }
const post = (url: string, body: string | Buffer = '{}', headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', body: typeof body === 'string' ? body : new Uint8Array(body), headers })

describe('what reaches the spine', () => {
  it('is the body as sent, the path, the query and where it came from', async () => {
    const { url, intake } = await start()
    const answer = await post(`${url}/hooks/plain?a=1&a=2`, 'raw \u00e4 bytes', {
      'content-type': 'text/weird'
    })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ accepted: 1, quarantined: 0, duplicates: 0 })
    const { target, request } = intake.received[0] ?? expect.fail()
    expect(target.sourceId).toBe('plain')
    expect(request).toMatchObject({ method: 'POST', path: '', remoteAddress: '127.0.0.1' })
    expect(request.query.getAll('a')).toEqual(['1', '2'])
    expect(request.body.toString()).toBe('raw ä bytes')
  })

  it.each(['logs', 'traces', 'metrics'])('is OTLP %s on the main and on its own listener', async signal => {
    const { url, otlp, intake } = await start()
    for (const base of [url, otlp]) expect((await post(`${base}/v1/${signal}`)).status).toBe(200)
    expect(intake.received.map(one => one.request.path)).toEqual([`v1/${signal}`, `v1/${signal}`])
  })

  it('is nothing but OTLP and health on the OTLP listener', async () => {
    const { otlp } = await start()
    expect((await fetch(`${otlp}/healthz`)).status).toBe(200)
    for (const path of ['/hooks/plain', '/api/v1/events', '/metrics', '/'])
      expect((await post(`${otlp}${path}`)).status, path).toBe(404)
  })

  it('has every value of a doubled header', async () => {
    const { port, intake } = await start()
    await rawExchange(
      port,
      'POST /hooks/signed HTTP/1.1\r\nHost: localhost\r\nX-Signature: one\r\nx-signature: two\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}'
    )
    expect(intake.received[0]?.request.headers.get('x-signature')).toEqual(['one', 'two'])
  })

  const types = [
    '',
    'Content-Type: \r\n',
    'Content-Type: nonsense;;;=\r\n',
    'Content-Type: application/json\r\nContent-Type: x/y\r\n'
  ]
  it.each(types)('comes through whatever the content type is: %j', async type => {
    const { port, intake } = await start()
    const answer = await rawExchange(
      port,
      `POST /hooks/signed HTTP/1.1\r\nHost: localhost\r\n${type}Content-Length: 5\r\nConnection: close\r\n\r\nhello`
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(intake.received[0]?.request.body.toString()).toBe('hello')
  })

  it('is a chunked body, put together', async () => {
    const { port, intake } = await start()
    const head =
      'POST /hooks/signed HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
    const answer = await rawExchange(port, `${head}3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(intake.received[0]?.request.body.toString()).toBe('abcdefg')
  })

  it('is a GET where the source takes it, with an empty body', async () => {
    const { url, intake } = await start()
    expect((await fetch(`${url}/hooks/get?challenge=x`)).status).toBe(200)
    expect(intake.received[0]?.request).toMatchObject({ method: 'GET', body: Buffer.alloc(0) })
  })
})

describe('the order of refusals', () => {
  it('an unknown source is 404, even with a wrong method and no token', async () => {
    const { url } = await start(withTokens)
    for (const path of [
      '/hooks/nobody',
      '/ingest/nobody',
      '/hooks/__proto__',
      '/hooks/constructor',
      '/hooks/%00'
    ]) {
      const answer = await fetch(`${url}${path}`, { method: 'PUT', body: 'x' })
      expect(answer.status, path).toBe(404)
      expect(await answer.json()).toMatchObject({ error: { code: 'KW_SOURCE_UNKNOWN' } })
    }
  })

  it.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'])(
    '%s is 405 with Allow before any token',
    async method => {
      const { url } = await start(withTokens)
      const answer = await fetch(`${url}/hooks/plain`, { method })
      expect(answer.status).toBe(405)
      expect(answer.headers.get('allow')).toBe('POST')
    }
  )

  it('methods that no router knows are 405 too', async () => {
    const { port } = await start()
    const answer = await rawExchange(
      port,
      'PROPFIND /hooks/plain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    )
    expect(answer).toMatch(/^HTTP\/1\.1 405 /)
  })

  it('a missing token is 401, a token without the scope 403, and only then the body is looked at', async () => {
    const { url, intake } = await start(withTokens)
    const bomb = { 'content-encoding': 'br' }
    expect((await post(`${url}/hooks/plain`, 'x', bomb)).status).toBe(401)
    expect((await post(`${url}/hooks/plain`, 'x', { ...bomb, ...bearer('reader') })).status).toBe(403)
    expect((await post(`${url}/hooks/plain`, 'x', { ...bomb, ...bearer('sender') })).status).toBe(415)
    expect((await post(`${url}/hooks/plain`, 'x', bearer('sender'))).status).toBe(200)
    expect(intake.refused.map(one => one.refusal.code)).toEqual([
      'KW_AUTH_REQUIRED',
      'KW_AUTH_SCOPE',
      'KW_BODY_ENCODING'
    ])
  })

  it('a source that authenticates its senders itself needs no token', async () => {
    const { url } = await start(withTokens)
    expect((await post(`${url}/hooks/signed`)).status).toBe(200)
  })

  it('a refusal has the form of the source’s protocol', async () => {
    const { url } = await start(withTokens)
    const answer = await post(`${url}/v1/logs`)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('Bearer')
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(await answer.json()).toMatchObject({ otlp: true })
  })
})

describe('the answer', () => {
  it.each([503, 429])('%i has Retry-After even if the source forgot it', async status => {
    const { url, intake } = await start()
    intake.state.answer = { status, body: '' }
    const answer = await post(`${url}/hooks/plain`)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('retry-after')).toBe('5')
  })

  it('carries the source’s headers and the listener’s', async () => {
    const { url, intake } = await start()
    intake.state.answer = {
      status: 200,
      headers: { 'Content-Type': 'application/x-protobuf', 'X-Ack': '1' },
      body: Buffer.from([1, 2, 255])
    }
    const answer = await post(`${url}/v1/logs`)
    expect(answer.headers.get('content-type')).toBe('application/x-protobuf')
    expect(answer.headers.get('x-ack')).toBe('1')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect([...new Uint8Array(await answer.arrayBuffer())]).toEqual([1, 2, 255])
  })

  it('is 503 when intake fails against its contract, so that the sender tries again, and quotes nothing', async () => {
    const { url, intake, log } = await start()
    intake.state.fail = true
    const answer = await post(`${url}/hooks/plain`)
    expect(answer.status).toBe(503)
    expect(await answer.text()).not.toContain('SECRET')
    expect(log.text()).not.toContain('SECRET')
    expect(log.lines.some(line => line.level === 'error')).toBe(true)
  })

  it('that cannot be sent because a source gave a broken header breaks the connection and is not delivered', async () => {
    const { url, intake } = await start()
    intake.state.answer = { status: 200, headers: { 'x-bad': 'a\r\nSet-Cookie: x' }, body: '' }
    await expect(post(`${url}/hooks/plain`)).rejects.toThrow()
    await eventually(() => intake.settled.length === 1)
    expect(intake.settled).toEqual([false])
  })

  it('settles as delivered after it went out', async () => {
    const { url, intake } = await start()
    await (await post(`${url}/hooks/plain`)).text()
    await eventually(() => intake.settled.length > 0)
    expect(intake.settled).toEqual([true])
  })

  it('settles as not delivered when the sender hung up meanwhile', async () => {
    const { port, intake } = await start()
    let go = () => {}
    intake.state.wait = new Promise(resolve => (go = resolve))
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('POST /hooks/signed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}')
    )
    await eventually(() => intake.received.length === 1)
    socket.resetAndDestroy()
    await new Promise(resolve => socket.on('close', resolve))
    // The reset has to reach the server's side of the loopback before the answer is ready.
    await new Promise(resolve => setTimeout(resolve, 100))
    go()
    await eventually(() => intake.settled.length > 0)
    expect(intake.settled).toEqual([false])
  })

  it('is none at all when the sender breaks off within the body', async () => {
    const { port, intake, url } = await start()
    const socket = connect(port, '127.0.0.1', () =>
      socket.end('POST /hooks/signed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200\r\n\r\n{"half')
    )
    await new Promise(resolve => socket.resume().on('close', resolve))
    expect((await post(`${url}/hooks/plain`)).status).toBe(200)
    expect(intake.received.length).toBe(1)
  })
})
