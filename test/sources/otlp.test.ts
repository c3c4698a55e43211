/** The otlp source: requests to answers and records to events, against golden files. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { KeywatchError } from '../../src/core/errors.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import type { Refusal } from '../../src/core/ports.ts'
import type { IntakeRequest, IntakeResult, Reply, Source, SourceContext } from '../../src/core/source.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { realDisk } from '../../src/lib/disk.ts'
import otlp from '../../src/sources/otlp.ts'
import { decodeMessage, encodeRequest } from '../decode/otlp-encoder.ts'
import { expectOcsf } from '../ocsf.ts'

const RECEIVED_AT = 1_795_000_100_000
const META = { sourceId: 'otlp', receivedAt: RECEIVED_AT }

const fixture = (name: string) => readFileSync(new URL(`../fixtures/sources/${name}`, import.meta.url))

const logged: unknown[] = []
const context: SourceContext = {
  id: 'otlp',
  clock: systemClock,
  disk: realDisk,
  log: { info: fields => logged.push(fields), warn: () => {}, error: () => {} },
  loopback: true
}
const open = (options: unknown = {}): Source => otlp.open(otlp.options.parse(options), context)

function request(path: string, contentType: string | undefined, body: Buffer | string): IntakeRequest {
  return {
    method: 'POST',
    path,
    query: new URLSearchParams(),
    headers: new Map(contentType === undefined ? [] : [['content-type', [contentType]]]),
    body: Buffer.from(body),
    remoteAddress: '127.0.0.1',
    receivedAt: RECEIVED_AT
  }
}

const JSON_TYPE = 'application/json'
const PROTOBUF_TYPE = 'application/x-protobuf'
const TAKEN: IntakeResult = { accepted: 1, quarantined: 0, duplicates: 0 }
const NONE: IntakeResult = { accepted: 0, quarantined: 0, duplicates: 0 }

function answer(from: IntakeRequest, outcome: { result: IntakeResult } | { refusal: Refusal }): Reply {
  const reply = open().answer?.(from, outcome)
  if (reply === undefined) throw new Error('the source has no answer')
  return reply
}

const codeOf = (work: () => unknown): string | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    return error instanceof KeywatchError ? error.code : 'another error'
  }
}

/** The events of a request; the redactor is not part of this test. */
function events(source: Source, from: IntakeRequest): OcsfEvent[] {
  const decoded = source.decode?.(from)
  expect(decoded?.bad).toEqual([])
  return (decoded?.records ?? []).flatMap(({ data }) => {
    const found = source.normalise({ data, raw: JSON.stringify(data), credentials: [] }, META)
    if (found === undefined) return []
    const list = 'class_uid' in found ? [found] : [...found]
    list.forEach(expectOcsf)
    return list
  })
}

const spanEvents = (attributes: object[], more: object = {}, options: unknown = {}) => {
  const span = {
    traceId: '5b8efff798038103d269b633813fc60c',
    spanId: 'eee19b7ec3c1b174',
    startTimeUnixNano: '1795000000000000000',
    attributes,
    ...more
  }
  const body = { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }
  return events(open(options), request('v1/traces', JSON_TYPE, JSON.stringify(body)))
}
const logEvents = (record: object, options: unknown = {}) =>
  events(
    open(options),
    request(
      'v1/logs',
      JSON_TYPE,
      JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] })
    )
  )
const text = (key: string, value: string) => ({ key, value: { stringValue: value } })

