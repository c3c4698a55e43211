/**
 * What every HTTP sink promises, in one call: the golden request, a verdict for every kind of answer, no throw, no
 * token in anything it says, strict and described options, and a body that hostile text cannot break.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Sink, SinkDefinition, Verdict } from '../../src/core/sink.ts'
import { expectOcsf } from '../ocsf.ts'
import { encoded, finish, goldenEvents, HOSTILE, NOW, sampleEvent } from './sample.ts'

export interface SinkContract {
  /** Options in full, as in keywatch.yml, for a server at this address. */
  readonly options: (url: string) => Record<string, unknown>
  /** Every secret among them. */
  readonly secrets: readonly string[]
  /** What the vendor answers to say yes. */
  readonly yes: { readonly status: number; readonly body: string }
  /** File under test/fixtures/sinks. */
  readonly golden: string
  /** The OCSF events in a body. */
  readonly eventsOf: (body: string) => unknown[]
}

interface Request {
  readonly line: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly encoding: string | undefined
}
type Handler = (request: Request, response: ServerResponse) => void

/** Headers that differ from run to run or belong to the transport. */
const TRANSPORT = new Set([
  'host',
  'connection',
  'content-length',
  'accept',
  'accept-language',
  'accept-encoding',
  'sec-fetch-mode'
])

const httpText = ({ line, headers, body }: Request) =>
  `${line}\n${Object.entries(headers)
    .filter(([name]) => !TRANSPORT.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n\n${body}\n`

