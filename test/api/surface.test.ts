/** What can be seen of the listener from outside: its document, its headers, its health, its console. */
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterEach, describe, expect, it } from 'vitest'
import { EVENT_PARAMS, FINDING_PARAMS } from '../../src/api/events.ts'
import { openapiDocument } from '../../src/api/openapi.ts'
import { EXAMPLES } from '../../src/api/openapi-schemas.ts'
import { createApi } from '../../src/api/server.ts'
import { TAIL_PARAMS } from '../../src/api/tail.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import { anEvent, fingerprintOf } from '../fakes/api.ts'
import { expectOcsf } from '../ocsf.ts'
import { type Running, rawExchange, startApi } from './harness.ts'

let running: Running | undefined
const start = async (change?: Parameters<typeof startApi>[0]) => (running = await startApi(change))
afterEach(async () => {
  await running?.close()
  running = undefined
})

describe('the OpenAPI document', () => {
  const documented = Object.entries(openapiDocument.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map(method => `${method.toUpperCase()} ${path}`)
  )

  it('has every route that is registered, and no other', async () => {
    const { api } = await start()
    const registered = api.routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
    expect([...registered].sort()).toEqual([...documented].sort())
  })

  it('is served as it is written', async () => {
    const { url } = await start()
    const answer = await fetch(`${url}/openapi.json`)
    expect(await answer.json()).toEqual(JSON.parse(JSON.stringify(openapiDocument)))
  })

  it.each([
    ['/api/v1/events', EVENT_PARAMS],
    ['/api/v1/findings', FINDING_PARAMS],
    ['/api/v1/tail', TAIL_PARAMS]
  ] as const)('names the parameters that %s takes', (path, params) => {
    const names = openapiDocument.paths[path]?.get?.parameters?.map(one => one.name)
    expect([...(names ?? [])].sort()).toEqual([...params].sort())
  })

  it('gives each operation its own id, and each path parameter an example', () => {
    const operations = Object.entries(openapiDocument.paths).flatMap(([path, one]) =>
      Object.values(one).map(operation => ({ path, operation }))
    )
    const ids = operations.map(one => one.operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { path, operation } of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1])
      const named = (operation.parameters ?? []).filter(one => one.in === 'path')
      expect(named.map(one => one.name)).toEqual(inPath)
      for (const one of named) expect(one.example, path).toBeDefined()
    }
  })

  it('has examples that fit its schemas, the event valid OCSF', () => {
    const ajv = new Ajv2020({ strict: false })
    ajv.addSchema({ $id: 'doc', ...JSON.parse(JSON.stringify(openapiDocument)) })
    for (const [name, schema] of Object.entries(openapiDocument.components.schemas)) {
      const validate = ajv.compile({ $ref: `doc#/components/schemas/${name}` })
      for (const example of 'examples' in schema ? schema.examples : []) {
        const valid: boolean = validate(JSON.parse(JSON.stringify(example)))
        expect(validate.errors ?? [], name).toEqual([])
        expect(valid).toBe(true)
      }
    }
    expectOcsf(JSON.parse(JSON.stringify(EXAMPLES.event)) as OcsfEvent)
  })

  it('describes what is really answered', async () => {
    const { url, journals } = await start()
    await journals.events.append([anEvent(1), anEvent(2)])
    journals.events.broken.add(0)
    const ajv = new Ajv2020({ strict: false })
    ajv.addSchema({ $id: 'doc', ...JSON.parse(JSON.stringify(openapiDocument)) })
    const check = async (name: string, answer: Response) => {
      const validate = ajv.compile({ $ref: `doc#/components/schemas/${name}` })
      validate(await answer.json())
      expect(validate.errors ?? [], name).toEqual([])
    }
    await check('EventPage', await fetch(`${url}/api/v1/events`))
    await check('EventPage', await fetch(`${url}/api/v1/events?text=alice`))
    await check('Event', await fetch(`${url}/api/v1/events/${anEvent(2).metadata.uid}`))
    await check('CredentialSummary', await fetch(`${url}/api/v1/credentials/${fingerprintOf('hunter2')}`))
    await check('Error', await fetch(`${url}/api/v1/nothing`))
    await check('Error', await fetch(`${url}/api/v1/events?x=1`))
    await check('IntakeResult', await fetch(`${url}/hooks/plain`, { method: 'POST', body: '{}' }))
    const headers = { 'content-type': 'application/json' }
    const body = '{"secret": "hunter2"}'
    await check('Lookup', await fetch(`${url}/api/v1/credentials/lookup`, { method: 'POST', headers, body }))
  })
})

