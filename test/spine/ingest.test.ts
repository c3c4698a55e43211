import { describe, expect, it } from 'vitest'
import type { OcsfEvent } from '../../src/core/event.ts'
import { expectOcsf } from '../ocsf.ts'
import { simDisk } from '../sim/disk.ts'
import { harness, request, toySource } from './setup.ts'

async function eventsOf(journal: {
  read: (from: null) => AsyncIterable<{ entries: readonly { event: OcsfEvent }[] }>
}) {
  const events: OcsfEvent[] = []
  for await (const batch of journal.read(null)) events.push(...batch.entries.map(e => e.event))
  for (const event of events) expectOcsf(event)
  return events
}

describe('ingest', () => {
  it('answers 200 with counts only when the events are in the journal', async () => {
    const h = await harness(simDisk(1))
    expect(await h.post('[{"n":1},{"n":2}]')).toEqual({
      status: 200,
      body: { accepted: 2, quarantined: 0, duplicates: 0 }
    })
    expect((await eventsOf(h.journal)).map(e => e.api?.operation)).toEqual(['n1', 'n2'])
  })

  it('makes no event for an unauthenticated request', async () => {
    const h = await harness(simDisk(1))
    expect(await h.post('{"n":1}', { 'x-wrong': '1' })).toEqual({
      status: 401,
      body: { error: { code: 'KW_AUTH_SIGNATURE', message: 'wrong signature' } }
    })
    expect(h.journal.size()).toBe(0)
  })

  it('answers an unparseable body with 400 and a reason that quotes nothing', async () => {
    const h = await harness(simDisk(1))
    expect((await h.post('!SECRET-body')).status).toBe(400)
    const { status, body } = await h.post('{"password": SECRET-x')
    expect(status).toBe(400)
    expect(JSON.stringify(body)).not.toContain('SECRET')
    expect(h.journal.size()).toBe(0)
  })

  it('keeps good records, puts bad ones into quarantine, and counts both', async () => {
    const h = await harness(simDisk(1))
    const { body } = await h.post('[{"n":1},"bad",{"n":2},{"n":3,"fail":true,"x":"SECRET-data"}]')
    expect(body).toEqual({ accepted: 2, quarantined: 2, duplicates: 0 })
    const events = await eventsOf(h.journal)
    const kept = events.filter(e => e.unmapped.keywatch.quarantine)
    expect(
      kept.map(e => [e.unmapped.keywatch.quarantine?.code, e.unmapped.keywatch.quarantine?.record])
    ).toEqual([
      ['KW_RECORD_UNPARSEABLE', 1],
      ['KW_RECORD_UNMAPPED', 2]
    ])
    expect(kept[0]?.raw_data).toBe('[REDACTED]')
    expect(JSON.stringify(events)).not.toContain('SECRET')
  })

  it('counts a record that makes no event (a ping) as accepted', async () => {
    const h = await harness(simDisk(1))
    expect((await h.post('{"n":1,"skip":true}')).body).toEqual({ accepted: 1, quarantined: 0, duplicates: 0 })
    expect(h.journal.size()).toBe(0)
  })

  it('redacts before it maps, and lists the credentials of a record on its events', async () => {
    const h = await harness(simDisk(1))
    await h.post('{"n":1,"token":"SECRET-abc"}')
    const [event] = await eventsOf(h.journal)
    expect(event?.raw_data).toBe('{"n":1,"token":"[REDACTED]"}')
    expect(event?.unmapped.keywatch).toMatchObject({
      source: 'toy',
      source_type: 'toy',
      credentials: [{ type: 'toy' }]
    })
  })

  it('gives a deterministic id where the vendor gives one, else a time-ordered one', async () => {
    const h = await harness(simDisk(1))
    await h.post('[{"n":1,"id":"v-1","twice":true},{"n":2}]')
    const again = await harness(simDisk(2))
    await again.post('{"n":9,"id":"v-1"}')
    const [first, second, third] = (await eventsOf(h.journal)).map(e => e.metadata.uid)
    expect(first).not.toBe(second)
    expect((await eventsOf(again.journal))[0]?.metadata.uid).toBe(first)
    expect(third?.[14]).toBe('7')
  })

  it('does not believe a clock that is far ahead or absent', async () => {
    const h = await harness(simDisk(1))
    const now = h.clock.now()
    await h.post(`[{"n":1,"time":${now + 600_000}},{"n":2,"time":${now + 60_000}},{"n":3,"time":-5}]`)
    const events = await eventsOf(h.journal)
    expect(events.map(e => [e.time - now, e.unmapped.keywatch.clock_skew])).toEqual([
      [0, true],
      [60_000, undefined],
      [0, true]
    ])
  })

  it('answers a full disk with 503 and Retry-After, and takes the same body afterwards', async () => {
    const disk = simDisk(1)
    const h = await harness(disk, toySource({ dedupe: { by: 'body', windowMs: 60_000 } }))
    await h.post('{"n":0}')
    disk.capacity = 0
    const answer = await h.ingest.receive(h.target, request('{"n":1}', {}, h.clock.now()))
    expect([answer.status, answer.headers?.['retry-after']]).toEqual([503, '5'])
    disk.capacity = Number.POSITIVE_INFINITY
    expect((await h.post('{"n":1}')).body).toEqual({ accepted: 1, quarantined: 0, duplicates: 0 })
  })
})

