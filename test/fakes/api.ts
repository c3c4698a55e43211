/** The parts that the API talks to, as small fakes behind the ports. */
import { createHash } from 'node:crypto'
import { matches } from '../../src/api/match.ts'
import { apiActivity } from '../../src/core/build.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import type { Intake, IntakeTarget } from '../../src/core/intake.ts'
import type { Clock, Entry, EntryBatch, Journal, Log, Refusal } from '../../src/core/ports.ts'
import type { Limits, Scope, Token } from '../../src/core/settings.ts'
import type { IntakeRequest, Reply } from '../../src/core/source.ts'
import type { CredentialSummary, Hit, JournalName, Store } from '../../src/core/store.ts'

export const NOW = Date.UTC(2026, 10, 22, 12, 0, 0)
const letters = (seed: string) => createHash('sha256').update(seed).digest('base64url').slice(0, 22)
export const fingerprintOf = (secret: string) => `kwfp1.k1.${letters(secret)}`

/** Time that stands still until `advance`. */
export function fakeClock() {
  let now = NOW
  const waiting = new Set<{ at: number; wake: () => void }>()
  const clock: Clock = {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise(resolve => {
        if (signal?.aborted) return resolve()
        const one = {
          at: now + ms,
          wake: () => {
            waiting.delete(one)
            resolve()
          }
        }
        waiting.add(one)
        signal?.addEventListener('abort', one.wake, { once: true })
      })
  }
  const advance = (ms: number) => {
    now += ms
    for (const one of [...waiting]) if (one.at <= now) one.wake()
  }
  return { ...clock, advance, sleeping: () => waiting.size }
}

export interface LogLine {
  readonly level: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}
export function fakeLog() {
  const lines: LogLine[] = []
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    lines.push({ level, fields, message })
  }
  const log: Log = { info: at('info'), warn: at('warn'), error: at('error') }
  return { ...log, lines, text: () => JSON.stringify(lines) }
}

/** A journal in an array. `broken` holds sequences that cannot be read. */
export function fakeJournal(name: string) {
  const entries: Entry[] = []
  const broken = new Set<number>()
  let wake = () => {}
  async function* read(
    from: string | null,
    options: { signal?: AbortSignal; follow?: boolean; entriesMax?: number } = {}
  ): AsyncGenerator<EntryBatch> {
    let at = from === null ? 0 : Number(from)
    while (!options.signal?.aborted) {
      const batch = entries.slice(at, at + (options.entriesMax ?? 1000))
      at += batch.length
      if (batch.length > 0) yield { entries: batch, next: String(at) }
      else if (!options.follow) return
      else
        await new Promise<void>(resolve => {
          wake = resolve
          options.signal?.addEventListener('abort', () => resolve(), { once: true })
        })
    }
  }
  const journal: Journal = {
    name,
    async append(events) {
      const first = entries.length
      for (const event of events) {
        const sequence = entries.length
        const length = Buffer.byteLength(JSON.stringify(event))
        entries.push({ sequence, pointer: { segment: 0, offset: sequence, length }, event })
      }
      wake()
      return { first, count: events.length }
    },
    read,
    fetch: async pointers =>
      pointers.map(({ offset }) => (broken.has(offset) ? undefined : entries[offset]?.event)),
    head: () => String(entries.length),
    size: () => entries.length,
    lag: from => entries.length - Number(from ?? 0),
    mark: () => undefined,
    healthy: () => true,
    close: async () => {}
  }
  return { ...journal, entries, broken }
}
export type FakeJournal = ReturnType<typeof fakeJournal>

/** An index that is always up to date unless `behind` says otherwise; it remembers what it was asked. */
export function fakeStore(journals: Record<JournalName, FakeJournal>) {
  const asked: object[] = []
  /** `stuck`: what waits cannot be written. `fail`: what is written cannot be read either. */
  const state = { behind: 0, flushes: 0, stuck: false, fail: false }
  const newest = (name: JournalName): Entry[] =>
    journals[name].entries
      .slice(0, journals[name].entries.length - state.behind)
      .sort((a, b) => b.event.time - a.event.time || b.sequence - a.sequence)
  const hit = ({ sequence, pointer, event }: Entry): Hit => ({ sequence, pointer, time: event.time })
  const after = (entry: Entry, key: { time: number; sequence: number } | undefined) =>
    key === undefined ||
    entry.event.time < key.time ||
    (entry.event.time === key.time && entry.sequence < key.sequence)
  const inRange = (entry: Entry, query: { from?: number; to?: number; uid?: string }) =>
    entry.event.time >= (query.from ?? 0) &&
    entry.event.time < (query.to ?? Number.POSITIVE_INFINITY) &&
    (query.uid === undefined || entry.event.metadata.uid === query.uid)
  const using = (fingerprint: string) =>
    newest('events').filter(one => matches(one.event, { credentials: [fingerprint] }))
  const store: Store = {
    put: async () => {},
    flush: async () => {
      state.flushes++
      if (state.stuck || state.fail) throw new Error('SECRET in a message of the database')
    },
    cursor: name => String(journals[name].entries.length - state.behind),
    async events(query) {
      asked.push(query)
      if (state.fail) throw new Error('SECRET in a message of the database')
      const fits = (one: Entry) =>
        inRange(one, query) && after(one, query.before) && matches(one.event, query)
      return newest('events').filter(fits).slice(0, query.limit).map(hit)
    },
    async findings(query) {
      asked.push(query)
      const fits = (one: Entry) => inRange(one, query) && after(one, query.before)
      return newest('findings').filter(fits).slice(0, query.limit).map(hit)
    },
    async credential(fingerprints) {
      return fingerprints.flatMap((fingerprint): CredentialSummary[] => {
        const found = using(fingerprint)
        if (found.length === 0) return []
        const times = found.map(one => one.event.time)
        const none: string[] = []
        return [
          {
            fingerprint,
            types: ['github-pat'],
            events: found.length,
            presented: found.length,
            exposed: 0,
            firstSeen: Math.min(...times),
            lastSeen: Math.max(...times),
            servers: none,
            actors: none,
            ips: none,
            sources: none
          }
        ]
      })
    },
    rows: async name => journals[name].entries.length,
    clear: async () => {},
    close: async () => {}
  }
  return { ...store, asked, state }
}

