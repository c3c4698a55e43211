/**
 * What every source promises, in one call: golden requests to golden events, no event without the right
 * signature, and no body and no record, however broken or hostile, that makes it throw anything but a
 * KeywatchError or say anything that quotes its input.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { KeywatchError } from '../../src/core/errors.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import type { CleanRecord, RawRecord, Refusal } from '../../src/core/ports.ts'
import type {
  Decoded,
  IntakeRequest,
  Source,
  SourceContext,
  SourceDefinition
} from '../../src/core/source.ts'
import { realDisk } from '../../src/lib/disk.ts'
import { eventIdOf } from '../../src/lib/event-id.ts'
import { fakeClock } from '../fakes/clock.ts'
import { fakeLog } from '../fakes/log.ts'
import { expectOcsf } from '../ocsf.ts'

export const RECEIVED_AT = Date.UTC(2026, 10, 22, 12)

export interface SourceContract {
  /** Options as in keywatch.yml. */
  readonly options: Record<string, unknown>
  /** Names under test/fixtures/sources: `<name>.http` (a raw request) and `<name>.events.ndjson` (golden). */
  readonly fixtures: readonly string[]
  /** How a sender proves who it is; the header, and its value for a body. Absent: the listener's tokens decide. */
  readonly signature?: { readonly header: string; readonly value: (body: Buffer) => string }
}

/** The source with its schema's defaults, on loopback unless told otherwise. */
export function openSource<T extends z.ZodType>(
  definition: SourceDefinition<T>,
  options: Record<string, unknown>,
  given: Partial<SourceContext> = {}
): Source {
  const context = {
    id: 'under-test',
    clock: fakeClock(RECEIVED_AT),
    disk: realDisk,
    log: fakeLog(),
    loopback: true
  }
  return definition.open(definition.options.parse(options), { ...context, ...given })
}

const fixturePath = (name: string) => fileURLToPath(new URL(`../fixtures/sources/${name}`, import.meta.url))

export function requestOf(
  body: Buffer | string,
  headers: Readonly<Record<string, string>> = {}
): IntakeRequest {
  return {
    method: 'POST',
    path: '',
    query: new URLSearchParams(),
    headers: new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), [value]])),
    body: Buffer.from(body),
    remoteAddress: '127.0.0.1',
    receivedAt: RECEIVED_AT
  }
}

/** A request in a file: request line, headers, empty line, body. The last newline of the file is not of the body. */
export function fixtureRequest(
  name: string,
  contract: Pick<SourceContract, 'signature'> = {}
): IntakeRequest {
  const file = readFileSync(fixturePath(`${name}.http`))
  const split = file.indexOf('\n\n')
  const [line = '', ...lines] = file.toString('latin1', 0, split).split('\n')
  const body = file.subarray(split + 2, file.at(-1) === 0x0a ? -1 : undefined)
  const headers = Object.fromEntries(
    lines.map(one => [one.slice(0, one.indexOf(':')), one.slice(one.indexOf(':') + 1).trim()])
  )
  const signed = contract.signature ? { [contract.signature.header]: contract.signature.value(body) } : {}
  const [method = '', target = ''] = line.split(' ')
  const url = new URL(target, 'http://localhost')
  const path = url.pathname.split('/').slice(3).join('/')
  return { ...requestOf(body, { ...headers, ...signed }), method, path, query: url.searchParams }
}

/** A redactor that finds nothing: the real one has tests of its own. */
export const uncleaned = ({ data, raw }: RawRecord): CleanRecord => ({
  data,
  raw: raw ?? JSON.stringify(data),
  credentials: []
})

/** The events of a record, finished as the spine does it but with ids that are equal in every run. */
export function eventsOf(source: Source, record: CleanRecord): OcsfEvent[] {
  const made = source.normalise(record, {
    sourceId: 'under-test',
    receivedAt: RECEIVED_AT,
    remoteAddress: '127.0.0.1'
  })
  const events: readonly OcsfEvent[] = made === undefined ? [] : 'entries' in made ? made : [made]
  for (const [at, event] of events.entries()) {
    event.metadata.uid = eventIdOf(record.raw, String(at))
    event.metadata.logged_time = RECEIVED_AT
    event.unmapped.keywatch.source = 'under-test'
    event.unmapped.keywatch.source_type = 'under-test'
  }
  return [...events]
}

export interface Outcome {
  readonly refusal: Refusal | undefined
  readonly decoded: Decoded | undefined
  readonly events: OcsfEvent[]
  /** Why records could not be mapped: the spine puts those into quarantine. */
  readonly unmapped: string[]
}

/** Everything that a request becomes: a refusal, or events and what was said about bad and unmapped records. */
export function outcomeOf(source: Source, request: IntakeRequest): Outcome {
  const refusal = source.authenticate?.(request)
  if (refusal) return { refusal, decoded: undefined, events: [], unmapped: [] }
  const outcome: Outcome = { refusal, decoded: source.decode?.(request), events: [], unmapped: [] }
  for (const record of outcome.decoded?.records ?? []) {
    try {
      outcome.events.push(...eventsOf(source, uncleaned(record)))
    } catch (error) {
      if (!(error instanceof KeywatchError)) throw error
      outcome.unmapped.push(error.message)
    }
  }
  return outcome
}