describe('golden requests', () => {
  for (const [signal, message] of [
    ['traces', 'TracesRequest'],
    ['logs', 'LogsRequest']
  ] as const) {
    const json = fixture(`otlp-${signal}.json`)

    it(`become the expected events: ${signal}`, async () => {
      const found = events(open(), request(`v1/${signal}`, JSON_TYPE, json))
      const shown = `${JSON.stringify(found, null, 1)}\n`
      await expect(shown).toMatchFileSnapshot(`../fixtures/sources/otlp-${signal}.events.json`)
    })

    it(`become the same events in protobuf: ${signal}`, () => {
      const protobuf = encodeRequest(message, JSON.parse(json.toString()))
      expect(events(open(), request(`v1/${signal}`, PROTOBUF_TYPE, protobuf))).toEqual(
        events(open(), request(`v1/${signal}`, JSON_TYPE, json))
      )
    })
  }

  it('of metrics are acknowledged, make no events and are mentioned once', () => {
    logged.length = 0
    const source = open()
    const json = fixture('otlp-metrics.json')
    expect(events(source, request('v1/metrics', JSON_TYPE, json))).toEqual([])
    const protobuf = encodeRequest('MetricsRequest', JSON.parse(json.toString()))
    expect(events(source, request('v1/metrics', PROTOBUF_TYPE, protobuf))).toEqual([])
    expect(logged).toEqual([{ metrics: 2 }])
    expect(answer(request('v1/metrics', JSON_TYPE, json), { result: NONE })).toMatchObject({
      status: 200,
      body: '{}'
    })
  })
})

describe('the content type', () => {
  const cases: [string, string | undefined, boolean][] = [
    ['plain JSON', 'application/json', true],
    ['JSON with a charset', 'application/json; charset=utf-8', true],
    ['JSON in capitals', 'APPLICATION/JSON', true],
    ['protobuf', 'application/x-protobuf', true],
    ['protobuf with a parameter', 'application/x-protobuf;v=1', true],
    ['none', undefined, false],
    ['text', 'text/plain', false],
    ['a longer name', 'application/jsonp', false]
  ]
  it.each(cases)('%s is judged by its media type', (_, type, good) => {
    const from = request('v1/logs', type, type?.toLowerCase().includes('json') ? '{}' : '')
    expect(codeOf(() => open().decode?.(from))).toBe(good ? undefined : 'KW_BODY_TYPE')
  })
})

describe('what cannot be decoded', () => {
  const cases: [string, string, string, string, string][] = [
    ['an empty JSON body', 'v1/logs', JSON_TYPE, '', 'KW_BODY_UNPARSEABLE'],
    ['broken JSON', 'v1/logs', JSON_TYPE, '{"resourceLogs":[', 'KW_BODY_UNPARSEABLE'],
    ['a JSON list', 'v1/logs', JSON_TYPE, '[]', 'KW_BODY_UNPARSEABLE'],
    ['JSON null', 'v1/logs', JSON_TYPE, 'null', 'KW_BODY_UNPARSEABLE'],
    ['text as protobuf', 'v1/traces', PROTOBUF_TYPE, '{"resourceSpans":[]}', 'KW_BODY_UNPARSEABLE'],
    ['metrics that are no JSON', 'v1/metrics', JSON_TYPE, 'x', 'KW_BODY_UNPARSEABLE'],
    ['an unknown path', 'v1development/profiles', JSON_TYPE, '{}', 'KW_NOT_FOUND']
  ]
  it.each(cases)('is refused: %s', (_, path, type, body, code) => {
    expect(codeOf(() => open().decode?.(request(path, type, body)))).toBe(code)
  })

  it('is not an empty request, which is fine in both encodings', () => {
    for (const [type, body] of [
      [JSON_TYPE, '{}'],
      [JSON_TYPE, '{"resourceLogs":[]}'],
      [PROTOBUF_TYPE, '']
    ] as const) {
      const from = request('v1/logs', type, body)
      expect(open().decode?.(from)).toEqual({ records: [], bad: [] })
      expect(answer(from, { result: NONE }).body).toEqual(type === JSON_TYPE ? '{}' : Buffer.alloc(0))
    }
  })
})

