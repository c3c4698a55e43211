import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../src/core/sink.ts'
import { fileNameOf } from '../../src/deliver/cursor.ts'
import { deadLetterId } from '../../src/deliver/dead-letter.ts'
import { openDeadLetterFile } from '../../src/deliver/dead-letter-file.ts'
import { sampleEvent } from '../sinks/sample.ts'
import { ACCEPTED, bench, DATA, fakeSink, HOLD, LIMITS, range, uid, uidsOf } from './harness.ts'
import { memoryDisk } from './memory-disk.ts'
import { settled } from './virtual-clock.ts'

const POISON = uid(13)
const judge = (batch: Parameters<typeof uidsOf>[0]): Verdict => {
  const index = uidsOf(batch).indexOf(POISON)
  return index === -1 ? ACCEPTED : { kind: 'accepted', rejected: [{ index, reason: 'HTTP 400' }] }
}
const COUNT = 45

describe('a crash', () => {
  it('at any step of the disk loses nothing, and doubles at most what was in flight', async () => {
    for (let operation = 0; ; operation++) {
      const { clock, disk, deliverer, setup, append, events, findings } = bench()
      await append(0, COUNT)
      const sink = fakeSink()
      sink.behave(judge)
      disk.failFrom(operation)
      const first = deliverer([setup(sink)])
      let started = true
      await first.start().catch(() => {
        started = false
      })
      if (started) await clock.advance(3_000)
      const whole = started && disk.operations() <= operation
      // The process is gone: its signals never fire, its disk is what was durable.
      const before = [...sink.taken]
      const left = disk.crash()
      const after = fakeSink()
      after.behave(judge)
      const second = deliverer([setup(after)], { disk: left, journals: { events, findings } })
      await second.start()
      await clock.advance(10_000)
      const all = new Set([...before, ...after.taken])
      expect([...all].sort(), `operation ${operation}`).toEqual(
        range(0, COUNT)
          .filter(id => id !== POISON)
          .sort()
      )
      const { items } = await second.dlq.list()
      expect(items.map(item => item.event_uid)).toEqual([POISON])
      await second.stop()
      if (whole) {
        expect(operation).toBeGreaterThan(15)
        expect(before.filter(id => after.taken.includes(id))).toEqual([])
        break
      }
    }
  })

  it('between accept and save sends one batch twice and no more', async () => {
    const { clock, disk, deliverer, setup, append } = bench()
    await append(0, COUNT)
    const sink = fakeSink()
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.advance(500)
    // Four batches of ten are settled and saved; the last five wait for their age.
    expect(sink.taken).toHaveLength(40)
    disk.failFrom(disk.operations())
    await clock.advance(1_000)
    expect(sink.taken).toHaveLength(45)
    const after = fakeSink()
    const second = deliverer([setup(after)], { disk: disk.crash() })
    await second.start()
    await clock.advance(3_000)
    expect(after.taken).toEqual(range(40, 45))
    await second.stop()
  })

  it('finds its place though the journal is read in other batches than before', async () => {
    const { clock, disk, deliverer, setup, append } = bench()
    await append(0, COUNT)
    const sink = fakeSink()
    sink.behave(() => (sink.taken.length < 21 ? ACCEPTED : HOLD))
    const first = deliverer([setup(sink, { batch: { events: 7 } })])
    await first.start()
    await clock.advance(5_000)
    const after = fakeSink()
    const second = deliverer([setup(after, { limits: { ...LIMITS, events: 100 } })], { disk: disk.crash() })
    await second.start()
    await clock.advance(5_000)
    expect(after.taken).toEqual(range(21, COUNT))
    await second.stop()
  })
})