/** The text of an outcome that a golden file holds. */
const goldenText = ({ decoded, events, unmapped }: Outcome): string =>
  [
    ...events,
    ...unmapped.map(reason => ({ unmapped: { reason } })),
    ...(decoded?.bad ?? []).map(({ index, reason, keep }) => ({
      bad: { index, reason, keep: keep ?? false }
    }))
  ]
    .map(line => `${JSON.stringify(line)}\n`)
    .join('')

const PLANTED = 'Pl4nted-v4lue-that-nobody-may-quote'

/** Runs it; whatever is thrown must be ours, and nothing that is said may quote the planted value. */
function runs<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    expect(error).toBeInstanceOf(KeywatchError)
    expect(String(error)).not.toContain(PLANTED)
    return undefined
  }
}

const WILD: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    '-',
    0,
    -1,
    1e308,
    5e-324,
    -0,
    [],
    {},
    [[]],
    'a'.repeat(100_000),
    '\u0000',
    '\ud800',
    '__proto__'
  ),
  fc.constantFrom<unknown>(
    'GET',
    'tools/call',
    'tools/\u202e',
    '499',
    '000',
    '2026-99-99T00:00:00Z',
    '1e400',
    '[::1]:80',
    'http://@:x/?#'
  ),
  fc.jsonValue(),
  fc.string({ unit: 'binary' })
)

/** A deep copy with one member, somewhere, replaced or added. */
function mutated(value: unknown, choice: number, wild: unknown): unknown {
  const copy: unknown = structuredClone(value)
  const places: [Record<string, unknown>, string][] = []
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return
    // Marked boundary: arrays too are indexed by their keys here.
    const object = node as Record<string, unknown>
    // JSON has no way to give an array a named member.
    const added = Array.isArray(node) ? [] : ['constructor', 'toString', 'diff', 'headers']
    for (const key of [...Object.keys(object), ...added]) places.push([object, key])
    for (const child of Object.values(object)) visit(child)
  }
  visit(copy)
  const place = places[choice % Math.max(1, places.length)]
  if (place === undefined) return wild
  place[0][place[1]] = wild
  return copy
}

const deep = (levels: number) => `${'{"a":['.repeat(levels)}1${']}'.repeat(levels)}`

/** Bodies that broke somebody's parser once. */
const HOSTILE: readonly [name: string, body: Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['white space', Buffer.from(' \r\n\t\r\n')],
  [
    'a prototype key',
    Buffer.from('{"__proto__":{"type":"x","status":500},"constructor":{"prototype":{"type":"y"}}}')
  ],
  ['nesting of 20,000', Buffer.from(deep(10_000))],
  ['nesting that never closes', Buffer.from('['.repeat(100_000))],
  ['a text of 1 MB', Buffer.from(JSON.stringify({ type: 'x', message: 'A'.repeat(1 << 20) }))],
  ['a line of 1 MB', Buffer.alloc(1 << 20, 0x41)],
  ['1 MB of quotes', Buffer.alloc(1 << 20, 0x22)],
  ['1 MB of backslashes', Buffer.alloc(1 << 20, 0x5c)],
  ['1 MB of newlines', Buffer.alloc(1 << 20, 0x0a)],
  ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
  ['a byte order mark', Buffer.from('\ufeff{}')],
  ['UTF-16', Buffer.from('{"type":"x"}', 'utf16le')],
  ['NUL bytes', Buffer.alloc(4096)],
  ['a gzip header', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0])],
  ['broken JSON with a value in it', Buffer.from(`{"password":"${PLANTED}",`)],
  ['a broken array', Buffer.from(`[{"password":"${PLANTED}"}, {"password":"${PLANTED}`)],
  ['scalars', Buffer.from('1\n"two"\nnull\ntrue\n[]')]
]

/** Everything an authentic body does to a source; nothing of it may throw past a KeywatchError. */
function endures(source: Source, request: IntakeRequest): void {
  const decoded = runs(() => source.decode?.(request))
  for (const bad of decoded?.bad ?? []) {
    expect(bad.reason).not.toContain(PLANTED)
    expect(Buffer.byteLength(bad.bytes)).toBeLessThanOrEqual(request.body.length * 3)
  }
  for (const record of decoded?.records ?? []) {
    for (const event of runs(() => eventsOf(source, uncleaned(record))) ?? []) expectOcsf(event)
    // A redactor that fails closed leaves a text of its own where the record was.
    for (const event of runs(() => eventsOf(source, { data: 'removed', raw: 'removed', credentials: [] })) ??
      [])
      expectOcsf(event)
  }
}

