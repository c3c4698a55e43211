/** The spine with a real journal on a simulated disk and a source of ten lines. */
import { apiActivity } from '../../src/core/build.ts'
import { KeywatchError } from '../../src/core/errors.ts'
import type { IntakeTarget } from '../../src/core/intake.ts'
import type { Disk, Metrics, Redactor } from '../../src/core/ports.ts'
import type { Limits } from '../../src/core/settings.ts'
import type { IntakeRequest, Source } from '../../src/core/source.ts'
import { createIngest, type IngestOptions } from '../../src/ingest.ts'
import type { FileJournal } from '../../src/journal/file.ts'
import { type FakeClock, fakeClock } from '../fakes/clock.ts'
import { fakeLog } from '../fakes/log.ts'
import { openTestJournal } from '../journal/setup.ts'

export const LIMITS: Limits = {
  body: 1 << 20,
  inflatedBody: 1 << 22,
  recordsPerBody: 1000,
  record: 1 << 16,
  depth: 64,
  keys: 5000,
  pendingBytes: 1 << 22,
  connections: 100,
  requestTimeoutMs: 30_000,
  deliveries: 1000,
  clockSkewMs: 300_000,
  page: 100
}

export const noMetrics: Metrics = { count: () => undefined, gauge: () => undefined, observe: () => undefined }

/** Takes `SECRET-<x>` out of texts and texts inside JSON, so that a test sees whether redaction ran. */
export const toyRedactor: Redactor = {
  record(record) {
    const raw = record.raw ?? JSON.stringify(record.data)
    const found = raw.match(/SECRET-\w+/g) ?? []
    const clean = raw.replaceAll(/SECRET-\w+/g, '[REDACTED]')
    return {
      data: record.kind === 'json' ? JSON.parse(clean) : record.data,
      raw: clean,
      credentials: found.map(() => ({ type: 'toy', where: 'somewhere', use: 'exposed' as const }))
    }
  },
  text: text => text.replaceAll(/SECRET-\w+/g, '[REDACTED]'),
  fingerprints: () => []
}

/** JSON bodies `{n, id?, skip?, fail?, time?}` or arrays of them; `bad` is an undecodable record. */
export const toySource = (more: Partial<Source> = {}): Source => ({
  route: 'hooks',
  authenticate: request =>
    request.headers.has('x-wrong')
      ? { status: 401, code: 'KW_AUTH_SIGNATURE', reason: 'wrong signature' }
      : undefined,
  decode(request) {
    const text = request.body.toString('utf8')
    if (text.startsWith('!')) throw new KeywatchError('KW_BODY_UNPARSEABLE', 'the body is not JSON')
    const value: unknown = JSON.parse(text)
    const list = Array.isArray(value) ? value : [value]
    const bad = list.flatMap((one, index) =>
      one === 'bad' ? [{ index, reason: 'not an object', bytes: 'SECRET-line', keep: true }] : []
    )
    return { records: list.filter(one => one !== 'bad').map(data => ({ data, kind: 'json' as const })), bad }
  },
  normalise(record, meta) {
    const data = record.data as {
      n: number
      id?: string
      skip?: boolean
      fail?: boolean
      twice?: boolean
      time?: number
    }
    if (data.skip) return undefined
    if (data.fail) throw new TypeError('SECRET-inside an error')
    const make = () =>
      apiActivity({
        time: data.time ?? meta.receivedAt,
        id: data.id,
        activity: 'read',
        api: { operation: `n${data.n}` },
        raw: record.raw
      })
    return data.twice ? [make(), make()] : make()
  },
  ...more
})

export const request = (body: string, headers: Record<string, string> = {}, at = 0): IntakeRequest => ({
  method: 'POST',
  path: '',
  query: new URLSearchParams(),
  headers: new Map(Object.entries(headers).map(([name, value]) => [name, [value]])),
  body: Buffer.from(body),
  remoteAddress: '127.0.0.1',
  receivedAt: at
})

export interface Harness {
  journal: FileJournal
  clock: FakeClock
  ingest: ReturnType<typeof createIngest>
  target: IntakeTarget
  /** Posts and parses the answer. */
  post(
    body: string,
    headers?: Record<string, string>,
    delivered?: boolean | undefined
  ): Promise<{ status: number; body: Record<string, unknown> }>
}

export async function harness(
  disk: Disk,
  source: Source = toySource(),
  more: Partial<IngestOptions> = {},
  clock = fakeClock()
): Promise<Harness> {
  const journal = await openTestJournal(disk, '/j', { clock, segmentBytes: 1 << 20 })
  const ingest = createIngest({
    sources: [{ id: 'toy', type: 'toy', source }],
    redactor: toyRedactor,
    contexts: [],
    journal,
    metrics: noMetrics,
    clock,
    log: fakeLog(),
    limits: LIMITS,
    span: (_name, _attributes, run) => run(),
    ...more
  })
  const target = ingest.target('hooks', 'toy')
  if (!target) throw new Error('no target')
  return {
    journal,
    clock,
    ingest,
    target,
    async post(body, headers = {}, delivered = true) {
      const answer = await ingest.receive(target, request(body, headers, clock.now()))
      answer.settled?.(delivered)
      return { status: answer.status, body: JSON.parse(answer.body.toString()) as Record<string, unknown> }
    }
  }
}
