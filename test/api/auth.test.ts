/** Who may call what: the matrix of scopes and routes, made from the OpenAPI document, and the open loopback mode. */
import { afterEach, describe, expect, it } from 'vitest'
import { createAuth, isLoopbackHost } from '../../src/api/auth.ts'
import { addressKey, createLimiter } from '../../src/api/limiter.ts'
import { openapiDocument } from '../../src/api/openapi.ts'
import { SCOPES } from '../../src/core/settings.ts'
import { bearer, fakeClock, fakeLog, token } from '../fakes/api.ts'
import { type Running, rawExchange, startApi } from './harness.ts'

let running: Running | undefined
const start = async (change?: Parameters<typeof startApi>[0]) => (running = await startApi(change))
afterEach(async () => {
  await running?.close()
  running = undefined
})

const tokens = [...SCOPES.map(scope => token(scope, [scope])), token('none', [])]

interface Case {
  readonly method: string
  readonly path: string
  readonly scope: string | undefined
}
const cases: Case[] = Object.entries(openapiDocument.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, { security }]) => ({
    method: method.toUpperCase(),
    path: path.replace('{id}', 'plain').replace(/\{\w+\}/, 'x'),
    scope: security[0]?.bearer[0]
  }))
)

describe('with tokens', () => {
  it.each(cases)('$method $path lets exactly the scope $scope in', async ({ method, path, scope }) => {
    const { url } = await start({ tokens })
    const call = async (headers: Record<string, string>) => {
      const body = method === 'POST' ? { body: '{}' } : {}
      const controller = new AbortController()
      const answer = await fetch(`${url}${path}`, { method, headers, signal: controller.signal, ...body })
      controller.abort()
      return answer
    }
    const refused = (status: number) => status === 401 || status === 403
    if (scope === undefined) {
      expect(refused((await call({})).status)).toBe(false)
      return
    }
    const without = await call({})
    expect(without.status).toBe(401)
    expect(without.headers.get('www-authenticate')).toBe('Bearer realm="keywatch"')
    expect((await call(bearer('nobody'))).status).toBe(401)
    for (const name of [...SCOPES, 'none']) {
      const { status } = await call(bearer(name))
      if (name === scope || name === 'admin') expect(refused(status), name).toBe(false)
      else expect(status, name).toBe(403)
    }
  })

  const wrong: [string, string][] = [
    ['no token', 'Authorization: Bearer'],
    ['another scheme', 'Authorization: Basic dG9rZW4='],
    ['two tokens in one header', 'Authorization: Bearer token-read, Bearer token-read'],
    ['the right token twice', 'Authorization: Bearer token-read\r\nAuthorization: Bearer token-read'],
    ['a right and a wrong one', 'Authorization: Bearer token-read\r\nAuthorization: Bearer x'],
    ['the hash instead of the token', `Authorization: Bearer ${token('read', []).sha256}`],
    ['the token in the query', 'X-Nothing: 1'],
    ['other letters', 'Authorization: Bearer TOKEN-READ'],
    ['a megabyte-ish token', `Authorization: Bearer ${'a'.repeat(8000)}`]
  ]
  it.each(wrong)('%s is 401', async (_name, header) => {
    const { port } = await start({ tokens })
    const answer = await rawExchange(
      port,
      `GET /api/v1/status?token=token-read HTTP/1.1\r\nHost: localhost\r\n${header}\r\nConnection: close\r\n\r\n`
    )
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  })

  it.each(['Bearer', 'bearer', 'BEARER'])('the scheme may be written %s', async scheme => {
    const { url } = await start({ tokens })
    const headers = { authorization: `${scheme} token-read` }
    expect((await fetch(`${url}/api/v1/status`, { headers })).status).toBe(200)
  })

  it('the Host does not matter', async () => {
    const { port } = await start({ tokens })
    const answer = await rawExchange(
      port,
      'GET /api/v1/status HTTP/1.1\r\nHost: audit.example.com\r\nAuthorization: Bearer token-read\r\nConnection: close\r\n\r\n'
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('wrong tokens are counted, and after ten the address has to wait', async () => {
    const { api, url, clock, log } = await start({ tokens })
    const status = async (name: string) =>
      (await fetch(`${url}/api/v1/status`, { headers: bearer(name) })).status
    expect(await status('read')).toBe(200)
    for (let i = 0; i < 10; i++) expect(await status(`guess-${i}`)).toBe(401)
    const blocked = await fetch(`${url}/api/v1/status`, { headers: bearer('guess') })
    expect(blocked.status).toBe(429)
    expect(blocked.headers.get('retry-after')).toBe('6')
    expect(await blocked.json()).toMatchObject({ error: { code: 'KW_API_THROTTLED' } })
    expect(api.authFailures()).toBe(11)
    // A token that was right from this address before goes on working: one bad sender behind a proxy stops nobody else.
    expect(await status('read')).toBe(200)
    // One that was not has to wait as well: guessing right while throttled tells nothing.
    expect(await status('lookup')).toBe(429)
    clock.advance(6000)
    expect(await status('lookup')).toBe(403)
    expect(log.text()).not.toContain('guess')
  })

  it('a missing token is not an attempt', async () => {
    const { url } = await start({ tokens })
    for (let i = 0; i < 30; i++) expect((await fetch(`${url}/api/v1/status`)).status).toBe(401)
    expect((await fetch(`${url}/api/v1/status`, { headers: bearer('read') })).status).toBe(200)
  })
})

describe('without tokens', () => {
  const hosts: [string, number][] = [
    ['localhost', 200],
    ['LOCALHOST:8080', 200],
    ['keywatch.localhost', 200],
    ['127.0.0.1:1', 200],
    ['127.9.9.9', 200],
    ['[::1]:8080', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['192.0.2.1', 403],
    ['localhost\r\nHost: evil.example', 400],
    ['', 403]
  ]
  it.each(hosts)('a request to the host %j is answered %i', async (host, status) => {
    const { port } = await start()
    const get = (path: string) =>
      rawExchange(port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    const answer = await get('/api/v1/status')
    if (status === 400) expect(answer).toMatch(/^HTTP\/1\.1 (400|403) /)
    else expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    if (status === 403) expect(await get('/healthz')).toMatch(/^HTTP\/1\.1 200 /)
  })

  const origins: [string, string, number][] = [
    ['no Origin', '', 200],
    ['its own page', 'Origin: http://localhost:1234\r\n', 200],
    ['another port', 'Origin: http://localhost:9999\r\n', 403],
    ['another site', 'Origin: https://evil.example\r\n', 403],
    ['an opaque origin', 'Origin: null\r\n', 403],
    ['two origins', 'Origin: http://localhost:1234\r\nOrigin: https://evil.example\r\n', 403]
  ]
  it.each(origins)('a write from %s: %s is answered %i', async (_name, origin, status) => {
    const { port } = await start()
    const answer = await rawExchange(
      port,
      `POST /ingest/plain HTTP/1.1\r\nHost: localhost:1234\r\n${origin}Content-Length: 0\r\nConnection: close\r\n\r\n`
    )
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })

  it.each([
    ['cross-site', 'cors', 403],
    ['cross-site', 'no-cors', 403],
    ['same-site', 'no-cors', 403],
    ['cross-site', 'navigate', 200],
    ['same-origin', 'cors', 200],
    ['none', 'navigate', 200]
  ])('a browser’s read from %s in mode %s is answered %i', async (site, mode, status) => {
    const { port } = await start()
    const answer = await rawExchange(
      port,
      `GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: ${site}\r\nSec-Fetch-Mode: ${mode}\r\nConnection: close\r\n\r\n`
    )
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })

  it('a source that authenticates its senders is reached under any host name, for it stands behind a proxy', async () => {
    const { port } = await start()
    const answer = await rawExchange(
      port,
      'POST /hooks/signed HTTP/1.1\r\nHost: hooks.example.com\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('the parts', () => {
  it.each(['localhost.', 'localhost:', 'xlocalhost', '127.0.0.1@evil', '[::2]', '0.0.0.0', '127.0.0'])(
    '%s is no loopback name',
    host => {
      expect(isLoopbackHost(host)).toBe(false)
    }
  )

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64']
  ])('the address %s counts as %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })

  it('the limiter forgets the oldest address rather than grow', () => {
    const limiter = createLimiter({ clock: fakeClock(), burst: 1, refillMs: 1000, addressesMax: 3 })
    for (let i = 0; i < 100; i++) limiter.take(`192.0.2.${i}`)
    expect(limiter.size()).toBe(3)
    expect(limiter.take('192.0.2.99')).toBe(false)
    expect(limiter.take('192.0.2.1')).toBe(true)
  })

  it('a token whose configured hash has the wrong length lets nobody in', () => {
    const broken = { name: 'x', sha256: '', scopes: ['admin'] as const }
    const auth = createAuth({ tokens: [broken], clock: fakeClock(), log: fakeLog() })
    const request = { rawHeaders: ['Authorization', 'Bearer x'], socket: { remoteAddress: '192.0.2.1' } }
    // Only these two members are read.
    const admission = auth.admit(request as unknown as Parameters<typeof auth.admit>[0], 'read')
    expect('refusal' in admission && admission.refusal.status).toBe(401)
  })
})