/** The checks of one source. `definition` is its default export. */
export function sourceContract<T extends z.ZodType>(
  definition: SourceDefinition<T>,
  contract: SourceContract
): void {
  const source = openSource(definition, contract.options)
  const { signature } = contract
  const authentic = (body: Buffer) =>
    requestOf(body, signature ? { [signature.header]: signature.value(body) } : {})
  const requests = contract.fixtures.map(name => [name, fixtureRequest(name, contract)] as const)

  describe(`${definition.name}, as every source`, () => {
    it('describes its options, refuses an unknown one, and marks its secrets', () => {
      expect(() => definition.options.parse({ ...contract.options, unheardOf: 1 })).toThrow()
      const schema = JSON.stringify(z.toJSONSchema(definition.options, { io: 'input' }))
      if (signature) expect(schema).toContain('"secret":true')
      expect(definition.summary).toMatch(/^[A-Z].*\.$/)
    })

    it.each(requests)('turns %s into its golden events, each valid OCSF', async (name, request) => {
      const outcome = outcomeOf(source, request)
      expect(outcome.refusal).toBeUndefined()
      for (const event of outcome.events) expectOcsf(event)
      const golden = fixturePath(`${name}.events.ndjson`)
      if (process.env['CI'] === 'true') expect(existsSync(golden)).toBe(true)
      await expect(goldenText(outcome)).toMatchFileSnapshot(golden)
    })

    it.each(requests)('makes the same of %s again: nothing is kept between requests', (_, request) => {
      const first = goldenText(outcomeOf(source, request))
      runs(() => source.decode?.(requestOf('{"time":1,"status":500,"user":"someone"}')))
      expect(goldenText(outcomeOf(source, request))).toBe(first)
    })

    it.each(HOSTILE)('endures %s', (_, body) => {
      endures(source, authentic(body))
    })

    it('endures a golden request that is cut off anywhere', () => {
      fc.assert(
        fc.property(fc.constantFrom(...requests), fc.nat(), ([, { body }], at) => {
          endures(source, authentic(body.subarray(0, at % (body.length + 1))))
        }),
        { numRuns: 60 }
      )
    })

    it('endures any bytes and any JSON', () => {
      const bodies = fc.oneof(
        fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
        fc.json().map(text => Buffer.from(text)),
        fc.array(fc.json(), { maxLength: 5 }).map(lines => Buffer.from(lines.join('\n')))
      )
      fc.assert(
        fc.property(bodies, body => endures(source, authentic(body))),
        { numRuns: 200 }
      )
    })

    it('endures a golden record with any one member changed into anything', () => {
      const records = requests.flatMap(([, request]) => outcomeOf(source, request).decoded?.records ?? [])
      fc.assert(
        fc.property(fc.constantFrom(...records), fc.nat(), WILD, (record, choice, wild) => {
          const data = mutated(record.data, choice, wild)
          for (const event of runs(() => eventsOf(source, { data, raw: 'changed', credentials: [] })) ?? [])
            expectOcsf(event)
        }),
        { numRuns: 500 }
      )
    })

    if (signature) signed(source, signature, requests)
  })
}

/** Only for sources that authenticate by a signature over the body. */
function signed(
  source: Source,
  signature: NonNullable<SourceContract['signature']>,
  requests: readonly (readonly [string, IntakeRequest])[]
): void {
  const [, good] = requests[0] ?? ['', requestOf('{}')]
  const name = signature.header.toLowerCase()
  const value = signature.value(good.body)
  const withValues = (...values: string[]): IntakeRequest => ({
    ...good,
    headers: new Map(
      [...good.headers, [name, values]].filter(([key]) => values.length > 0 || key !== name) as [
        string,
        string[]
      ][]
    )
  })
  const refused = (request: IntakeRequest) => {
    const { refusal, events } = outcomeOf(source, request)
    expect(refusal).toMatchObject({ status: 401, code: 'KW_AUTH_SIGNATURE' })
    expect(refusal?.reason).not.toContain(value)
    expect(events).toEqual([])
  }

  it.each([
    ['missing', []],
    ['empty', ['']],
    ['doubled', [value, value]],
    ['doubled, one wrong', [value, 'x']],
    ['in upper case', [value.toUpperCase()]],
    ['of upper-case digits', [value.replace(/[a-f]/g, digit => digit.toUpperCase())]],
    ['cut off', [value.slice(0, -1)]],
    ['too long', [`${value}0`]],
    ['with a space', [` ${value}`]],
    ['of another body', [signature.value(Buffer.from('another'))]],
    ['without its prefix', [value.slice(value.indexOf('=') + 1)]]
  ])('makes no event when the signature is %s', (_, values) => {
    expect(source.authenticate?.(good)).toBeUndefined()
    refused(withValues(...values))
  })

  it('makes no event when any one bit of the body is another', () => {
    fc.assert(
      fc.property(fc.nat({ max: good.body.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        const body = Buffer.from(good.body)
        body[at] = (body[at] ?? 0) ^ (1 << bit)
        refused({ ...good, body })
      }),
      { numRuns: 100 }
    )
  })

  it('makes no event of any body whose signature is any text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (body, text) => {
        refused({ ...withValues(text), body: Buffer.from(body) })
      })
    )
  })
}
