/**
 * How a batch gets settled: sent until every entry is accepted or a dead letter, whatever the verdicts are.
 * Pieces are settled in order, and after each one `advance` says where the cursor may go.
 */
import { reasonOf } from '../core/errors.ts'
import type { Clock, Entry, Log, Metrics } from '../core/ports.ts'
import type { Encoded, Sink, Verdict } from '../core/sink.ts'
import type { JournalName } from '../core/store.ts'
import { probeDelay } from './backoff.ts'
import type { Position } from './cursor.ts'
import { type DeadLetter, deadLetterId } from './dead-letter.ts'
import type { DeadLetterFile } from './dead-letter-file.ts'
import type { Gate, Turn } from './gate.ts'

/** An entry on its way, and where to read on if it is the first that is not settled. */
export interface Item {
  readonly encoded: Encoded
  readonly position: Position
  attempts: number
  firstAt: number
}

/** What a sink's lanes add up while they run. */
export interface Totals {
  accepted: number
  lastAcceptedAt: number | undefined
  /** Since when the sink has not answered; for the expiry of what waits. */
  failingSince: number | undefined
  /** Why nothing moves although the far side works: dead letters that cannot be kept. */
  blocked: string | undefined
}

/** What all lanes of one sink share. */
export interface Courier {
  readonly id: string
  readonly sink: Sink
  readonly gate: Gate
  readonly deadLetters: DeadLetterFile
  readonly clock: Clock
  readonly metrics: Metrics
  readonly log: Log
  readonly expireAfterMs: number
  /** A send without an answer for so long is given up, even if the sink ignores its signal. */
  readonly sendLimitMs: number
  /** One redacted, capped line that is safe to store and to show. */
  readonly clean: (reason: string) => string
  /** Aborts when nothing new is to be begun. */
  readonly stopping: AbortSignal
  /** Aborts when what is in flight is to be given up. */
  readonly killed: AbortSignal
  readonly totals: Totals
}

/** One send. Never rejects: an exception of the sink is a bug there, and a retry here. */
export async function sendOnce(courier: Courier, batch: readonly Encoded[]): Promise<Verdict> {
  const { clock, killed, metrics, id } = courier
  const controller = new AbortController()
  /** Ends the wait below: when the answer is there, or when nobody waits for it any more. */
  const over = new AbortController()
  const abort = () => {
    controller.abort()
    over.abort()
  }
  if (killed.aborted) abort()
  killed.addEventListener('abort', abort, { once: true })
  const begun = clock.now()
  const limit = clock.sleep(courier.sendLimitMs, over.signal).then((): Verdict => {
    controller.abort()
    return { kind: 'retry', reason: killed.aborted ? 'stopped' : 'no answer: the sink is stuck' }
  })
  let verdict: Verdict
  try {
    verdict = await Promise.race([courier.sink.send(batch, controller.signal), limit])
  } catch (error) {
    verdict = { kind: 'retry', reason: `the sink failed: ${reasonOf(error)}` }
  } finally {
    over.abort()
    killed.removeEventListener('abort', abort)
  }
  metrics.count('keywatch_sink_requests_total', { sink: id, verdict: verdict.kind })
  metrics.observe('keywatch_sink_send_seconds', { sink: id }, (clock.now() - begun) / 1000)
  return verdict
}

/** Ends a turn as a verdict demands, and logs what an operator has to know, once per change. */
export function endTurn(courier: Courier, turn: Turn, verdict: Verdict): void {
  const { gate, log, id } = courier
  const before = gate.status().state
  if (verdict.kind === 'retry') {
    turn.failed(courier.clean(verdict.reason), verdict.afterMs)
    const { state, reason, failures } = gate.status()
    if (before !== state)
      log.warn({ sink: id, reason, failures }, 'a sink does not answer; it is tried again')
    return
  }
  if (verdict.kind === 'hold') {
    turn.held(courier.clean(verdict.reason))
    if (before !== 'held')
      log.error(
        { sink: id, reason: gate.status().reason },
        'SINK ON HOLD: it needs someone to mend it; nothing is lost, everything waits in the journal'
      )
  } else {
    turn.ok()
    if (before !== 'closed') log.info({ sink: id }, 'a sink is back')
  }
  courier.metrics.gauge('keywatch_sink_held', { sink: id }, verdict.kind === 'hold' ? 1 : 0)
}

export function deadLetterOf(
  courier: Courier,
  journal: JournalName,
  entry: Entry,
  facts: Pick<DeadLetter, 'reason' | 'status' | 'attempts' | 'first_time'>
): DeadLetter {
  const now = courier.clock.now()
  const uid = entry.event.metadata.uid
  return {
    id: deadLetterId(courier.id, journal, entry.sequence, uid),
    time: now,
    sink: courier.id,
    journal,
    sequence: entry.sequence,
    event_uid: uid,
    reason: courier.clean(facts.reason),
    status: facts.status,
    attempts: facts.attempts,
    first_time: facts.first_time,
    last_time: now,
    event: entry.event
  }
}

/**
 * Appends dead letters, however long the disk refuses. False if it was stopped before they were durable:
 * then the cursor must not move past them.
 */
