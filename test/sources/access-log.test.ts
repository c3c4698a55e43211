/** The access-log source: formats, limits and mapping. Following files is in access-log-tail.test.ts. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import accessLog from '../../src/sources/access-log.ts'
import { expectOcsf } from '../ocsf.ts'
import {
  eventsOf,
  openSource,
  outcomeOf,
  RECEIVED_AT,
  requestOf,
  sourceContract,
  uncleaned
} from './contract.ts'

sourceContract(accessLog, {
  options: {},
  fixtures: [
    'access-log-nginx-captured',
    'access-log-nginx-variants',
    'access-log-gateway',
    'access-log-array'
  ]
})

const outcome = (body: string | Buffer, options: Record<string, unknown> = {}) =>
  outcomeOf(openSource(accessLog, options), requestOf(body))
const events = (body: string | Buffer, options?: Record<string, unknown>) => outcome(body, options).events
const line = (rest: string) => `192.0.2.1 - - [22/Nov/2026:04:31:13 +0000] ${rest}`

describe('access-log bodies', () => {
  const record = '{"status":200,"method":"GET","path":"/a"}'
  const text = line('"GET /a HTTP/1.1" 200 1 "-" "x"')
  it.each([
    ['NDJSON', `${record}\n${record}\n`, 2],
    ['NDJSON without its last newline', `${record}\n${record}`, 2],
    ['carriage returns and blank lines', `\r\n${record}\r\n\r\n  \r\n${record}\r\n`, 2],
    ['a JSON array', `[${record},\n ${record}]`, 2],
    ['an empty array', ' [ ] ', 0],
    ['one object over several lines', JSON.stringify(JSON.parse(record), null, 2), 1],
    ['a byte order mark', `\ufeff${record}`, 1],
    ['lines of text', `${text}\n${text}`, 2],
    ['JSON and text in turn', `${record}\n${text}\n${record}`, 3],
    ['NUL bytes that a truncation left', `${'\0'.repeat(64)}${text}\n${'\0'.repeat(64)}${record}`, 2]
  ])('are read as %s', (_, body, count) => {
    const found = outcome(body)
    expect(found.decoded?.bad).toEqual([])
    expect(found.events).toHaveLength(count)
    expect(found.events.every(event => event.http_request?.url?.path === '/a')).toBe(true)
  })

  it('give each element of an array its own text', () => {
    const { decoded } = outcome(`[ ${record} ,${record}]`)
    expect(decoded?.records.map(({ raw }) => raw)).toEqual([record, record])
  })

  it.each([
    [
      'a broken line of JSON is bad, and its text is not kept',
      `${record}\n{"a":\n${record}`,
      2,
      [[1, false]]
    ],
    [
      'a line of text without the frame is bad, and its redacted text is kept',
      `${text}\nhello\n`,
      1,
      [[1, true]]
    ],
    ['a broken element does not spoil its neighbours', `[${record},{oops},${record}]`, 2, [[1, false]]],
    ['an array that is cut off keeps what is whole', `[${record},${record},{"a":"`, 2, [[2, false]]],
    ['what follows an array is bad', `[${record}] ${record}`, 1, [[1, false]]],
    ['a missing element is bad', `[${record},,${record}]`, 2, [[1, false]]],
    [
      'scalars and arrays are no records',
      '1\n"x"\nnull\n[1]',
      0,
      [
        [0, true],
        [1, true],
        [2, true],
        [3, false]
      ]
    ]
  ])('%s', (_, body, count, bad) => {
    const found = outcome(body)
    expect(found.events).toHaveLength(count)
    expect(found.decoded?.bad.map(({ index, keep }) => [index, keep ?? false])).toEqual(bad)
  })

  it('are held to one format where one is named', () => {
    expect(outcome(`${record}\n${text}`, { format: 'nginx-combined' }).decoded?.bad).toHaveLength(1)
    expect(outcome(`${record}\n${text}`, { format: 'json' }).decoded?.bad).toHaveLength(1)
  })

  it('are repaired where nginx wrote JSON with its default escapes, unless the format is plain JSON', () => {
    const body = '{"status":200,"user_agent":"a\\x22b\\x5Cc \\xC3\\x9C"}'
    expect(events(body, { format: 'nginx-json' })[0]?.http_request?.user_agent).toBe('a"b\\c Ü')
    expect(outcome(body, { format: 'json' }).decoded?.bad).toHaveLength(1)
  })

  it.each([
    ['longer than the limit', `{"status":200,"a":"${'x'.repeat(1000)}"}`],
    ['longer than the limit in bytes only', `{"status":200,"a":"${'€'.repeat(90)}"}`],
    ['nested deeper than the limit', `{"status":200,"a":${'['.repeat(8)}${']'.repeat(8)}}`],
    ['a line that is too long', line(`"GET /${'x'.repeat(1000)} HTTP/1.1" 200 1`)]
  ])('have a record over a limit as bad, never cut: %s', (_, body) => {
    const limits = { record: 200, depth: 8 }
    const found = outcome(`${body}\n${text}`, { limits })
    expect(found.events).toHaveLength(1)
    expect(found.decoded?.bad).toMatchObject([{ index: 0, bytes: body }])
    expect(found.decoded?.bad[0]?.keep).toBeUndefined()
  })

  it('count brackets inside texts as no nesting', () => {
    expect(events(`{"status":200,"a":"${'[{'.repeat(100)}\\"["}`, { limits: { depth: 3 } })).toHaveLength(1)
  })

  it.each(['\n', ''])('are refused whole when they have more records than the limit', end => {
    const source = openSource(accessLog, { limits: { recordsPerBody: 2 } })
    for (const body of [`${record}\n${record}\n${record}${end}`, `[${record},${record},${record}]${end}`])
      expect(() => source.decode?.(requestOf(body))).toThrow(
        expect.objectContaining({ code: 'KW_BODY_TOO_LARGE' })
      )
  })

  it('say how repetitions are told', () => {
    const dedupe = (options: Record<string, unknown>) => openSource(accessLog, options).dedupe
    expect(dedupe({})).toEqual({ by: 'unacknowledged' })
    expect(dedupe({ dedupe: 'body', window: '5m' })).toEqual({ by: 'body', windowMs: 300_000 })
    expect(dedupe({ dedupe: 'off' })).toBeUndefined()
    expect(openSource(accessLog, {}).pull).toBeUndefined()
  })
})

describe('access-log events', () => {
  const one = (data: unknown) => eventsOf(openSource(accessLog, {}), uncleaned({ kind: 'json', data }))[0]

  it('are API Activity with an MCP method and HTTP Activity without', () => {
    expect(one({ mcp: { method: 'tools/call' } })).toMatchObject({ class_uid: 6003, activity_name: 'Invoke' })
    expect(one({ mcp: { method: 'resources/read' } })).toMatchObject({ class_uid: 6003, activity_id: 2 })
    expect(one({ method: 'tools/list', jsonrpc: '2.0' })).toMatchObject({
      class_uid: 6003,
      api: { operation: 'tools/list' }
    })
    expect(one({ method: 'GET', path: '/', mcp_session_id: 's' })).toMatchObject({
      class_uid: 4002,
      unmapped: { keywatch: { mcp: { session: 's' } } }
    })
  })

  it.each([
    [200, 'success', 1],
    [302, 'success', 1],
    [401, 'failure', 2],
    [403, 'failure', 2],
    [500, 'failure', 2],
    [499, 'unknown', undefined],
    [0, 'unknown', undefined]
  ])('with status %s end in %s', (status, _, id) => {
    expect(one({ status, method: 'GET' })).toMatchObject({
      status_code: String(status),
      http_response: { code: status }
    })
    expect(one({ status, method: 'GET' })?.status_id).toBe(id)
  })

  it('fail when the JSON-RPC answer was an error, whatever HTTP said', () => {
    const event = one({ status: 200, mcp: { method: 'tools/call', is_error: true } })
    expect(event).toMatchObject({ status_id: 2, unmapped: { keywatch: { mcp: { error: 'tool_error' } } } })
  })

  it.each([
    ['1795321873.921', 1795321873921],
    [1795321873, 1795321873000],
    [1795321873921, 1795321873921],
    [1795321873921000, 1795321873921],
    ['1795321873921000000', 1795321873921],
    ['2026-11-22T04:31:13.921Z', 1795321873921],
    ['2026-11-22T05:31:13.921123456+01:00', 1795321873921],
    ['2026-11-22 04:31:13', 1795321873000],
    ['22/Nov/2026:05:31:13 +0100', 1795321873000],
    ['yesterday', RECEIVED_AT],
    ['2026-13-45T99:00:00Z', RECEIVED_AT],
    [true, RECEIVED_AT],
    ['', RECEIVED_AT]
  ])('happen when the record says: %s', (time, expected) => {
    expect(one({ time, status: 200 })?.time).toBe(expected)
  })

  it('take the more exact of two times', () => {
    expect(one({ time: '2026-11-22T04:31:13+00:00', msec: '1795321873.921', status: '200' })?.time).toBe(
      1795321873921
    )
  })

  it('have the same fields from nested, flat and dotted names', () => {
    const shape = (data: unknown) => {
      const event = one(data)
      return [event?.http_request, event?.http_response, event?.src_endpoint, event?.actor]
    }
    const flat = shape({
      request_method: 'PUT',
      uri: '/a?b',
      status: '201',
      client_ip: '192.0.2.1',
      remote_user: 'ada'
    })
    const nested = {
      request: { method: 'PUT', uri: '/a?b', remote_addr: '192.0.2.1' },
      response: { status: 201 },
      actor: { user: { name: 'ada' } }
    }
    expect(shape(nested)).toEqual(flat)
    const dotted = {
      'http.request.method': 'PUT',
      'url.path': '/a',
      'url.query': 'b',
      'http.response.status_code': 201,
      'client.address': '192.0.2.1',
      'user.name': 'ada'
    }
    expect(shape(dotted)).toEqual(flat)
  })

  it('keep an id that a client may choose out of the event id', () => {
    expect(one({ status: 200, request_id: 'chosen' })?.metadata.original_event_uid).toBeUndefined()
  })

  it('show what stood where no request line was', () => {
    const [event] = events(line('"\\x16\\x03\\x01" 400 157 "-" "-"'))
    expect(event).toMatchObject({
      activity_id: 99,
      status_code: '400',
      unmapped: { keywatch: { vendor: { request: '\u0016\u0003\u0001' } } }
    })
  })

  it('take no value from a prototype and no text as a host that is none', () => {
    const event = one(
      JSON.parse(
        '{"__proto__":{"status":500,"method":"X"},"status":200,"host":"a b","user":{"__proto__":{"name":"x"}}}'
      )
    )
    expect(event).toMatchObject({ status_code: '200' })
    expect(event?.actor).toBeUndefined()
    expect(event?.dst_endpoint).toBeUndefined()
  })

  it('are not made of records of something else', () => {
    expect(() => one({ level: 'info', msg: 'listening' })).toThrow(
      expect.objectContaining({ code: 'KW_RECORD_UNMAPPED' })
    )
  })

  it('decode MCP header values before the redactor sees them', () => {
    const { decoded } = outcome('{"mcp_method":"tools/call","mcp_name":"=?base64?Z3LDvMOfZQ==?="}')
    expect(decoded?.records[0]?.raw).toContain('grüße')
    expect(decoded?.records[0]?.data).toMatchObject({ mcp_name: 'grüße' })
  })

  it('are valid for any header, address and target', () => {
    const wild = fc.record({
      remote_addr: fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        fc.string(),
        fc.constant('0000:0000:0000:0000:0000:ffff:255.255.255.255')
      ),
      xff: fc.oneof(
        fc.string(),
        fc.ipV6(),
        fc.array(fc.oneof(fc.ipV4(), fc.ipV6())).map(all => all.join(', '))
      ),
      host: fc.oneof(fc.domain(), fc.string(), fc.webAuthority()),
      uri: fc.oneof(fc.webUrl(), fc.webPath(), fc.string()),
      status: fc.oneof(fc.integer(), fc.double(), fc.string())
    })
    fc.assert(
      fc.property(wild, data => {
        const event = one({ method: 'GET', ...data })
        if (event) expectOcsf(event)
      })
    )
  })
})
