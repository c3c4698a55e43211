/** OTLP requests to records: the mappings of both encodings, and the mistakes of real senders. */
import { describe, expect, it } from 'vitest'
import { KeywatchError } from '../../src/core/errors.ts'
import { countMetrics, decodeOtlp } from '../../src/decode/otlp.ts'
import { DEPTH_MAX, RECORDS_MAX, TOO_DEEP, VALUES_MAX } from '../../src/decode/otlp-record.ts'
import { encodeRequest } from './otlp-encoder.ts'

const TRACE = '5b8efff798038103d269b633813fc60c'
const SPAN = 'eee19b7ec3c1b174'

const json = (body: unknown) => Buffer.from(JSON.stringify(body))
const spansOf = (span: object) => ({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })
const logsOf = (record: object) => ({ resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] })

type Data = Record<string, unknown>
const only = (decoded: { records: readonly { data: unknown }[] }): Data => {
  expect(decoded.records).toHaveLength(1)
  return decoded.records[0]?.data as Data // every record's data is an object
}
const span = (value: object): Data => only(decodeOtlp('traces', 'json', json(spansOf(value))))
const log = (value: object): Data => only(decodeOtlp('logs', 'json', json(logsOf(value))))
const protobufSpan = (value: object): Data =>
  only(decodeOtlp('traces', 'protobuf', encodeRequest('TracesRequest', spansOf(value))))
const protobufLog = (value: object): Data =>
  only(decodeOtlp('logs', 'protobuf', encodeRequest('LogsRequest', logsOf(value))))

const refusal = (work: () => unknown): string => {
  try {
    work()
    return 'no error'
  } catch (error) {
    return error instanceof KeywatchError ? `${error.code}: ${error.message}` : 'another error'
  }
}

/** A length-delimited field by hand, for bytes that no encoder makes. */
const field = (number: number, bytes: Buffer) => {
  const length = [bytes.length & 127]
  for (let rest = bytes.length >> 7; rest > 0; rest >>= 7) {
    length[length.length - 1]! |= 128
    length.push(rest & 127)
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes])
}
const spanBytes = (bytes: Buffer) => field(1, field(2, field(2, bytes)))
const oneSpan = (bytes: Buffer) => decodeOtlp('traces', 'protobuf', spanBytes(bytes))

describe('a trace or span id', () => {
  const cases: [string, unknown, unknown][] = [
    ['lower-case hex', TRACE, TRACE],
    ['upper-case hex', TRACE.toUpperCase(), TRACE],
    ['base64 of 16 bytes (collector#8720)', Buffer.from(TRACE, 'hex').toString('base64'), TRACE],
    ['base64url without padding', Buffer.from(TRACE, 'hex').toString('base64url'), TRACE],
    [
      'hex that was read as base64 and written as hex (traceway#130)',
      `${TRACE}${TRACE.slice(16)}`,
      undefined
    ],
    ['all zero', '0'.repeat(32), undefined],
    ['too short', TRACE.slice(1), undefined],
    ['no hex', 'z'.repeat(32), undefined],
    ['empty', '', undefined],
    ['a number', 12, undefined],
    ['null', null, undefined]
  ]
  it.each(cases)('in JSON that is %s is kept as 32 hex digits or dropped', (_, sent, kept) => {
    const data = span({ traceId: sent, name: 'stays' })
    expect(data['traceId']).toBe(kept)
    expect(data['name']).toBe('stays')
  })

  it('of a span may be base64 too', () => {
    const sent = Buffer.from(SPAN, 'hex').toString('base64')
    expect(sent).toHaveLength(12)
    expect(span({ spanId: sent, parentSpanId: SPAN })).toMatchObject({ spanId: SPAN, parentSpanId: SPAN })
  })

  it.each([
    ['16 bytes', Buffer.from(TRACE, 'hex'), TRACE],
    ['32 bytes of hex text (Logflare#3683)', Buffer.from(TRACE.toUpperCase()), TRACE],
    ['32 bytes that are no hex', Buffer.alloc(32, 'z'), undefined],
    ['all zero', Buffer.alloc(16), undefined],
    ['another length', Buffer.from('abc'), undefined],
    ['no byte', Buffer.alloc(0), undefined]
  ])('in protobuf that is %s is kept or dropped alone', (_, sent, kept) => {
    const data = only(oneSpan(Buffer.concat([field(1, sent), field(5, Buffer.from('stays'))])))
    expect(data['traceId']).toBe(kept)
    expect(data['name']).toBe('stays')
  })
})