/** A server on loopback that does what the test at hand wants. */
export function scriptedServer() {
  let handler: Handler = (_, response) => response.end()
  const requests: Request[] = []
  const server: Server = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(Buffer.from(piece))
    const raw = Buffer.concat(pieces)
    const encoding = request.headers['content-encoding']
    const body = (encoding === 'gzip' ? gunzipSync(raw) : raw).toString('utf8')
    const seen = { line: `${request.method} ${request.url}`, headers: request.headers, body, encoding }
    requests.push(seen)
    handler(seen, response)
  })
  return {
    requests,
    script(next: Handler) {
      handler = next
    },
    answer: (status: number, body = '', headers: Record<string, string> = {}) => {
      handler = (_, response) => {
        response.writeHead(status, headers)
        response.end(body)
      }
    },
    async start() {
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
    },
    stop: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

/** Properties of a JSON schema, at any depth, that have no description. */
function undescribed(schema: unknown, path = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const found: string[] = []
  if ('properties' in schema && typeof schema.properties === 'object' && schema.properties !== null) {
    for (const [name, property] of Object.entries(schema.properties)) {
      const at = path === '' ? name : `${path}.${name}`
      const text: unknown = Object.getOwnPropertyDescriptor(property, 'description')?.value
      if (typeof text !== 'string' || text.length < 10) found.push(at)
      found.push(...undescribed(property, at))
    }
  }
  return found
}

/** Runs the contract for one sink. */
export function sinkContract<T extends z.ZodType>(
  definition: SinkDefinition<T>,
  contract: SinkContract
): void {
  const server = scriptedServer()
  const clock = { now: () => NOW, sleep: async () => {} }
  let url = ''
  let sink: Sink
  const open = (options: Record<string, unknown>, fetcher: typeof fetch = fetch) =>
    definition.open(definition.options.parse(options), { id: 'test', clock, fetch: fetcher })
  const never = new AbortController().signal
  const send = (count = 2) =>
    sink.send(
      encoded(
        sink,
        Array.from({ length: count }, (_, n) => sampleEvent(n))
      ),
      never
    )
  const expectNoSecret = (verdict: Verdict) => {
    for (const secret of contract.secrets) expect(JSON.stringify(verdict)).not.toContain(secret)
  }

  beforeAll(async () => {
    url = await server.start()
    sink = await open(contract.options(url))
  })
  afterAll(server.stop)

  describe(`the sink ${definition.name}`, () => {
    it('sends what the golden request says', async () => {
      server.answer(contract.yes.status, contract.yes.body)
      const events = goldenEvents()
      events.forEach(expectOcsf)
      expect(await sink.send(encoded(sink, events), never)).toEqual({ kind: 'accepted' })
      const request = server.requests.at(-1)
      if (request === undefined) throw new Error('no request')
      await expect(httpText(request)).toMatchFileSnapshot(`../fixtures/sinks/${contract.golden}`)
      expect(contract.eventsOf(request.body)).toEqual(JSON.parse(JSON.stringify(events)))
    })

    it.each([
      [408, 2, 'retry'],
      [425, 2, 'retry'],
      [429, 2, 'retry'],
      [500, 2, 'retry'],
      [502, 2, 'retry'],
      [503, 2, 'retry'],
      [504, 2, 'retry'],
      [401, 2, 'hold'],
      [403, 2, 'hold'],
      [404, 2, 'hold'],
      [302, 2, 'hold'],
      [413, 2, 'split'],
      [413, 1, 'rejected'],
      [400, 2, 'split'],
      [400, 1, 'rejected'],
      [422, 1, 'rejected']
    ])('takes HTTP %i for a batch of %i as %s', async (status, count, kind) => {
      server.answer(status, '<html><body>a proxy speaks</body></html>', { 'content-type': 'text/html' })
      expect((await send(count)).kind).toBe(kind)
    })

    it.each([
      ['seconds', '17', 17_000],
      ['a date', new Date(NOW + 90_000).toUTCString(), 90_000],
      ['a date in the past', new Date(NOW - 90_000).toUTCString(), 0],
      ['nonsense', 'soon', undefined]
    ])('honours a Retry-After in %s', async (_, value, afterMs) => {
      server.answer(503, '', { 'retry-after': value })
      const verdict = await send()
      expect(verdict.kind === 'retry' ? verdict.afterMs : 'no retry').toBe(afterMs)
    })

    it('follows no redirect', async () => {
      server.script((request, response) => {
        response.writeHead(request.line.endsWith('/elsewhere') ? 200 : 307, { location: '/elsewhere' })
        response.end()
      })
      const before = server.requests.length
      expect((await send()).kind).toBe('hold')
      expect(server.requests.length).toBe(before + 1)
    })

    it('never says a secret, whatever the far side echoes', async () => {
      for (const status of [400, 401, 403, 422, 429, 500]) {
        server.script((request, response) => {
          response.writeHead(status, { 'x-echo': 'yes', 'retry-after': contract.secrets.join(' ') })
          response.end(
            JSON.stringify({
              echo: request.headers,
              secrets: contract.secrets,
              code: 6,
              text: contract.secrets
            })
          )
        })
        expectNoSecret(await send())
        expectNoSecret(await send(1))
      }
    })

    it('takes every failure of the network for a retry and throws for none', async () => {
      server.script((_, response) => response.socket?.resetAndDestroy())
      expect((await send()).kind).toBe('retry')
      server.script((_, response) => {
        response.writeHead(500, { 'content-length': '100' })
        response.write('half', () => response.socket?.resetAndDestroy())
      })
      expect((await send()).kind).toBe('retry')
      const gone = scriptedServer()
      const closed = await gone.start()
      await gone.stop()
      const lonely = await open(contract.options(closed))
      expect((await lonely.send(encoded(lonely, [sampleEvent(1)]), never)).kind).toBe('retry')
      const broken = await open(contract.options(url), () =>
        Promise.reject(new TypeError(contract.secrets.join()))
      )
      const verdict = await broken.send(encoded(broken, [sampleEvent(1)]), never)
      expect(verdict.kind).toBe('retry')
      expectNoSecret(verdict)
    })

    it('gives up when it is told to and when time is up', async () => {
      server.script(() => {})
      const controller = new AbortController()
      const sent = sink.send(encoded(sink, [sampleEvent(1)]), controller.signal)
      controller.abort()
      expect((await sent).kind).toBe('retry')
      expect((await sink.send(encoded(sink, [sampleEvent(1)]), controller.signal)).kind).toBe('retry')
      const hasty = await open({ ...contract.options(url), timeout: '30ms' })
      expect(await hasty.send(encoded(hasty, [sampleEvent(1)]), never)).toMatchObject({
        kind: 'retry',
        reason: 'no answer: timeout'
      })
    })

    it('reads no more of an answer than it must', async () => {
      server.answer(contract.yes.status, `${contract.yes.body}${' '.repeat(10_000_000)}`)
      expect((await send()).kind).toBe('accepted')
      server.answer(400, 'x'.repeat(10_000_000))
      const verdict = await send(1)
      expect(verdict.kind === 'rejected' && verdict.reason.length < 1_000).toBe(true)
    })

    it('compresses a large body if it is asked to', async () => {
      server.answer(contract.yes.status, contract.yes.body)
      const packed = await open({ ...contract.options(url), gzip: true })
      const events = Array.from({ length: 50 }, (_, n) => sampleEvent(n))
      expect((await packed.send(encoded(packed, events), never)).kind).toBe('accepted')
      expect(server.requests.at(-1)?.encoding).toBe('gzip')
      const plain = await open({ ...contract.options(url), gzip: false })
      expect((await plain.send(encoded(plain, events), never)).kind).toBe('accepted')
      expect(server.requests.at(-1)?.encoding).toBeUndefined()
      expect(contract.eventsOf(server.requests.at(-1)?.body ?? '')).toHaveLength(50)
    })

    it('keeps an event within its limits by cutting it, and says so in the event', () => {
      for (const size of [100_000, 1_000_000, 3_000_000]) {
        const event = sampleEvent(1)
        event.raw_data = '\u20ac'.repeat(size)
        event.message = 'm'.repeat(size)
        const [one] = encoded(sink, [event])
        expect(one?.bytes).toBeLessThanOrEqual(definition.limits.entryBytes)
        if (size >= 1_000_000) expect(one?.body).toContain('"is_truncated":true')
      }
      expect(definition.limits.entryBytes).toBeLessThanOrEqual(definition.limits.bytes)
    })

    it('has options that are described, and refuses others', () => {
      const schema = z.toJSONSchema(definition.options, { io: 'input', unrepresentable: 'any' })
      expect(undescribed(schema)).toEqual([])
      const good = contract.options(url)
      expect(definition.options.safeParse(good).success).toBe(true)
      expect(definition.options.safeParse({ ...good, tokn: 'x' }).success).toBe(false)
      expect(definition.options.safeParse({ ...good, batch: { event: 1 } }).success).toBe(false)
    })

    it('quotes no secret when it refuses options', () => {
      const options = { ...contract.options(url), timeout: 'never', tokn: 'x' }
      const bad = Object.fromEntries(
        Object.entries(options).map(([key, value]) =>
          contract.secrets.some(secret => secret === value) ? [key, `${value}\n`] : [key, value]
        )
      )
      const problems = JSON.stringify(definition.options.safeParse(bad).error?.issues ?? [])
      for (const secret of contract.secrets) expect(problems).not.toContain(secret)
    })

    it.each(HOSTILE)('sends what stands in an event as it is and breaks nothing: %s', async (_, text) => {
      server.answer(contract.yes.status, contract.yes.body)
      const event = finish(sampleEvent(1), 1)
      event.message = text
      event.activity_name = text
      event.actor = { user: { name: text } }
      event.src_endpoint = { name: text }
      event.unmapped.keywatch.action = text
      event.unmapped.keywatch.mcp = { tool: text, server: { name: text } }
      event.unmapped.keywatch.vendor = JSON.parse('{"__proto__":"x","constructor":"y"}')
      const batch = encoded(sink, [event, sampleEvent(2)])
      expect((await sink.send(batch, never)).kind).toBe('accepted')
      const sent = contract.eventsOf(server.requests.at(-1)?.body ?? '')
      expect(sent).toHaveLength(2)
      expect(sent[0]).toEqual(JSON.parse(JSON.stringify(event)))
    })
  })
}
