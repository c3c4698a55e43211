/** The otlp source against the real OpenTelemetry JavaScript SDK, in a process of its own. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { OcsfEvent } from '../../src/core/event.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { realDisk } from '../../src/lib/disk.ts'
import otlp from '../../src/sources/otlp.ts'
import { createKeywatch } from '../e2e/keywatch.ts'
import { expectOcsf } from '../ocsf.ts'
import { type Receiver, startReceiver } from './otlp-receiver.ts'

const SENDER = fileURLToPath(new URL('otlp-sdk-sender.ts', import.meta.url))

interface Sent {
  readonly results: number[]
  readonly complaints: string[]
  readonly spans: { traceId: string; spanId: string; name: string; attributes: Record<string, unknown> }[]
}

async function send(url: string, encoding: 'protobuf' | 'json', environment: object = {}): Promise<Sent> {
  const { stdout } = await promisify(execFile)(process.execPath, [SENDER, url, encoding], {
    env: { PATH: process.env['PATH'], ...environment }
  })
  return JSON.parse(stdout) as Sent
}

const silent = { info: () => {}, warn: () => {}, error: () => {} }
const source = otlp.open(otlp.options.parse({}), {
  id: 'otlp',
  clock: systemClock,
  disk: realDisk,
  log: silent,
  loopback: true
})

let receiver: Receiver
beforeEach(async () => {
  receiver = await startReceiver(source)
})
afterEach(() => receiver.close())

const expectedSpans = (sent: Sent) =>
  sent.spans.map((span, n) => ({
    signal: 'span',
    ...span,
    flags: 0x101,
    kind: 2,
    startTimeUnixNano: '1795000000123456789',
    endTimeUnixNano: '1795000000987654321',
    events: [
      {
        timeUnixNano: '1795000000200000000',
        name: 'route to backend',
        attributes: { 'mcp.backend.name': 'disk' }
      }
    ],
    ...(n === 2 ? { status: { code: 2, message: 'denied' } } : {}),
    resource: { 'service.name': 'files-mcp', 'deployment.environment.name': 'staging' },
    scope: { name: 'mcp-instrumentation', version: '0.3.0' }
  }))

const expectedLog = {
  signal: 'log',
  timeUnixNano: '1795000000000000005',
  observedTimeUnixNano: '1795000000000000006',
  eventName: 'mcp.tool.failed',
  severityNumber: 17,
  severityText: 'ERROR',
  body: { message: 'call failed', nested: { list: [1, 'two', true, null], big: 2 ** 40 } },
  attributes: { 'mcp.method.name': 'tools/call', bytes: 'AAH/', map: { deep: { er: 'x' } } },
  resource: { 'service.name': 'files-mcp', 'deployment.environment.name': 'staging' },
  scope: { name: 'access', version: '1.0.0' }
}

describe('the OpenTelemetry SDK', () => {
  it.each([
    ['protobuf', 'protobuf', {}, ['application/x-protobuf', 'application/x-protobuf']],
    [
      'gzip',
      'protobuf',
      { OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip' },
      ['application/x-protobuf', 'application/x-protobuf']
    ],
    ['JSON', 'json', {}, ['application/json', 'application/x-protobuf']]
  ] as const)(
    'is content with the answers, and what it sent is what was decoded: %s',
    async (_, encoding, environment, types) => {
      const sent = await send(receiver.url, encoding, environment)
      expect(sent).toMatchObject({ results: [0, 0], complaints: [] })
      expect(receiver.bodies.map(({ path, type }) => [path, type])).toEqual([
        ['v1/traces', types[0]],
        ['v1/logs', types[1]]
      ])
      const decoded = receiver.records.map(({ data }) => data)
      expect(decoded).toEqual([...expectedSpans(sent), expectedLog])

      for (const data of decoded) {
        const event = source.normalise(
          { data, raw: JSON.stringify(data), credentials: [] },
          { sourceId: 'otlp', receivedAt: 1_795_000_001_000 }
        )
        if (event === undefined || !('class_uid' in event)) throw new Error('one event was expected')
        expectOcsf(event)
        expect(event.unmapped.keywatch).toMatchObject({ action: 'mcp.tools/call', environment: 'staging' })
      }
    }
  )

  it('sends the same bytes again after a 503, and then is content', async () => {
    receiver.refuse.push({ status: 503, code: 'KW_JOURNAL_FULL', reason: 'full', retryAfterS: 0 })
    const sent = await send(receiver.url, 'protobuf')
    expect(sent).toMatchObject({ results: [0, 0], complaints: [] })
    const [first, second] = receiver.bodies.filter(({ path }) => path === 'v1/traces')
    expect(second?.bytes.equals(first?.bytes ?? Buffer.alloc(0))).toBe(true)
    expect(receiver.records).toHaveLength(4)
  })

  it('gives up after a 400, which it can read', async () => {
    receiver.refuse.push({ status: 400, code: 'KW_BODY_UNPARSEABLE', reason: 'said by us' })
    const sent = await send(receiver.url, 'json')
    expect(sent.results).toEqual([1, 0])
    expect(receiver.bodies.map(({ path }) => path)).toEqual(['v1/traces', 'v1/logs'])
  })
})

describe('a running Keywatch', () => {
  it('keeps what the real SDK exports, in both encodings, and lists it', async () => {
    const keywatch = await createKeywatch({ config: { sources: { otlp: { type: 'otlp' } } } })
    try {
      await keywatch.start()
      const sent = [await send(keywatch.url, 'protobuf'), await send(keywatch.url, 'json')]
      expect(sent.flatMap(({ complaints }) => complaints)).toEqual([])
      const answer = await fetch(`${keywatch.url}/api/v1/events?source=otlp&limit=200`)
      const { items } = (await answer.json()) as { items: OcsfEvent[] }
      for (const event of items) expectOcsf(event)
      const traced = new Set(items.map(event => event.trace?.span?.uid))
      for (const { spans } of sent) for (const span of spans) expect(traced).toContain(span.spanId)
      expect(items.length).toBeGreaterThan(sent.reduce((sum, { spans }) => sum + spans.length, 0))
    } finally {
      await keywatch.remove()
    }
  })
})