describe('a value', () => {
  const cases: [string, object, unknown][] = [
    ['text', { stringValue: 'x' }, 'x'],
    ['empty text', { stringValue: '' }, ''],
    ['a boolean', { boolValue: false }, false],
    ['an integer as text', { intValue: '42' }, 42],
    ['an integer as number (the JavaScript SDK)', { intValue: 42 }, 42],
    ['a negative integer', { intValue: '-7' }, -7],
    ['an integer beyond 2^53', { intValue: '9223372036854775807' }, '9223372036854775807'],
    ['the least integer', { intValue: '-9223372036854775808' }, '-9223372036854775808'],
    ['a double', { doubleValue: 1.5 }, 1.5],
    ['no number', { doubleValue: 'NaN' }, 'NaN'],
    ['minus infinity', { doubleValue: '-Infinity' }, '-Infinity'],
    ['bytes', { bytesValue: '/+8=' }, '/+8='],
    ['a list', { arrayValue: { values: [{ intValue: 1 }, {}] } }, [1, null]],
    ['an empty list', { arrayValue: {} }, []],
    ['a map', { kvlistValue: { values: [{ key: 'a', value: { boolValue: true } }] } }, { a: true }],
    ['an empty map', { kvlistValue: { values: [] } }, {}],
    ['nothing', {}, null]
  ]
  it.each(cases)('that is %s is the same from both encodings', (_, value, expected) => {
    const record = { attributes: [{ key: 'k', value }] }
    expect(log(record)['attributes']).toEqual({ k: expected })
    expect(protobufLog(record)['attributes']).toEqual({ k: expected })
  })

  it('of bytes may be base64url', () => {
    expect(log({ body: { bytesValue: '_-8' } })['body']).toBe('/+8=')
  })

  it('that is null, or of an unknown member, is null', () => {
    const attributes = [
      { key: 'a', value: null },
      { key: 'b' },
      { key: 'c', value: { stringValueStrindex: 3 } }
    ]
    expect(log({ attributes })['attributes']).toEqual({ a: null, b: null, c: null })
  })

  it('under a key of the prototype is an own member', () => {
    const attributes = ['__proto__', 'constructor', 'toString'].map(key => ({
      key,
      value: { kvlistValue: { values: [{ key: '__proto__', value: { stringValue: 'x' } }] } }
    }))
    for (const data of [log({ attributes }), protobufLog({ attributes })]) {
      expect(Object.keys(data['attributes'] as object)).toEqual(['__proto__', 'constructor', 'toString'])
      expect(JSON.stringify(data['attributes'])).toBe(
        '{"__proto__":{"__proto__":"x"},"constructor":{"__proto__":"x"},"toString":{"__proto__":"x"}}'
      )
    }
    expect(({} as Data)['x']).toBeUndefined()
  })

  it('with a key that is sent twice is the last one', () => {
    const attributes = ['a', 'b'].map(stringValue => ({ key: 'k', value: { stringValue } }))
    expect(log({ attributes })['attributes']).toEqual({ k: 'b' })
    expect(protobufLog({ attributes })['attributes']).toEqual({ k: 'b' })
  })
})

