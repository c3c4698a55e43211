/**
 * Left of the journal: authenticate → decode → redact → normalise → context → append → answer. Small and
 * strict: a sender gets 2xx only when its events are durable and chained; a record that cannot become an
 * event is kept, redacted, as a quarantine event; nothing is retried and nothing is dropped.
 *
 * Redaction stands before normalise (DESIGN draws it after): the mapping code, which changes most often,
 * then never holds a credential, and every record is walked once instead of twice.
 */
import { createHash } from 'node:crypto'
import { plainAnswer, refusalOf } from './answers.ts'
import { translationError } from './core/build.ts'
import type { Context } from './core/context.ts'
import { CredentialUse } from './core/credential.ts'
import { type ErrorCode, reasonOf } from './core/errors.ts'
import type { OcsfEvent } from './core/event.ts'
import type { Intake, IntakeAnswer, IntakeTarget, Route } from './core/intake.ts'
import type {
  CleanRecord,
  Clock,
  Journal,
  Log,
  Mark,
  Metrics,
  RawRecord,
  Redactor,
  Refusal
} from './core/ports.ts'
import type { Limits } from './core/settings.ts'
import type {
  BadRecord,
  Decoded,
  Feed,
  IntakeRequest,
  IntakeResult,
  NormaliseMeta,
  Source
} from './core/source.ts'
import { createDeliveries, deliveryBody } from './deliveries.ts'
import { eventIdOf, uuidV7 } from './lib/event-id.ts'

/** A configured source: its id, its type's name, and the opened thing. */
export interface OpenSource {
  readonly id: string
  readonly type: string
  readonly source: Source
}

export interface IngestOptions {
  readonly sources: readonly OpenSource[]
  readonly redactor: Redactor
  readonly contexts: readonly Context[]
  readonly journal: Journal
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Log
  readonly limits: Limits
  /** Wraps a stage for our own traces; attributes are counts and ids from the configuration. */
  readonly span: <T>(
    name: string,
    attributes: Readonly<Record<string, string | number>>,
    run: () => Promise<T>
  ) => Promise<T>
}

export interface Ingest extends Intake {
  /** The way in for what a source pulls by itself. */
  feed(open: OpenSource): Feed
  mark(open: OpenSource, key: string): string | undefined
}

const METHODS = ['POST']

const markKey = (open: OpenSource, key: string) => `s:${open.id}:${key}`