describe('the answer', () => {
  const refusal = (status: Refusal['status'], more: Partial<Refusal> = {}): Refusal => ({
    status,
    code: 'KW_BODY_UNPARSEABLE',
    reason: 'said by us',
    ...more
  })

  it('of full success is empty protobuf or an empty JSON object, in the type of the request', () => {
    expect(answer(request('v1/logs', PROTOBUF_TYPE, ''), { result: TAKEN })).toEqual({
      status: 200,
      headers: { 'content-type': 'application/x-protobuf' },
      body: Buffer.alloc(0)
    })
    expect(answer(request('v1/logs', 'Application/JSON; charset=utf-8', '{}'), { result: TAKEN })).toEqual({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: '{}'
    })
  })

  it.each([
    ['v1/traces', 'rejectedSpans'],
    ['v1/logs', 'rejectedLogRecords']
  ])('of partial success counts what went to quarantine: %s', (path, member) => {
    const result = { accepted: 5, quarantined: 300, duplicates: 0 }
    const json = JSON.parse(String(answer(request(path, JSON_TYPE, '{}'), { result }).body))
    expect(json.partialSuccess).toEqual({
      [member]: '300',
      errorMessage: expect.stringContaining('quarantine')
    })
    const { body } = answer(request(path, PROTOBUF_TYPE, ''), { result })
    expect(decodeMessage('Response', Buffer.from(body))).toEqual({
      partialSuccess: { rejected: '300', errorMessage: json.partialSuccess.errorMessage }
    })
  })

  it('of a duplicate is full success', () => {
    const result = { accepted: 0, quarantined: 0, duplicates: 3 }
    expect(answer(request('v1/logs', JSON_TYPE, '{"resource_logs":[]}'), { result }).body).toBe('{}')
  })

  it.each([
    ['the outermost key', 'v1/logs', { resource_logs: [{ scope_logs: [] }] }],
    ['the middle key', 'v1/logs', { resourceLogs: [{ scope_logs: [{ log_records: [{}] }] }] }],
    ['the innermost key', 'v1/logs', { resourceLogs: [{ scopeLogs: [{ log_records: [{}] }] }] }],
    ['spans', 'v1/traces', { resource_spans: [] }]
  ])('warns a sender of snake_case: %s', (_, path, body) => {
    const from = request(path, JSON_TYPE, JSON.stringify(body))
    expect(open().decode?.(from)).toEqual({ records: [], bad: [] })
    const reply = answer(from, { result: NONE })
    expect(reply.status).toBe(200)
    expect(JSON.parse(String(reply.body))).toEqual({
      partialSuccess: { errorMessage: expect.stringContaining('lowerCamelCase') }
    })
  })

  it('to an unknown member alone warns of nothing', () => {
    const from = request('v1/logs', JSON_TYPE, '{"future":1,"resourceLogs":[{"scopeLogs":[{}]}]}')
    expect(answer(from, { result: NONE }).body).toBe('{}')
  })

  it.each([400, 401, 403, 404, 413, 429, 503] as const)(
    'to a refusal with %i is a google.rpc.Status in the encoding of the request',
    status => {
      const outcome = { refusal: refusal(status) }
      const json = answer(request('v1/logs', JSON_TYPE, ''), outcome)
      const protobuf = answer(request('v1/logs', PROTOBUF_TYPE, ''), outcome)
      expect([json.status, protobuf.status]).toEqual([status, status])
      expect(json.headers?.['content-type']).toBe(JSON_TYPE)
      expect(protobuf.headers?.['content-type']).toBe(PROTOBUF_TYPE)
      const told = JSON.parse(String(json.body))
      expect(told).toEqual({ code: expect.any(Number), message: 'said by us' })
      expect(decodeMessage('RpcStatus', Buffer.from(protobuf.body))).toEqual(told)
    }
  )

  it('says when to come back, with the given seconds or one', () => {
    const from = request('v1/logs', PROTOBUF_TYPE, '')
    expect(answer(from, { refusal: refusal(503, { retryAfterS: 30 }) }).headers?.['retry-after']).toBe('30')
    expect(answer(from, { refusal: refusal(429) }).headers?.['retry-after']).toBe('1')
    expect(answer(from, { refusal: refusal(400) }).headers?.['retry-after']).toBeUndefined()
  })

  it('never is a 500, after which senders throw their data away', () => {
    const reply = answer(request('v1/logs', JSON_TYPE, '{}'), { refusal: refusal(500) })
    expect(reply.status).toBe(503)
    expect(reply.headers?.['retry-after']).toBe('1')
  })

  it('to a wrong method or type is the text of the OpenTelemetry Collector', () => {
    const wrongMethod = answer(request('v1/logs', undefined, ''), { refusal: refusal(405) })
    expect(wrongMethod).toEqual({
      status: 405,
      headers: { 'content-type': 'text/plain; charset=utf-8', allow: 'POST' },
      body: '405 method not allowed, supported: [POST]'
    })
    expect(answer(request('v1/logs', 'text/html', ''), { refusal: refusal(415) }).body).toBe(
      '415 unsupported media type, supported: [application/json, application/x-protobuf]'
    )
  })

  it('to a refusal without a known type is JSON', () => {
    const reply = answer(request('v1/logs', undefined, ''), { refusal: refusal(401) })
    expect(reply.headers).toEqual({ 'content-type': JSON_TYPE, 'www-authenticate': 'Bearer' })
    expect(JSON.parse(String(reply.body))).toEqual({ code: 16, message: 'said by us' })
  })
})