describe('a record', () => {
  it('may name its enumerations, though senders must not', () => {
    expect(span({ kind: 'SPAN_KIND_SERVER', status: { code: 'STATUS_CODE_ERROR' } })).toMatchObject({
      kind: 2,
      status: { code: 2 }
    })
    expect(log({ severityNumber: 'SEVERITY_NUMBER_WARN2' })).toMatchObject({ severityNumber: 14 })
    expect(log({ severityNumber: 'SEVERITY_NUMBER_FATAL4' })).toMatchObject({ severityNumber: 24 })
  })

  it('has its times as decimal text, exact from text and from protobuf', () => {
    const times = { startTimeUnixNano: '1795000000123456789', endTimeUnixNano: '18446744073709551615' }
    expect(span(times)).toMatchObject(times)
    expect(protobufSpan(times)).toMatchObject(times)
    expect(span({ startTimeUnixNano: 1795000000000000000 })['startTimeUnixNano']).toBe('1795000000000000000')
    expect(span({ startTimeUnixNano: '0', endTimeUnixNano: 0 })).toEqual({ signal: 'span' })
    expect(span({ startTimeUnixNano: '0005' })).toMatchObject({ startTimeUnixNano: '5' })
  })

  it('leaves defaults out, wherever they were written', () => {
    const written = {
      name: '',
      kind: 0,
      attributes: [],
      droppedAttributesCount: 0,
      events: [],
      links: [],
      status: { code: 0, message: '' },
      flags: 0
    }
    expect(span(written)).toEqual({ signal: 'span' })
    expect(protobufSpan(written)).toEqual({ signal: 'span' })
    // Field 6 (kind) as an explicit 0, field 5 (name) as empty text.
    expect(only(oneSpan(Buffer.from([48, 0, 42, 0])))).toEqual({ signal: 'span' })
  })

  it('ignores what it does not know', () => {
    expect(span({ name: 'x', novel: { deep: [1] }, trace_id: TRACE })).toEqual({ signal: 'span', name: 'x' })
    const unknown = Buffer.concat([field(14, Buffer.from('?')), Buffer.from([0x80, 7, 1, 42, 1, 0x78])])
    expect(only(oneSpan(unknown))).toEqual({ signal: 'span', name: 'x' })
  })

  it('carries its resource and scope, in whatever order the fields came', () => {
    const attribute = field(
      1,
      Buffer.concat([field(1, Buffer.from('k')), field(2, field(1, Buffer.from('v')))])
    )
    const scopeSpans = field(
      2,
      Buffer.concat([field(2, Buffer.alloc(0)), field(1, field(1, Buffer.from('s')))])
    )
    const late = field(1, Buffer.concat([scopeSpans, field(1, attribute)]))
    expect(only(decodeOtlp('traces', 'protobuf', late))).toEqual({
      signal: 'span',
      resource: { k: 'v' },
      scope: { name: 's' }
    })
  })

  it('opens encoded MCP headers before redaction', () => {
    const encoded = `=?base64?${Buffer.from('file:///tmp/é?token=x').toString('base64')}?=`
    const values = [{ stringValue: encoded }]
    const attributes = [{ key: 'http.request.header.mcp-name', value: { arrayValue: { values } } }]
    expect(span({ attributes })['attributes']).toEqual({
      'http.request.header.mcp-name': ['file:///tmp/é?token=x']
    })
  })

  it.each([
    ['a name that is a number', { name: 5 }],
    ['attributes that are no list', { attributes: { a: 1 } }],
    ['an attribute that is text', { attributes: ['a'] }],
    ['an integer that is none', { attributes: [{ key: 'a', value: { intValue: 'x' } }] }],
    ['an integer of 65 bits', { attributes: [{ key: 'a', value: { intValue: '18446744073709551616' } }] }],
    ['a time that is none', { startTimeUnixNano: 'yesterday' }],
    ['a negative time', { startTimeUnixNano: -1 }],
    ['an unknown kind', { kind: 'SPAN_KIND_NOVEL' }],
    ['a status that is text', { status: 'ok' }]
  ])('of JSON with %s goes to quarantine alone', (_, bad) => {
    const body = { resourceSpans: [{ scopeSpans: [{ spans: [{ name: 'a' }, bad, { name: 'b' }] }] }] }
    const decoded = decodeOtlp('traces', 'json', json(body))
    expect(decoded.records.map(({ data }) => (data as Data)['name'])).toEqual(['a', 'b'])
    expect(decoded.bad).toEqual([
      { index: 1, reason: expect.stringMatching(/^JSON: /), bytes: JSON.stringify(bad) }
    ])
  })

  it.each([
    ['a length beyond its end', Buffer.from([42, 200, 1])],
    ['a varint without end', Buffer.alloc(11, 0xff)],
    ['a varint that is cut', Buffer.from([48, 0x80])],
    ['a group', Buffer.from([43, 44])],
    ['wire type 6', Buffer.from([46])],
    ['field number 0', Buffer.from([2, 0])],
    ['a time of seven bytes', Buffer.concat([Buffer.from([57]), Buffer.alloc(7)])]
  ])('of protobuf with %s goes to quarantine alone', (_, bad) => {
    const name = (text: string) => field(2, field(5, Buffer.from(text)))
    const body = field(1, field(2, Buffer.concat([name('a'), field(2, bad), name('b')])))
    const decoded = decodeOtlp('traces', 'protobuf', body)
    expect(decoded.records.map(({ data }) => (data as Data)['name'])).toEqual(['a', 'b'])
    expect(decoded.bad).toEqual([{ index: 1, reason: expect.stringMatching(/^protobuf: /), bytes: bad }])
  })

  it('may hold text that is not UTF-8, which gets the replacement character', () => {
    expect(only(oneSpan(field(5, Buffer.from([0x61, 0xff, 0x62]))))['name']).toBe('a\uFFFDb')
  })
})