describe('every answer', () => {
  const paths = [
    '/',
    '/console/console.css',
    '/healthz',
    '/readyz',
    '/metrics',
    '/openapi.json',
    '/api/v1/events',
    '/api/v1/status',
    '/api/v1/nothing',
    '/api/v1/events?x=1',
    '/hooks/plain',
    '/hooks/nobody'
  ]
  it.each(paths)('%s carries the security headers and names no software', async path => {
    const { url } = await start()
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      const { headers } = await fetch(`${url}${path}`, { method })
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'self';.*frame-ancestors 'none'/)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
      expect(headers.has('access-control-allow-origin')).toBe(false)
      expect(headers.has('server') || headers.has('x-powered-by')).toBe(false)
    }
  })

  it.each(['/api/v1/events', '/api/v1/credentials/lookup', '/healthz', '/'])(
    'to a method that %s does not take is 405 with Allow',
    async path => {
      const { url } = await start()
      for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
        const answer = await fetch(`${url}${path}`, { method })
        expect(answer.status).toBe(405)
        expect(answer.headers.get('allow')).toBe(path.endsWith('lookup') ? 'GET, HEAD, POST' : 'GET, HEAD')
        expect(await answer.json()).toMatchObject({ error: { code: 'KW_METHOD' } })
      }
    }
  )

  it('to HEAD is that to GET without a body', async () => {
    const { url, port } = await start()
    const answer = await fetch(`${url}/api/v1/events`, { method: 'HEAD' })
    expect(answer.status).toBe(200)
    const raw = await rawExchange(
      port,
      'HEAD /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    )
    expect(raw).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\n\r\n$/)
  })
})

describe('health', () => {
  it('is alive while it is not ready', async () => {
    const { url, state } = await start()
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    state.ready = false
    const answer = await fetch(`${url}/readyz`)
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('5')
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
  })

  it('takes the query that a load balancer adds', async () => {
    const { url } = await start()
    expect((await fetch(`${url}/healthz?probe=1`)).status).toBe(200)
  })

  it('metrics are Prometheus text', async () => {
    const { url } = await start()
    const answer = await fetch(`${url}/metrics`)
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await answer.text()).toContain('up 1\n')
  })

  it('status is what the service says', async () => {
    const { url } = await start()
    expect(await (await fetch(`${url}/api/v1/status`)).json()).toEqual({ version: '0.1.0' })
  })
})

describe('the console page', () => {
  const html = readFileSync(new URL('../../src/console/index.html', import.meta.url), 'utf8')

  it('has no script, no inline style and nothing from elsewhere', () => {
    expect(html).not.toMatch(/<script|\son\w+=|\sstyle=|<style|https?:\/\//i)
  })

  it('links only to paths that exist', async () => {
    const { url } = await start()
    const links = [...html.matchAll(/href="([^"]+)"/g)].map(match => match[1] ?? '')
    expect(links.length).toBeGreaterThan(5)
    for (const link of links) {
      const controller = new AbortController()
      const answer = await fetch(`${url}${link}`, { signal: controller.signal })
      expect(answer.status, link).toBe(200)
      controller.abort()
    }
  })

  it('is served with its type', async () => {
    const { url } = await start()
    expect((await fetch(`${url}/`)).headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect((await fetch(`${url}/console/console.css`)).headers.get('content-type')).toBe(
      'text/css; charset=utf-8'
    )
    expect((await fetch(`${url}/console/__proto__`)).status).toBe(404)
  })
})

describe('listening', () => {
  it('on a port that is taken fails with the option’s name, and leaves nothing open', async () => {
    const { port } = await start()
    const other = await startApi()
    await other.close()
    const free = { host: '127.0.0.1', port: 0 }
    const { intake, journals, store, clock, log } = other
    const api = await createApi({
      intake,
      journals,
      store,
      clock,
      log,
      redactor: { fingerprints: () => [], text: text => text },
      status: async () => ({}),
      metricsText: async () => '',
      tokens: [],
      limits: (await import('../fakes/api.ts')).LIMITS,
      ready: () => true
    })
    await expect(api.listen({ http: free, otlp: { host: '127.0.0.1', port } })).rejects.toThrow(
      'listen.otlp cannot be bound: Error EADDRINUSE'
    )
  })

  it('closes at once although a browser holds connections open, also such as never said anything', async () => {
    const { port, url, close } = await start()
    await (await fetch(`${url}/healthz`)).text()
    const silent = rawExchange(port, '')
    await new Promise(resolve => setTimeout(resolve, 50))
    await close()
    expect(await silent).toBe('')
  })
})