describe('cursors', () => {
  it('that are damaged mean the beginning, loudly', async () => {
    const { clock, disk, deliverer, setup, append, log } = bench()
    await append(0, 3)
    disk.put(`${DATA}/state/cursors/siem.json`, '{"version":1,"posi')
    const sink = fakeSink()
    const running = deliverer([setup(sink, { from: 'now' })])
    await running.start()
    await clock.advance(2_000)
    expect(sink.taken).toEqual(range(0, 3))
    expect(log.lines.some(line => line.level === 'error' && line.message.includes('damaged'))).toBe(true)
    await running.stop()
  })

  it('beyond a journal that was built anew mean its beginning', async () => {
    const { clock, disk, deliverer, setup, append } = bench()
    const positions = {
      events: { cursor: 'memory:900', sequence: 900 },
      findings: { cursor: null, sequence: 0 }
    }
    disk.put(
      `${DATA}/state/cursors/siem.json`,
      JSON.stringify({ version: 1, sink: 'siem', savedAt: 1, positions })
    )
    await append(0, 3)
    const sink = fakeSink()
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.advance(2_000)
    expect(sink.taken).toEqual(range(0, 3))
    await running.stop()
  })

  it.each([
    ['../../etc/passwd', '..%2F..%2Fetc%2Fpasswd'],
    ['..', '.'],
    ['.hidden', '.hidden'],
    ['a/b', '/']
  ])('are kept in a file that no id turns into a path: %s', (id, forbidden) => {
    expect(fileNameOf(id)).not.toMatch(/^\.|\//)
    expect(fileNameOf(id)).not.toBe(forbidden)
  })

  it('are saved when it stops, and what is in flight is waited for', async () => {
    const { clock, disk, deliverer, setup, append } = bench()
    await append(0, 10)
    const sink = fakeSink()
    const answer = Promise.withResolvers<Verdict>()
    sink.behave(() => answer.promise)
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.advance(100)
    const stopped = running.stop()
    await settled()
    answer.resolve(ACCEPTED)
    await stopped
    expect(sink.taken).toEqual(range(0, 10))
    expect(disk.text(`${DATA}/state/cursors/siem.json`)).toContain('"sequence":10')
  })

  it('do not move past what did not answer within the grace', async () => {
    const { clock, disk, deliverer, setup, append } = bench()
    await append(0, 10)
    const sink = fakeSink()
    let aborted = false
    sink.behave(
      (_, signal) =>
        new Promise(resolve => {
          signal.addEventListener('abort', () => {
            aborted = true
            resolve({ kind: 'retry', reason: 'aborted' })
          })
        })
    )
    const running = deliverer([setup(sink)])
    await running.start()
    await clock.advance(100)
    const stopped = running.stop()
    await clock.advance(6_000)
    await stopped
    expect(aborted).toBe(true)
    expect(disk.text(`${DATA}/state/cursors/siem.json`)).toContain('"sequence":0')
  })
})

describe('dead letters', () => {
  const withPoison = async () => {
    const parts = bench()
    await parts.append(0, 5)
    const sink = fakeSink()
    const poison = new Set([uid(1), uid(3)])
    sink.behave(batch => {
      const rejected = uidsOf(batch).flatMap((id, index) =>
        poison.has(id) ? [{ index, reason: 'HTTP 400' }] : []
      )
      return { kind: 'accepted', rejected }
    })
    const running = parts.deliverer([parts.setup(sink)])
    await running.start()
    await parts.clock.advance(3_000)
    return { ...parts, sink, poison, running }
  }

  it('can be listed and shown from their files, with the event', async () => {
    const { running } = await withPoison()
    const { items, total } = await running.dlq.list({ limit: 1, offset: 1 })
    expect(total).toBe(2)
    expect(items).toHaveLength(1)
    const id = deadLetterId('siem', 'events', 3, uid(3))
    expect(items[0]).toMatchObject({ id, event_uid: uid(3), attempts: 1, reason: 'HTTP 400' })
    expect((await running.dlq.show(id))?.event.message).toBe(sampleEvent(3).message)
    expect(await running.dlq.show('dl_none')).toBeUndefined()
    await running.stop()
  })

  it('are sent again on request, go when accepted, and stay with another attempt when not', async () => {
    const { running, clock, poison, sink } = await withPoison()
    await running.dlq.retry({ id: deadLetterId('siem', 'events', 1, uid(1)) })
    await clock.advance(5_000)
    expect((await running.dlq.list()).items.map(item => item.attempts).sort()).toEqual([1, 2])
    poison.clear()
    expect(await running.dlq.retry({ sink: 'siem' })).toBe(2)
    await clock.advance(5_000)
    expect((await running.dlq.list()).total).toBe(0)
    expect(sink.taken.slice(-2).sort()).toEqual([uid(1), uid(3)].sort())
    expect(running.status()[0]?.deadLetters).toBe(0)
    await running.stop()
  })

  it('that were asked for while nothing ran are sent at the next start', async () => {
    const { running, clock, poison, deliverer, setup } = await withPoison()
    await running.stop()
    await running.dlq.retry({ id: deadLetterId('siem', 'events', 3, uid(3)) })
    poison.clear()
    const sink = fakeSink()
    const next = deliverer([setup(sink)])
    await next.start()
    await clock.advance(5_000)
    expect(sink.taken).toEqual([uid(3)])
    expect((await next.dlq.list()).total).toBe(1)
    await next.stop()
  })

  it('can be discarded, and nobody can ask for what is not there', async () => {
    const { running, clock } = await withPoison()
    await running.dlq.discard({ sink: 'siem' })
    await clock.advance(5_000)
    expect((await running.dlq.list()).total).toBe(0)
    await expect(running.dlq.retry({ sink: 'siem' })).rejects.toMatchObject({ code: 'KW_NOT_FOUND' })
    await expect(running.dlq.retry({ id: '../../x' })).rejects.toMatchObject({ code: 'KW_NOT_FOUND' })
    await running.stop()
  })

  it('that cannot be written stop the sink, and nothing is lost', async () => {
    const { clock, disk, deliverer, setup, append } = bench()
    await append(0, 20)
    const sink = fakeSink()
    sink.behave(judge)
    const running = deliverer([setup(sink)])
    await running.start()
    disk.failFrom(disk.operations())
    await clock.advance(60_000)
    expect(running.status()[0]).toMatchObject({
      state: 'held',
      reason: expect.stringMatching(/dead letters cannot/)
    })
    disk.failFrom(Number.POSITIVE_INFINITY)
    await clock.advance(120_000)
    expect(sink.taken).toEqual(range(0, 20).filter(id => id !== POISON))
    expect((await running.dlq.list()).items.map(item => item.event_uid)).toEqual([POISON])
    expect(running.status()[0]?.state).toBe('idle')
    await running.stop()
  })

  it('that fill their room hold the sink until someone looks after them', async () => {
    const { clock, deliverer, setup, append } = bench({ deadLetterBytesMax: 2_000 })
    await append(0, 20)
    const sink = fakeSink()
    sink.behave(batch => ({
      kind: 'accepted',
      rejected: batch.map((_, index) => ({ index, reason: 'HTTP 400' }))
    }))
    const running = deliverer([setup(sink, { batch: { events: 1 } })])
    await running.start()
    await clock.advance(60_000)
    const { total } = await running.dlq.list()
    expect(total).toBeLessThan(10)
    expect(running.status()[0]).toMatchObject({ state: 'held', reason: expect.stringMatching(/full/) })
    sink.behave(() => ACCEPTED)
    await running.dlq.discard({ sink: 'siem' })
    await clock.advance(120_000)
    expect(running.status()[0]).toMatchObject({ state: 'idle', lag: { events: 0 } })
    await running.stop()
  })

  it('survive a torn line, and an event too deep for JSON', async () => {
    const disk = memoryDisk()
    disk.put(`${DATA}/dead-letters/s.ndjson`, '{"id":"dl_half","time":1')
    const clock = { now: () => 1, sleep: async () => {} }
    const file = await openDeadLetterFile({ disk, dataDir: DATA, sinkId: 's', clock })
    const event = sampleEvent(1)
    let deep: Record<string, unknown> = {}
    for (let n = 0; n < 10_000; n++) deep = { deep }
    event.evidences = [deep]
    const record = {
      id: deadLetterId('s', 'events', 1, uid(1)),
      time: 1,
      sink: 's',
      journal: 'events' as const,
      sequence: 1,
      event_uid: uid(1),
      reason: 'r',
      status: 'unmappable' as const,
      attempts: 0,
      first_time: 1,
      last_time: 1
    }
    await file.append([{ ...record, event }])
    expect(file.count()).toBe(1)
    expect((await file.read(record.id))?.event.message).toBe(event.message)
    await file.close()
    expect(disk.text(`${DATA}/dead-letters/s.ndjson`)).not.toContain('dl_half')
  })

  it('give the room of those that are gone back', async () => {
    const disk = memoryDisk()
    const clock = { now: () => 1, sleep: async () => {} }
    const open = () => openDeadLetterFile({ disk, dataDir: DATA, sinkId: 's', clock })
    const file = await open()
    const event = sampleEvent(1)
    event.raw_data = 'r'.repeat(300_000)
    const facts = { time: 1, sink: 's', journal: 'events' as const, status: 'rejected' as const, attempts: 1 }
    const more = { reason: 'r', first_time: 1, last_time: 1, event_uid: 'u', event }
    for (let n = 0; n < 6; n++) await file.append([{ id: `dl_${n}`, sequence: n, ...facts, ...more }])
    for (let n = 0; n < 5; n++) await file.end(`dl_${n}`, 'delivered')
    await file.tidy()
    expect((await file.read('dl_5'))?.event.raw_data).toHaveLength(300_000)
    await file.append([{ id: 'dl_6', sequence: 6, ...facts, ...more }])
    await file.close()
    expect(disk.text(`${DATA}/dead-letters/s.ndjson`)?.length).toBeLessThan(700_000)
    const again = await open()
    expect(again.ids()).toEqual(['dl_5', 'dl_6'])
    await again.close()
  })
})