export async function bury(courier: Courier, records: readonly DeadLetter[]): Promise<boolean> {
  const { deadLetters, clock, log, metrics, id, stopping, totals } = courier
  for (let tries = 1; ; tries++) {
    let problem = 'the dead letters of this sink are full: retry or discard some (keywatch dlq)'
    if (!deadLetters.full()) {
      try {
        await deadLetters.append(records)
        totals.blocked = undefined
        metrics.count('keywatch_sink_dead_letters_total', { sink: id }, records.length)
        log.warn(
          { sink: id, count: records.length, reason: records[0]?.reason },
          'entries became dead letters'
        )
        return true
      } catch (error) {
        problem = `dead letters cannot be written: ${reasonOf(error)}`
      }
    }
    totals.blocked = problem
    if (tries === 1)
      log.error(
        { sink: id, reason: problem },
        'SINK STANDS STILL: an entry that it refuses has nowhere to go'
      )
    metrics.gauge('keywatch_sink_held', { sink: id }, 1)
    await clock.sleep(probeDelay({ baseMs: 1_000, capMs: 60_000 }, tries), stopping)
    if (stopping.aborted) return false
  }
}

export interface Batch {
  readonly journal: JournalName
  readonly items: Item[]
  /** Where to read on when all items are settled. */
  readonly after: Position
  readonly advance: (position: Position) => Promise<void>
}

/** Sends a batch until it is settled. False if it was stopped before. */
export async function settle(courier: Courier, { journal, items, after, advance }: Batch): Promise<boolean> {
  const queue: Item[][] = [items]
  for (let next = queue[0]; next !== undefined; next = queue[0]) {
    const turn = await courier.gate.enter(courier.stopping)
    if (turn === undefined) return false
    if (next.length > turn.entriesMax) {
      queue.splice(0, 1, next.slice(0, turn.entriesMax), next.slice(turn.entriesMax))
      next = queue[0] ?? next
    }
    const now = courier.clock.now()
    for (const item of next) {
      if (item.attempts++ === 0) item.firstAt = now
    }
    const verdict = await sendOnce(
      courier,
      next.map(item => item.encoded)
    )
    if (courier.killed.aborted && verdict.kind === 'retry') turn.release()
    else endTurn(courier, turn, verdict)
    queue.shift()
    const { rest, dead } = judge(courier, verdict, next)
    if (dead.length > 0) {
      const records = dead.map(({ item, reason, status }) =>
        deadLetterOf(courier, journal, item.encoded.entry, {
          reason,
          status,
          attempts: item.attempts,
          first_time: item.firstAt
        })
      )
      if (!(await bury(courier, records))) return false
    }
    queue.unshift(...rest)
    const first = queue[0]?.[0]
    if (rest.length === 0 || first !== next[0]) await advance(first?.position ?? after)
  }
  return true
}

interface Judgement {
  /** Pieces to send (again), in order. */
  readonly rest: Item[][]
  readonly dead: { item: Item; reason: string; status: DeadLetter['status'] }[]
}

const halves = (batch: Item[]): Item[][] => {
  const middle = Math.ceil(batch.length / 2)
  return [batch.slice(0, middle), batch.slice(middle)]
}

function judge(courier: Courier, verdict: Verdict, batch: Item[]): Judgement {
  const { totals, clock, metrics, id } = courier
  const refused = (list: readonly { index: number; reason: string }[]): Judgement['dead'] =>
    list.flatMap(({ index, reason }) => {
      const item = batch[index]
      return item === undefined ? [] : [{ item, reason, status: 'rejected' as const }]
    })
  if (verdict.kind !== 'retry' && verdict.kind !== 'hold') totals.failingSince = undefined
  switch (verdict.kind) {
    case 'accepted': {
      const dead = refused(verdict.rejected ?? [])
      totals.accepted += batch.length - dead.length
      totals.lastAcceptedAt = clock.now()
      metrics.count('keywatch_sink_entries_total', { sink: id }, batch.length - dead.length)
      return { rest: [], dead }
    }
    case 'resend': {
      const dead = refused(verdict.rejected)
      // A verdict that names nobody would be sent for ever: bisect instead.
      if (dead.length === 0) return judge(courier, { kind: 'split', reason: verdict.reason }, batch)
      const gone = new Set(dead.map(one => one.item))
      const others = batch.filter(item => !gone.has(item))
      return { rest: others.length > 0 ? [others] : [], dead }
    }
    case 'split':
    case 'rejected':
      return batch.length > 1
        ? { rest: halves(batch), dead: [] }
        : { rest: [], dead: batch.map(item => ({ item, reason: verdict.reason, status: 'rejected' })) }
    case 'hold':
      return { rest: [batch], dead: [] }
    case 'retry': {
      // Age counts from when the entry was there and the sink failed: an old journal is not expired by one 503.
      totals.failingSince ??= clock.now()
      const since = totals.failingSince
      const expired = (item: Item) =>
        clock.now() - Math.max(item.encoded.entry.event.metadata.logged_time, since) >= courier.expireAfterMs
      const dead = batch.filter(expired)
      if (dead.length === 0) return { rest: [batch], dead: [] }
      const rest = batch.filter(item => !expired(item))
      return {
        rest: rest.length > 0 ? [rest] : [],
        dead: dead.map(item => ({ item, reason: verdict.reason, status: 'expired' }))
      }
    }
  }
}
