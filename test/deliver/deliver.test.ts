import { describe, expect, it } from 'vitest'
import { finish, sampleEvent } from '../sinks/sample.ts'
import { ACCEPTED, bench, DATA, fakeSink, HOLD, LIMITS, RETRY, range, uid, uidsOf } from './harness.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

describe('the deliverer', () => {
  it('delivers both journals in order, from the beginning, in batches within the limits', async () => {
    const { clock, deliverer, setup, append, findings } = bench()
    await append(0, 35)
    await findings.append([sampleEvent(1_000)])
    const sink = fakeSink()
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.advance(5_000)
    expect(sink.taken.filter(id => id !== uid(1_000))).toEqual(range(0, 35))
    expect(sink.taken).toContain(uid(1_000))
    expect(Math.max(...sink.sizes)).toBeLessThanOrEqual(LIMITS.events)
    await append(35, 36)
    await clock.advance(999)
    expect(sink.taken).not.toContain(uid(35))
    await clock.advance(2)
    expect(sink.taken).toContain(uid(35))
    expect(running.status()[0]).toMatchObject({
      state: 'idle',
      lag: { events: 0, findings: 0 },
      accepted: 37
    })
    await running.stop()
  })

  it('counts bytes, and lets an entry that fits the sink but not the batch go alone', async () => {
    const { clock, deliverer, setup, append } = bench()
    await append(0, 6)
    const sink = fakeSink()
    const size = Buffer.byteLength(JSON.stringify(sampleEvent(0)))
    const batches: number[] = []
    sink.behave(batch => {
      batches.push(batch.reduce((sum, one) => sum + one.bytes, 0))
      return ACCEPTED
    })
    const running = deliverer([setup(sink, { batch: { bytes: 2 * size + 100 } })])
    await running.start()
    await clock.advance(5_000)
    expect(sink.sizes).toEqual([2, 2, 2])
    expect(Math.max(...batches)).toBeLessThanOrEqual(2 * size + 100)
    await running.stop()

    const tiny = fakeSink()
    const other = deliverer([setup(tiny, { id: 'tiny', batch: { bytes: 10 } })])
    await other.start()
    await clock.advance(10_000)
    expect(tiny.sizes).toEqual([1, 1, 1, 1, 1, 1])
    await other.stop()
  })

  it('passes over what `where` leaves out, and the cursor moves past it', async () => {
    const { clock, deliverer, setup, append, disk } = bench()
    await append(0, 30)
    const sink = fakeSink()
    const running = deliverer([setup(sink, { accepts: entry => entry.sequence % 10 === 0 })])
    await running.start()
    await clock.advance(20_000)
    expect(sink.taken).toEqual([uid(0), uid(10), uid(20)])
    expect(running.status()[0]?.lag.events).toBe(0)
    await running.stop()
    expect(disk.text(`${DATA}/state/cursors/siem.json`)).toContain('"sequence":30')
  })

  it('begins a new sink with the next entry if it is told so', async () => {
    const { clock, deliverer, setup, append } = bench()
    await append(0, 5)
    const sink = fakeSink()
    const running = deliverer([setup(sink, { from: 'now' })])
    await running.start()
    await append(5, 8)
    await clock.advance(2_000)
    expect(sink.taken).toEqual(range(5, 8))
    await running.stop()
    const again = deliverer([setup(sink, { from: 'now' })])
    await append(8, 9)
    await again.start()
    await clock.advance(2_000)
    expect(sink.taken).toEqual(range(5, 9))
    await again.stop()
  })

  it('does not let a dead sink delay another', async () => {
    const { clock, deliverer, setup, append } = bench()
    await append(0, 50)
    const dead = fakeSink()
    dead.behave(() => new Promise(() => {}))
    const throwing = fakeSink()
    throwing.behave(() => {
      throw new Error('s3cret')
    })
    const good = fakeSink()
    const running = deliverer([
      setup(dead, { id: 'dead' }),
      setup(throwing, { id: 'bug' }),
      setup(good, { id: 'good' })
    ])
    await running.start()
    await clock.advance(1_500)
    expect(good.taken).toEqual(range(0, 50))
    expect(running.status().map(one => one.lag.events)).toEqual([50, 50, 0])
    await clock.advance(130_000)
    expect(running.status()[0]?.reason).toBe('no answer: the sink is stuck')
    expect(running.status()[1]?.reason).toBe('the sink failed: Error')
    const stopped = running.stop()
    await clock.advance(10_000)
    await stopped
  })

  it('retries with growing waits, probes with a small batch once the breaker is open, and goes on in order', async () => {
    const { clock, deliverer, append, setup, metrics } = bench()
    await append(0, 40)
    const sink = fakeSink(() => clock.now())
    let failures = 8
    sink.behave(() => (failures-- > 0 ? RETRY : ACCEPTED))
    const running = deliverer([setup(sink, { limits: { ...LIMITS, events: 40 } })])
    await running.start()
    await clock.until(() => failures === 3)
    expect(running.status()[0]).toMatchObject({ state: 'open', failures: 5, reason: 'HTTP 503' })
    await clock.until(() => sink.taken.length === 40)
    // Full jitter with random() = 0.5: half of 500 ms, 1 s, 2 s …
    expect(sink.times.slice(1, 6).map((time, n) => time - (sink.times[n] ?? 0))).toEqual([
      250, 500, 1_000, 2_000, 4_000
    ])
    expect(sink.sizes).toEqual([40, 40, 40, 40, 40, 10, 10, 10, 10, 30])
    expect(sink.taken).toEqual(range(0, 40))
    expect(metrics.counts.get('keywatch_sink_requests_total siem retry')).toBe(8)
    expect(metrics.counts.get('keywatch_sink_entries_total siem')).toBe(40)
    await running.stop()
  })

  it('never comes back before Retry-After is over, and does not believe in years', async () => {
    const { clock, deliverer, setup, append } = bench()
    await append(0, 1)
    const sink = fakeSink(() => clock.now())
    const answers = [
      { ...RETRY, afterMs: 90_000 },
      { ...RETRY, afterMs: 365 * DAY }
    ]
    sink.behave(() => answers.shift() ?? ACCEPTED)
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.until(() => sink.taken.length === 1)
    const [first = 0, second = 0, third = 0] = sink.times
    expect(second - first).toBeGreaterThanOrEqual(90_000)
    expect(second - first).toBeLessThan(91_000)
    expect(third - second).toBeGreaterThanOrEqual(3_600_000)
    expect(third - second).toBeLessThan(3_601_000)
    await running.stop()
  })

  it('holds on a refused credential, says so loudly once, probes rarely, and loses nothing', async () => {
    const { clock, deliverer, setup, append, log, metrics } = bench()
    await append(0, 25)
    const sink = fakeSink(() => clock.now())
    let mended = false
    sink.behave(() => (mended ? ACCEPTED : { kind: 'hold', reason: 'HTTP 401: key s3cret\u001b[31m' }))
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.advance(2 * HOUR)
    expect(running.status()[0]).toMatchObject({
      state: 'held',
      reason: 'HTTP 401: key [redacted] [31m',
      deadLetters: 0
    })
    expect(log.lines.filter(line => line.message.includes('HOLD'))).toHaveLength(1)
    expect(metrics.gauges.get('keywatch_sink_held siem')).toBe(1)
    const gaps = sink.times.slice(1).map((time, n) => time - (sink.times[n] ?? 0))
    expect(gaps.slice(0, 6)).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000])
    mended = true
    await clock.advance(300_000)
    await clock.advance(5_000)
    expect(sink.taken).toEqual(range(0, 25))
    expect(running.status()[0]).toMatchObject({ state: 'idle', lag: { events: 0 } })
    expect(metrics.gauges.get('keywatch_sink_held siem')).toBe(0)
    await running.stop()
  })

  it('bisects to the poison and delivers everything else in order', async () => {
    const { clock, deliverer, setup, append, log } = bench()
    await append(0, 40)
    const poison = new Set([uid(3), uid(17), uid(18)])
    const sink = fakeSink()
    sink.behave(batch => {
      if (!uidsOf(batch).some(id => poison.has(id))) return ACCEPTED
      return batch.length > 1
        ? { kind: 'split', reason: 'HTTP 400' }
        : { kind: 'rejected', reason: 'HTTP 400: s3cret' }
    })
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.advance(5_000)
    expect(sink.taken).toEqual(range(0, 40).filter(id => !poison.has(id)))
    const { items, total } = await running.dlq.list()
    expect(total).toBe(3)
    expect(items.map(item => item.event_uid)).toEqual([uid(3), uid(17), uid(18)])
    expect(items[0]).toMatchObject({
      sink: 'siem',
      journal: 'events',
      sequence: 3,
      reason: 'HTTP 400: [redacted]',
      status: 'rejected'
    })
    expect(JSON.stringify(log.lines)).not.toContain('s3cret')
    await running.stop()
  })

  it.each([
    ['accepted with a list', 'accepted' as const],
    ['refused as a whole, with the culprit named', 'resend' as const]
  ])('makes dead letters of the entries that a verdict names: %s', async (_, kind) => {
    const { clock, deliverer, setup, append } = bench()
    await append(0, 20)
    const sink = fakeSink()
    sink.behave(batch => {
      const index = uidsOf(batch).indexOf(uid(4))
      if (index === -1) return ACCEPTED
      return { kind, reason: 'bad', rejected: [{ index, reason: 'code 15' }] }
    })
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.advance(5_000)
    expect(sink.taken).toEqual(range(0, 20).filter(id => id !== uid(4)))
    expect((await running.dlq.list()).items.map(item => item.event_uid)).toEqual([uid(4)])
    await running.stop()
  })

  it('bisects where a verdict names a culprit that is none', async () => {
    const { clock, deliverer, setup, append } = bench()
    await append(0, 4)
    const sink = fakeSink()
    sink.behave(batch =>
      uidsOf(batch).includes(uid(2))
        ? { kind: 'resend', reason: 'bad', rejected: [{ index: 99, reason: 'x' }] }
        : ACCEPTED
    )
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.advance(5_000)
    expect(sink.taken).toEqual([uid(0), uid(1), uid(3)])
    await running.stop()
  })

  it('makes a dead letter of what the sink cannot take or map, without sending it', async () => {
    const { clock, deliverer, setup, events } = bench()
    const large = sampleEvent(1)
    large.message = 'x'.repeat(LIMITS.entryBytes)
    await events.append([sampleEvent(0), large, sampleEvent(2), sampleEvent(3)])
    const sink = fakeSink()
    const encode = sink.encode
    sink.encode = entry => {
      if (entry.sequence === 2) throw new RangeError('s3cret')
      return encode(entry)
    }
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.advance(5_000)
    expect(sink.taken).toEqual([uid(0), uid(3)])
    const { items } = await running.dlq.list()
    expect(items.map(item => item.status)).toEqual(['too_large', 'unmappable'])
    expect(items[1]?.reason).toBe('the sink cannot map it: RangeError')
    await running.stop()
  })

  it('expires what waited too long for a sink that fails, but no old entry at the first failure', async () => {
    const { clock, deliverer, setup, events, append } = bench()
    await events.append([finish(sampleEvent(0, clock.now() - 30 * DAY), 0)])
    const sink = fakeSink()
    let down = true
    sink.behave(() => (down ? RETRY : ACCEPTED))
    const running = deliverer([setup(sink, { expireAfterMs: 2 * HOUR })])
    await running.start()
    await clock.advance(HOUR)
    expect((await running.dlq.list()).total).toBe(0)
    await append(1, 2)
    await clock.advance(1.5 * HOUR)
    expect((await running.dlq.list()).items.map(item => [item.event_uid, item.status])).toEqual([
      [uid(0), 'expired']
    ])
    down = false
    await clock.advance(120_000)
    expect(sink.taken).toEqual([uid(1)])
    await running.stop()
  })

  it('survives a journal that cannot be read for a while', async () => {
    const { clock, deliverer, setup, append, events, log } = bench()
    await append(0, 20)
    events.breakReads(3)
    const sink = fakeSink()
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.until(() => sink.taken.length === 20)
    expect(sink.taken).toEqual(range(0, 20))
    expect(log.lines.some(line => line.message.startsWith('a journal cannot be read'))).toBe(true)
    await running.stop()
  })

  it('keeps no more than a few batches in memory, however long the backlog', async () => {
    const { clock, deliverer, setup, append, events } = bench()
    await append(0, 2_000)
    let read = 0
    const counting = {
      ...events,
      async *read(...args: Parameters<typeof events.read>) {
        for await (const batch of events.read(...args)) {
          read += batch.entries.length
          yield batch
        }
      }
    }
    const sink = fakeSink()
    sink.behave(() => HOLD)
    const running = deliverer([setup(sink)], { journals: { events: counting, findings: bench().findings } })
    await running.start()
    await clock.advance(HOUR)
    expect(read).toBeLessThanOrEqual(3 * LIMITS.events)
    await running.stop()
  })
})