const TARGETS: Readonly<Record<string, Partial<IntakeTarget>>> = {
  'hooks/signed': { needsToken: false },
  'hooks/plain': {},
  'hooks/small': { bodyBytesMax: 1000 },
  'hooks/get': { needsToken: false, methods: ['GET', 'POST'] },
  'ingest/plain': {},
  'otlp/': {}
}

/** Answers 200 with what it received, unless `answer` or `fail` say otherwise. */
export function fakeIntake() {
  const received: { target: IntakeTarget; request: IntakeRequest }[] = []
  const refused: { target: IntakeTarget; refusal: Refusal }[] = []
  const settled: boolean[] = []
  const state: { answer?: Reply; fail?: boolean; wait?: Promise<void> } = {}
  const intake: Intake = {
    target(route, id) {
      const found = Object.hasOwn(TARGETS, `${route}/${id}`) ? TARGETS[`${route}/${id}`] : undefined
      if (found === undefined) return undefined
      const base = { route, sourceId: id || 'otlp', needsToken: true, bodyBytesMax: 64e6, methods: ['POST'] }
      return { ...base, ...found }
    },
    async receive(target, request) {
      received.push({ target, request })
      await state.wait
      if (state.fail) throw new Error('SECRET in a message of intake')
      const body = JSON.stringify({ accepted: 1, quarantined: 0, duplicates: 0 })
      const reply = state.answer ?? { status: 200, body }
      return { ...reply, settled: delivered => settled.push(delivered) }
    },
    refuse(target, _request, refusal) {
      refused.push({ target, refusal })
      const status = { code: refusal.code, message: refusal.reason }
      const settle = (delivered: boolean) => settled.push(delivered)
      if (target.route === 'otlp')
        return {
          status: refusal.status,
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify({ ...status, otlp: true }),
          settled: settle
        }
      return { status: refusal.status, body: JSON.stringify({ error: status }), settled: settle }
    }
  }
  return { ...intake, received, refused, settled, state }
}

export const LIMITS: Limits = {
  body: 1_000_000,
  inflatedBody: 16 * 1024 * 1024,
  recordsPerBody: 10_000,
  record: 1_000_000,
  depth: 64,
  keys: 2000,
  pendingBytes: 64e6,
  connections: 100,
  requestTimeoutMs: 5000,
  deliveries: 1000,
  clockSkewMs: 300_000,
  page: 1000
}

export const token = (name: string, scopes: readonly Scope[]): Token => ({
  name,
  sha256: createHash('sha256').update(`token-${name}`).digest('hex'),
  scopes
})
export const bearer = (name: string) => ({ authorization: `Bearer token-${name}` })

/** An MCP call; `n` makes it distinct and orders it in time. */
export function anEvent(
  n: number,
  change: { actor?: string; secret?: string; message?: string } = {}
): OcsfEvent {
  const event = apiActivity({
    time: NOW - 3_600_000 + n * 1000,
    activity: 'other',
    activityName: 'tools/call',
    api: { operation: 'tools/call' },
    actor: { user: { name: change.actor ?? 'alice' } },
    src: { ip: '192.0.2.10' },
    ...(change.message === undefined ? {} : { message: change.message }),
    keywatch: {
      action: 'mcp.tools/call',
      mcp: { method: 'tools/call', server: { name: 'github-mcp-server' } },
      credentials: [
        {
          fingerprint: fingerprintOf(change.secret ?? 'hunter2'),
          type: 'github-pat',
          where: 'request.headers.authorization',
          use: 'presented'
        }
      ]
    }
  })
  event.metadata.uid = `018f6c1e-9d1c-7c4a-8b1d-${String(n).padStart(12, '0')}`
  event.metadata.logged_time = event.time + 5
  event.unmapped.keywatch.source = 'edge'
  event.unmapped.keywatch.source_type = 'mcp'
  return event
}