describe('an event', () => {
  it('of a span has an id that is the same whenever the span is sent', () => {
    const [event] = spanEvents([])
    expect(event?.metadata.original_event_uid).toBe('5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174')
    expect(spanEvents([], { spanId: '' })[0]?.metadata.original_event_uid).toBeUndefined()
    expect(logEvents({})[0]?.metadata.original_event_uid).toBeUndefined()
  })

  it('without a believable time gets the time of receipt and says so', () => {
    const ahead = (RECEIVED_AT + 24 * 3600_000 + 1) * 1e6
    const [event] = logEvents({ timeUnixNano: String(ahead) })
    expect(event?.time).toBe(RECEIVED_AT)
    expect(event?.unmapped.keywatch.clock_skew).toBe(true)
    const [none] = logEvents({ body: { stringValue: 'x' } })
    expect(none?.time).toBe(RECEIVED_AT)
    expect(none?.unmapped.keywatch.clock_skew).toBeUndefined()
  })

  it('keeps content only if told to', () => {
    const args = {
      key: 'gen_ai.tool.call.arguments',
      value: { kvlistValue: { values: [text('path', '/etc/shadow')] } }
    }
    const attributes = [text('mcp.method.name', 'tools/call'), args]
    expect(spanEvents(attributes)[0]?.raw_data).toContain(
      '"gen_ai.tool.call.arguments":{"path":"string(11)"}'
    )
    expect(spanEvents(attributes, {}, { content: 'keep' })[0]?.raw_data).toContain('"path":"/etc/shadow"')
  })

  it('keeps the record’s own text where there is no content to drop', () => {
    const source = open()
    const data = { signal: 'log', body: 'x' }
    const event = source.normalise({ data, raw: '{"as":"it was"}', credentials: [] }, META)
    expect(event).toMatchObject({ raw_data: '{"as":"it was"}' })
  })

  it('drops content from span events and from the bodies of model events', () => {
    const said = { name: 'gen_ai.user.message', attributes: [text('gen_ai.prompt', 'tell me all')] }
    const [span] = spanEvents([], { events: [said] })
    const [log] = logEvents({ eventName: 'gen_ai.user.message', body: { stringValue: 'tell me all' } })
    for (const event of [span, log]) {
      expect(event?.raw_data).toContain('string(11)')
      expect(JSON.stringify(event)).not.toContain('tell me all')
    }
  })

  it('is made only for the kinds that are included', () => {
    const mcp = [text('mcp.method.name', 'ping')]
    const http = [text('http.request.method', 'GET'), text('url.path', '/')]
    expect(spanEvents(mcp, {}, { include: ['mcp'] })).toHaveLength(1)
    expect(spanEvents(http, {}, { include: ['mcp'] })).toHaveLength(0)
    expect(spanEvents([], {}, { include: ['mcp', 'http'] })).toHaveLength(0)
  })

  it('understands the names of an operator’s own emitters', () => {
    const aliases = { 'acme.rpc': 'mcp.method.name', 'acme.tool': 'gen_ai.tool.name' }
    const [event] = spanEvents([text('acme.rpc', 'tools/call'), text('acme.tool', 'deploy')], {}, { aliases })
    expect(event?.unmapped.keywatch).toMatchObject({
      action: 'mcp.tools/call',
      mcp: { method: 'tools/call', tool: 'deploy' }
    })
    expect(otlp.options.safeParse({ aliases: { x: 'no.such.name' } }).success).toBe(false)
  })

  it('counts a JSON-RPC error as failure though the span’s status is unset', () => {
    const [event] = spanEvents([
      text('mcp.method.name', 'tools/call'),
      text('rpc.response.status_code', '-32602')
    ])
    expect(event).toMatchObject({ status_id: 2, status_code: '-32602', api: { response: { code: -32602 } } })
  })

  it.each([
    ['a bare method of HTTP', [text('method', 'GET')], undefined],
    ['a bare method of MCP', [text('method', 'tools/call')], 'tools/call'],
    ['a tool without any sign of MCP', [text('gen_ai.tool.name', 'x')], undefined],
    [
      'a tool with a session of MCP',
      [text('gen_ai.tool.name', 'x'), text('mcp.session.id', 's')],
      'tools/call'
    ],
    ['ContextForge', [text('network.protocol.name', 'mcp'), text('tool.name', 'x')], 'tools/call']
  ])('is about MCP or not: %s', (_, attributes, method) => {
    expect(spanEvents(attributes)[0]?.unmapped.keywatch.mcp?.method).toBe(method)
  })

  it('survives a redactor that replaced members, or the whole record, by text', () => {
    const source = open()
    const gone = '[redacted]'
    const data = {
      signal: 'span',
      traceId: gone,
      spanId: gone,
      name: gone,
      kind: gone,
      startTimeUnixNano: gone,
      attributes: gone,
      events: gone,
      status: gone,
      resource: gone,
      scope: gone
    }
    const event = source.normalise({ data, raw: '{}', credentials: [], truncated: true }, META)
    if (event === undefined || !('class_uid' in event)) throw new Error('one event was expected')
    expectOcsf(event)
    expect(event.unmapped.keywatch.truncated).toBe(true)
    for (const whole of [gone, null, 7, [], { signal: 'other' }])
      expect(codeOf(() => source.normalise({ data: whole, raw: '', credentials: [] }, META))).toBe(
        'KW_RECORD_UNMAPPED'
      )
  })

  it('is valid whatever the attributes hold', () => {
    const names = [
      'client.address',
      'client.port',
      'url.full',
      'user.email',
      'http.response.status_code',
      'mcp.session.id'
    ]
    const values = [
      { stringValue: 'x'.repeat(1_000_000) },
      { intValue: '-9223372036854775808' },
      { arrayValue: { values: [] } },
      { kvlistValue: { values: [text('__proto__', 'x')] } },
      { stringValue: 'http://[::1' },
      { stringValue: '\u0000\uFFFF 💥' },
      { doubleValue: 'NaN' },
      {}
    ]
    for (const value of values)
      for (const method of ['mcp.method.name', 'http.request.method', 'nothing'])
        expect(spanEvents([text(method, 'x'), ...names.map(key => ({ key, value }))]).length).toBe(1)
  })
})