export function createIngest(options: IngestOptions): Ingest {
  const { redactor, contexts, journal, metrics, clock, log, limits } = options
  const byId = new Map(options.sources.map(open => [open.id, open]))
  const otlp = options.sources.find(open => open.source.route === 'otlp')
  const deliveries = createDeliveries(journal, clock, limits.deliveries)
  const nextId = uuidV7()

  /** What the spine adds to every event. */
  function finish(
    event: OcsfEvent,
    open: OpenSource,
    clean: CleanRecord | undefined,
    now: number,
    part: number
  ): OcsfEvent {
    const { metadata } = event
    const own = event.unmapped.keywatch
    const vendorId = metadata.original_event_uid
    metadata.uid = vendorId === undefined ? nextId(now) : eventIdOf(open.id, vendorId, String(part))
    metadata.logged_time = now
    own.source = open.id
    own.source_type = open.type
    if (clean !== undefined && clean.credentials.length > 0) own.credentials = [...clean.credentials]
    if (clean?.truncated === true) own.truncated = true
    if (!(event.time > 0) || event.time > now + limits.clockSkewMs) {
      event.time = now
      own.clock_skew = true
    }
    for (const context of contexts) context.apply(event)
    return event
  }

  /** A line that no grammar fits: redacted as a whole, its credentials listed. */
  const cleanLine = (line: string) => redactor.record({ data: { line }, raw: line, kind: 'line' })

  function quarantine(
    open: OpenSource,
    bad: BadRecord,
    code: ErrorCode,
    now: number,
    known?: CleanRecord
  ): OcsfEvent {
    const bytes = typeof bad.bytes === 'string' ? Buffer.from(bad.bytes) : bad.bytes
    const clean = known ?? (bad.keep === true ? cleanLine(bytes.toString('utf8')) : undefined)
    const event = translationError({
      time: now,
      message: bad.reason,
      statusCode: code,
      raw: clean?.raw,
      keywatch: {
        action: 'keywatch.quarantine',
        quarantine: {
          code,
          reason: bad.reason,
          bytes: bytes.length,
          sha256: createHash('sha256').update(bytes).digest('hex'),
          record: bad.index
        }
      }
    })
    return finish(event, open, clean, now, bad.index)
  }

  /** One record to its events; a record that cannot be mapped becomes a quarantine event. */
  function take(
    open: OpenSource,
    record: RawRecord,
    index: number,
    meta: NormaliseMeta,
    into: OcsfEvent[],
    found: Record<CredentialUse, number>
  ): boolean {
    const clean = redactor.record(record)
    for (const { use } of clean.credentials) found[use]++
    if (clean.truncated === true) metrics.count('keywatch_redaction_failures_total', { source: open.id })
    try {
      const made = open.source.normalise(clean, meta)
      if (made === undefined) return true
      if ('entries' in made) {
        for (const [part, event] of made.entries())
          into.push(finish(event, open, clean, meta.receivedAt, part))
      } else into.push(finish(made, open, clean, meta.receivedAt, 0))
      return true
    } catch (error) {
      const reason = `the record cannot be mapped to an event (${reasonOf(error)})`
      const bad: BadRecord = { index, reason, bytes: clean.raw }
      into.push(quarantine(open, bad, 'KW_RECORD_UNMAPPED', meta.receivedAt, clean))
      return false
    }
  }

  function transform(
    open: OpenSource,
    decoded: Decoded,
    meta: NormaliseMeta
  ): { events: OcsfEvent[]; result: IntakeResult } {
    const events: OcsfEvent[] = []
    let quarantined = decoded.bad.length
    for (const bad of decoded.bad)
      events.push(quarantine(open, bad, 'KW_RECORD_UNPARSEABLE', meta.receivedAt))
    // Counted once a body: a labelled counter costs as much as a small record.
    const found = { presented: 0, exposed: 0 }
    decoded.records.forEach((record, index) => {
      if (!take(open, record, index, meta, events, found)) quarantined++
    })
    for (const use of CredentialUse.options) {
      if (found[use] > 0) metrics.count('keywatch_credentials_total', { source: open.id, use }, found[use])
    }
    const accepted = decoded.records.length + decoded.bad.length - quarantined
    return { events, result: { accepted, quarantined, duplicates: 0 } }
  }

  function counted(open: OpenSource, result: IntakeResult): void {
    const add = (name: keyof IntakeResult) => {
      if (result[name] > 0)
        metrics.count('keywatch_records_total', { source: open.id, result: name }, result[name])
    }
    add('accepted')
    add('quarantined')
    add('duplicates')
  }

  async function append(
    open: OpenSource,
    events: readonly OcsfEvent[],
    marks: readonly Mark[]
  ): Promise<void> {
    if (events.length === 0 && marks.length === 0) return
    await options.span('append', { source: open.id, events: events.length }, () =>
      journal.append(events, marks)
    )
  }

  function answer(
    open: OpenSource,
    request: IntakeRequest,
    outcome: { result: IntakeResult } | { refusal: Refusal }
  ): IntakeAnswer {
    const refused = 'refusal' in outcome ? outcome.refusal : undefined
    if (refused) metrics.count('keywatch_refusals_total', { source: open.id, code: refused.code })
    const reply = open.source.answer?.(request, outcome) ?? plainAnswer(outcome)
    metrics.count('keywatch_requests_total', { source: open.id, status: String(reply.status) })
    if (refused && refused.status >= 500)
      log.warn({ source: open.id, code: refused.code, reason: refused.reason }, 'a delivery was refused')
    return reply
  }

  /**
   * All that happens to a body before the append. A function of its own so that nothing but its result outlives
   * it: what an async function holds while it waits for the disk is copied by every scavenge of V8 meanwhile.
   */
  function prepare(open: OpenSource, request: IntakeRequest): { events: OcsfEvent[]; result: IntakeResult } {
    const { receivedAt, remoteAddress, path } = request
    const decoded = open.source.decode?.(request) ?? { records: [], bad: [] }
    return transform(open, decoded, { sourceId: open.id, receivedAt, remoteAddress, path })
  }

  async function receive(target: IntakeTarget, request: IntakeRequest): Promise<IntakeAnswer> {
    const open = byId.get(target.sourceId)
    if (open === undefined) throw new TypeError('a target of another intake')
    const refuse = (refusal: Refusal) => answer(open, request, { refusal })
    const refusal = open.source.authenticate?.(request)
    if (refusal) return refuse(refusal)
    const handshake = open.source.handshake?.(request)
    if (handshake) return handshake
    const delivery = deliveries.open(open.id, open.source.dedupe, deliveryBody(request))
    if (delivery.duplicateOf) {
      try {
        const result = await delivery.duplicateOf
        counted(open, result)
        return { ...answer(open, request, { result }), settled: delivery.settled }
      } catch {
        return refuse({
          status: 503,
          code: 'KW_JOURNAL_BUSY',
          reason: 'an equal delivery is being handled',
          retryAfterS: 1
        })
      }
    }
    try {
      const { events, result } = prepare(open, request)
      const mark = events.length > 0 ? delivery.mark(result) : undefined
      await append(open, events, mark ? [mark] : [])
      delivery.accepted(result)
      counted(open, result)
      return { ...answer(open, request, { result }), settled: delivery.settled }
    } catch (error) {
      delivery.failed()
      return refuse(refusalOf(error))
    }
  }

  return {
    target(route: Route, id: string) {
      const open = route === 'otlp' ? otlp : byId.get(id)
      if (open === undefined || open.source.route !== route || open.source.decode === undefined)
        return undefined
      return {
        route,
        sourceId: open.id,
        needsToken: open.source.authenticate === undefined,
        bodyBytesMax: Math.min(open.source.bodyBytesMax ?? limits.inflatedBody, limits.inflatedBody),
        methods: open.source.methods ?? METHODS
      }
    },
    receive: (target, request) =>
      options.span('ingest', { source: target.sourceId, bytes: request.body.length }, () =>
        receive(target, request)
      ),
    refuse(target, request, refusal) {
      const open = byId.get(target.sourceId)
      return open === undefined ? plainAnswer({ refusal }) : answer(open, request, { refusal })
    },
    feed: open => async (decoded, mark) => {
      const { events, result } = transform(open, decoded, { sourceId: open.id, receivedAt: clock.now() })
      await append(open, events, mark ? [{ key: markKey(open, mark.key), value: mark.value }] : [])
      counted(open, result)
      return result
    },
    mark(open, key) {
      const value = journal.mark(markKey(open, key))
      return typeof value === 'string' ? value : undefined
    }
  }
}
