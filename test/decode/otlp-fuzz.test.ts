/** Laws of the OTLP decoder: it throws nothing but our errors, and both encodings of the same data are equal. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeywatchError } from '../../src/core/errors.ts'
import type { Decoded } from '../../src/core/source.ts'
import { decodeOtlp, emptyWarning } from '../../src/decode/otlp.ts'
import type { Signal } from '../../src/decode/otlp-record.ts'
import type { Encoding } from '../../src/decode/otlp-reply.ts'
import { decimal, Wire } from '../../src/decode/otlp-wire.ts'
import { logsRequest, tracesRequest } from '../bench/otlp-payload.ts'
import { encodeRequest } from './otlp-encoder.ts'

const SIGNALS: readonly Signal[] = ['traces', 'logs', 'metrics']
const ENCODINGS: readonly Encoding[] = ['protobuf', 'json']

/** Decodes; undefined for a refusal with our own words; any other error is the test's. */
function decode(signal: Signal, encoding: Encoding, body: Buffer): Decoded | undefined {
  try {
    return decodeOtlp(signal, encoding, body)
  } catch (error) {
    if (error instanceof KeywatchError && error.code === 'KW_BODY_UNPARSEABLE') return undefined
    throw error
  }
}

function survives(body: Buffer): void {
  for (const signal of SIGNALS)
    for (const encoding of ENCODINGS) {
      const decoded = decode(signal, encoding, body)
      // What was decoded can always be written: no cycle, no depth, no BigInt.
      JSON.stringify(decoded?.records ?? [])
      emptyWarning(signal, encoding, body)
    }
}

const samples = [
  encodeRequest('TracesRequest', tracesRequest(2)),
  encodeRequest('LogsRequest', logsRequest(2))
]
const texts = [tracesRequest(2), logsRequest(2)].map(request => Buffer.from(JSON.stringify(request)))

const key = fc.oneof(
  fc.string({ maxLength: 12, unit: 'grapheme' }),
  fc.constantFrom('__proto__', 'constructor', '')
)
const { value } = fc.letrec<{ value: object }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ stringValue: fc.string({ unit: 'grapheme' }) }),
    fc.record({ boolValue: fc.boolean() }),
    fc.record({ intValue: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String) }),
    fc.record({ doubleValue: fc.double({ noNaN: true, noDefaultInfinity: true }) }),
    fc.record({
      bytesValue: fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes).toString('base64'))
    }),
    fc.constant({}),
    fc.record({ arrayValue: fc.record({ values: fc.array(tie('value'), { maxLength: 3 }) }) }),
    fc.record({
      kvlistValue: fc.record({ values: fc.array(fc.record({ key, value: tie('value') }), { maxLength: 3 }) })
    })
  )
}))
const attributes = fc.array(fc.record({ key, value }), { maxLength: 5 })
const text = fc.string({ unit: 'grapheme', maxLength: 10 })
const nanos = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)
const id = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(found => Buffer.from(found).toString('hex'))
const scope = fc.record({ name: text, version: text, attributes }, { requiredKeys: [] })
const resource = fc.record({ attributes })

const span = fc.record(
  {
    traceId: id(16),
    spanId: id(8),
    parentSpanId: id(8),
    traceState: text,
    name: text,
    kind: fc.integer({ min: 0, max: 9 }),
    startTimeUnixNano: nanos,
    endTimeUnixNano: nanos,
    attributes,
    droppedAttributesCount: fc.nat(),
    events: fc.array(fc.record({ timeUnixNano: nanos, name: text, attributes }), { maxLength: 2 }),
    links: fc.array(fc.record({ traceId: id(16), spanId: id(8), attributes }), { maxLength: 2 }),
    status: fc.record({ code: fc.integer({ min: 0, max: 2 }), message: text }, { requiredKeys: [] }),
    flags: fc.nat()
  },
  { requiredKeys: [] }
)
const logRecord = fc.record(
  {
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    severityNumber: fc.integer({ min: 0, max: 24 }),
    severityText: text,
    body: value,
    attributes,
    droppedAttributesCount: fc.nat(),
    flags: fc.nat(),
    traceId: id(16),
    spanId: id(8),
    eventName: text
  },
  { requiredKeys: [] }
)
const list = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 3 })

