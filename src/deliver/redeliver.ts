/** What becomes of a request for dead letters: sent again one by one through the sink's gate, or forgotten. */
import { reasonOf } from '../core/errors.ts'
import type { Disk } from '../core/ports.ts'
import { type DeadLetter, type DeadLetterRequest, dropRequest, listRequests } from './dead-letter.ts'
import { bury, type Courier, endTurn, sendOnce } from './settle.ts'

/** Sends one dead letter until the sink decides. False if it was stopped before. */
async function resend(courier: Courier, record: DeadLetter): Promise<boolean> {
  const { sink, gate, deadLetters, clock, stopping, killed } = courier
  // It has left the journal's reach, so it has no pointer any more; no sink looks at one.
  const entry = {
    sequence: record.sequence,
    pointer: { segment: 0, offset: 0, length: 0 },
    event: record.event
  }
  const attempt = async (reason: string) =>
    bury(courier, [
      { ...record, reason: courier.clean(reason), attempts: record.attempts + 1, last_time: clock.now() }
    ])
  let body: string
  try {
    body = sink.encode(entry)
  } catch (error) {
    return attempt(`the sink cannot map it: ${reasonOf(error)}`)
  }
  for (;;) {
    const turn = await gate.enter(stopping)
    if (turn === undefined) return false
    const verdict = await sendOnce(courier, [{ entry, body, bytes: Buffer.byteLength(body) }])
    if (killed.aborted && verdict.kind === 'retry') turn.release()
    else endTurn(courier, turn, verdict)
    if (verdict.kind === 'retry' || verdict.kind === 'hold') continue
    const refusal =
      verdict.kind === 'accepted' || verdict.kind === 'resend'
        ? verdict.rejected?.[0]?.reason
        : verdict.reason
    if (verdict.kind !== 'accepted' || refusal !== undefined) return attempt(refusal ?? 'refused')
    await deadLetters.end(record.id, 'delivered')
    courier.totals.accepted++
    courier.totals.lastAcceptedAt = clock.now()
    courier.metrics.count('keywatch_sink_entries_total', { sink: courier.id })
    return true
  }
}

async function fulfil(courier: Courier, request: DeadLetterRequest): Promise<boolean> {
  const { deadLetters } = courier
  const ids = request.id === 'all' ? deadLetters.ids() : [request.id]
  for (const id of ids) {
    if (request.what === 'discard') {
      await deadLetters.end(id, 'discarded')
      continue
    }
    const record = await deadLetters.read(id)
    if (record !== undefined && !(await resend(courier, record))) return false
  }
  return true
}

/**
 * Looks once for requests and fulfils them. Stopped in the middle, a request stays and is fulfilled by the next
 * start: what was delivered is gone from the dead letters by then.
 */
export async function fulfilRequests(courier: Courier, disk: Disk, dataDir: string): Promise<void> {
  for (const request of await listRequests(disk, dataDir, courier.id)) {
    if (!(await fulfil(courier, request))) return
    await dropRequest(disk, dataDir, courier.id, request.name)
    await courier.deadLetters.tidy()
    courier.log.info({ sink: courier.id, request: request.what }, 'dead letters were looked after')
  }
}