describe('a request', () => {
  it.each([
    ['a container of a wrong type', { resourceSpans: {} }],
    ['an inner container of a wrong type', { resourceSpans: [{ scopeSpans: 'x' }] }],
    ['a resource that is a list', { resourceSpans: [{ resource: [] }] }],
    ['broken resource attributes', { resourceSpans: [{ resource: { attributes: [7] } }] }]
  ])('of JSON with %s is refused', (_, body) => {
    expect(refusal(() => decodeOtlp('traces', 'json', json(body)))).toMatch(/^KW_BODY_UNPARSEABLE: JSON/)
  })

  it('that is truncated outside a record is refused', () => {
    const whole = encodeRequest('TracesRequest', spansOf({ name: 'abc' }))
    expect(refusal(() => decodeOtlp('traces', 'protobuf', whole.subarray(0, -1)))).toMatch(
      /^KW_BODY_UNPARSEABLE/
    )
  })

  it('is never quoted in the reason', () => {
    const secret = 'hunter2hunter2'
    for (const text of [secret, `{"resourceSpans":"${secret}"}`, `{"resourceSpans":[{"${secret}"`])
      expect(refusal(() => decodeOtlp('traces', 'json', Buffer.from(text)))).not.toContain('hunter2')
  })

  it('of metrics is counted, not read', () => {
    const body = {
      resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'a' }, { name: 'b' }] }, {}] }, {}]
    }
    expect(countMetrics('json', json(body))).toBe(2)
    expect(countMetrics('protobuf', encodeRequest('MetricsRequest', body))).toBe(2)
    expect(refusal(() => countMetrics('protobuf', Buffer.from([10, 5])))).toMatch(/^KW_BODY_UNPARSEABLE/)
  })

  it('with more records than the limit is refused before they fill the memory', () => {
    const records = Buffer.alloc((RECORDS_MAX + 1) * 2)
    for (let at = 0; at < records.length; at += 2) records[at] = 18
    expect(refusal(() => decodeOtlp('logs', 'protobuf', field(1, field(2, records))))).toMatch(
      /^KW_BODY_TOO_LARGE/
    )
  })

  it('repeats a large resource only within a budget, then its essentials', () => {
    const attributes = [
      { key: 'service.name', value: { stringValue: 'big' } },
      { key: 'ballast', value: { stringValue: 'x'.repeat(1_000_000) } }
    ]
    const logRecords = Array.from({ length: 100 }, () => ({ body: { stringValue: 'small' } }))
    const body = { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] }
    for (const decoded of [
      decodeOtlp('logs', 'json', json(body)),
      decodeOtlp('logs', 'protobuf', encodeRequest('LogsRequest', body))
    ]) {
      const last = decoded.records[99]?.data
      expect(last).toEqual({
        signal: 'log',
        body: 'small',
        resource: { 'service.name': 'big' },
        truncated: true
      })
      const size = decoded.records.reduce((sum, { data }) => sum + JSON.stringify(data).length, 0)
      expect(size).toBeLessThan(40_000_000)
    }
  })
})