describe('the decoder', () => {
  it('throws nothing but our own error on random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), bytes => survives(Buffer.from(bytes))))
  })

  it('throws nothing but our own error on any truncation', () => {
    for (const sample of [...samples, ...texts])
      for (let length = 0; length < sample.length; length += sample === samples[0] ? 1 : 7)
        survives(sample.subarray(0, length))
  })

  it('throws nothing but our own error on flipped bits', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...samples, ...texts),
        fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 8 }),
        (sample, flips) => {
          const copy = Buffer.from(sample)
          for (const [at, bit] of flips) copy[at % copy.length]! ^= 1 << bit
          survives(copy)
        }
      ),
      { numRuns: 300 }
    )
  })

  it('throws nothing but our own error on any JSON', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.json(), (any, other) => {
        survives(Buffer.from(any))
        survives(Buffer.from(`{"resourceSpans":[{"scopeSpans":[{"spans":[${any},${other}]}]}]}`))
        survives(
          Buffer.from(
            `{"resourceLogs":[{"resource":${any},"scopeLogs":[{"logRecords":[{"body":${other}}]}]}]}`
          )
        )
      })
    )
  })

  it('makes equal records of protobuf and JSON: spans', () => {
    const request = list(fc.record({ resource, scopeSpans: list(fc.record({ scope, spans: list(span) })) }))
    fc.assert(
      fc.property(request, resourceSpans => {
        const body = { resourceSpans }
        const json = decodeOtlp('traces', 'json', Buffer.from(JSON.stringify(body)))
        const protobuf = decodeOtlp('traces', 'protobuf', encodeRequest('TracesRequest', body))
        expect(protobuf.bad).toEqual([])
        // As text, because the order of members is equal too, and `__proto__` is compared.
        expect(JSON.stringify(protobuf)).toBe(JSON.stringify(json))
      })
    )
  })

  it('makes equal records of protobuf and JSON: logs', () => {
    const request = list(
      fc.record({ resource, scopeLogs: list(fc.record({ scope, logRecords: list(logRecord) })) })
    )
    fc.assert(
      fc.property(request, resourceLogs => {
        const body = { resourceLogs }
        const json = decodeOtlp('logs', 'json', Buffer.from(JSON.stringify(body)))
        const protobuf = decodeOtlp('logs', 'protobuf', encodeRequest('LogsRequest', body))
        expect(protobuf.bad).toEqual([])
        expect(JSON.stringify(protobuf)).toBe(JSON.stringify(json))
      })
    )
  })
})

describe('the wire reader', () => {
  it('writes any 64-bit number as BigInt does', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), number => {
        expect(decimal(Number(number >> 32n), Number(number & 0xffffffffn))).toBe(number.toString())
      }),
      { numRuns: 5_000 }
    )
  })

  it('reads any 64-bit varint as BigInt does', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), number => {
        const bytes: number[] = []
        let rest = BigInt.asUintN(64, number)
        for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
        bytes.push(Number(rest))
        const found = new Wire(Buffer.from(bytes)).int64()
        expect(String(found)).toBe(number.toString())
        expect(typeof found === 'string').toBe(!Number.isSafeInteger(Number(number)))
        expect(new Wire(Buffer.from(bytes)).int32()).toBe(Number(BigInt.asIntN(32, number)))
      }),
      { numRuns: 2_000 }
    )
  })

  it('reads recurring keys as the text they are, whatever the cache holds', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 80 }), { maxLength: 50 }), keys => {
        for (const key of [...keys, ...keys]) {
          const bytes = Buffer.from(key)
          const wire = new Wire(
            Buffer.concat([Buffer.from([(bytes.length & 127) | 128, bytes.length >> 7]), bytes])
          )
          expect(wire.key()).toBe(bytes.toString('utf8'))
        }
      })
    )
  })
})