describe('deliveries', () => {
  it('of a hook are taken once, however often they come, also at the same time and after a crash', async () => {
    const disk = simDisk(1)
    const source = toySource({ dedupe: { by: 'body', windowMs: 3_600_000 } })
    const h = await harness(disk, source)
    const both = await Promise.all([h.post('{"n":1}'), h.post('{"n":1}')])
    expect(both.map(r => r.body)).toEqual([
      { accepted: 1, quarantined: 0, duplicates: 0 },
      { accepted: 0, quarantined: 0, duplicates: 1 }
    ])
    expect((await h.post('{"n":1}')).body).toMatchObject({ duplicates: 1 })
    disk.crash()
    h.clock.set(h.clock.now() + 7_200_000)
    const after = await harness(disk, source, {}, h.clock)
    expect((await after.post('{"n":1}')).body).toMatchObject({ duplicates: 1 })
    expect((await after.post('{"n":2}')).body).toMatchObject({ accepted: 1 })
    expect(after.journal.size()).toBe(2)
  })

  it('of a hook are taken again after the window', async () => {
    const h = await harness(simDisk(1), toySource({ dedupe: { by: 'body', windowMs: 60_000 } }))
    await h.post('{"n":1}')
    await h.clock.advance(61_000)
    expect((await h.post('{"n":1}')).body).toMatchObject({ accepted: 1 })
  })

  it('of a log are a retry only if the first answer never went out: equal lines are real events', async () => {
    const h = await harness(simDisk(1), toySource({ dedupe: { by: 'unacknowledged' } }))
    await h.post('{"n":1}')
    expect((await h.post('{"n":1}')).body).toMatchObject({ accepted: 1 })
    await h.post('{"n":2}', {}, false)
    expect((await h.post('{"n":2}')).body).toMatchObject({ duplicates: 1 })
    expect((await h.post('{"n":2}')).body).toMatchObject({ accepted: 1 })
  })

  it('of a log that were in flight when the process died are recognised once', async () => {
    const disk = simDisk(3)
    const source = toySource({ dedupe: { by: 'unacknowledged' } })
    const h = await harness(disk, source)
    await h.ingest.receive(h.target, request('{"n":1}', {}, h.clock.now()))
    disk.crash()
    await h.clock.advance(10)
    const after = await harness(disk, source, {}, h.clock)
    expect((await after.post('{"n":1}')).body).toMatchObject({ duplicates: 1 })
    expect((await after.post('{"n":1}')).body).toMatchObject({ accepted: 1 })
    expect(after.journal.size()).toBe(2)
  })

  it('that failed are not remembered', async () => {
    const disk = simDisk(1)
    const h = await harness(disk, toySource({ dedupe: { by: 'body', windowMs: 60_000 } }))
    await h.post('{"n":0}')
    disk.fail('write', 'EIO', 0)
    expect((await h.post('{"n":1}')).status).toBe(503)
    expect((await h.post('{"n":1}')).body).toMatchObject({ accepted: 1 })
  })
})

describe('what a source pulls by itself', () => {
  it('becomes durable together with its position', async () => {
    const disk = simDisk(1)
    const h = await harness(disk)
    const open = { id: 'toy', type: 'toy', source: toySource() }
    const feed = h.ingest.feed(open)
    await feed({ records: [{ data: { n: 1 }, kind: 'json' }], bad: [] }, { key: 'tail:/a', value: '42' })
    disk.crash()
    const after = await harness(disk)
    expect(after.ingest.mark(open, 'tail:/a')).toBe('42')
    expect(after.journal.size()).toBe(1)
  })
})