describe('nesting and number', () => {
  const nestedJson = (depth: number) =>
    `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":${'{"arrayValue":{"values":['.repeat(depth)}{"intValue":1}${']}}'.repeat(depth)}}]}]}]}`
  const nestedBytes = (depth: number) => {
    let value = Buffer.from([24, 1])
    for (let level = 0; level < depth; level++) value = field(5, field(1, value))
    return field(1, field(2, field(2, field(5, value))))
  }
  const depthOf = (value: unknown): number => (Array.isArray(value) ? 1 + depthOf(value[0]) : 0)

  it.each([DEPTH_MAX - 1, DEPTH_MAX])('of %i levels is kept', depth => {
    for (const data of [
      only(decodeOtlp('logs', 'json', Buffer.from(nestedJson(depth)))),
      only(decodeOtlp('logs', 'protobuf', nestedBytes(depth)))
    ]) {
      expect(depthOf(data['body'])).toBe(depth)
      expect(data['truncated']).toBeUndefined()
    }
  })

  it.each([DEPTH_MAX + 1, 1_000, 10_000])('of %i levels is cut, the record stays and says so', depth => {
    const json = only(decodeOtlp('logs', 'json', Buffer.from(nestedJson(depth))))
    const protobuf = only(decodeOtlp('logs', 'protobuf', nestedBytes(depth)))
    expect(json).toEqual(protobuf)
    expect(depthOf(json['body'])).toBe(DEPTH_MAX)
    expect(JSON.stringify(json)).toContain(TOO_DEEP)
    expect(json['truncated']).toBe(true)
  })

  it('of maps is cut at the same level', () => {
    let value: object = { intValue: 1 }
    let bytes: Buffer = Buffer.from([24, 1])
    for (let level = 0; level < DEPTH_MAX + 1; level++) {
      value = { kvlistValue: { values: [{ key: 'k', value }] } }
      bytes = field(6, field(1, Buffer.concat([field(1, Buffer.from('k')), field(2, bytes)])))
    }
    const data = log({ body: value })
    expect(only(decodeOtlp('logs', 'protobuf', field(1, field(2, field(2, field(5, bytes))))))).toEqual(data)
    expect(JSON.stringify(data)).toContain(`{"k":"${TOO_DEEP}"}`)
    expect(data['truncated']).toBe(true)
  })

  it('of more values than the limit is cut alike in both encodings', () => {
    const attributes = Array.from({ length: VALUES_MAX + 10 }, (_, n) => ({
      key: `k${n}`,
      value: { intValue: n }
    }))
    const data = log({ attributes })
    expect(Object.keys(data['attributes'] as object)).toHaveLength(VALUES_MAX)
    expect(data['truncated']).toBe(true)
    expect(protobufLog({ attributes })).toEqual(data)
  })
})
