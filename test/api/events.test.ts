import { afterEach, describe, expect, it } from 'vitest'
import type { OcsfEvent } from '../../src/core/event.ts'
import { anEvent, fingerprintOf, NOW } from '../fakes/api.ts'
import { expectOcsf } from '../ocsf.ts'
import { eventually, type Running, startApi } from './harness.ts'

let running: Running | undefined
const start = async (change?: Parameters<typeof startApi>[0]) => (running = await startApi(change))
afterEach(async () => {
  await running?.close()
  running = undefined
})

interface Page {
  items: OcsfEvent[]
  next: string | null
  scanned?: number
  unreadable?: number
}
async function get<T = Page>(path: string): Promise<T> {
  const answer = await fetch(`${running?.url}${path}`)
  expect(answer.status, path).toBe(200)
  // A test reads what the document says the answer is.
  return (await answer.json()) as T
}
async function refused(path: string, init?: RequestInit) {
  const answer = await fetch(`${running?.url}${path}`, init)
  const { error } = (await answer.json()) as { error: { code: string; message: string } }
  return { status: answer.status, headers: answer.headers, ...error }
}

describe('a list of events', () => {
  it('answers whole OCSF events, newest first', async () => {
    const { journals } = await start()
    await journals.events.append([anEvent(1), anEvent(3), anEvent(2)])
    const page = await get('/api/v1/events')
    expect(page.items).toEqual([anEvent(3), anEvent(2), anEvent(1)])
    for (const event of page.items) expectOcsf(event)
    expect(page.next).toBeNull()
  })

  it('passes every filter on', async () => {
    const { store } = await start()
    const fingerprint = fingerprintOf('x')
    const query = new URLSearchParams({
      from: '-1h',
      to: '2026-11-22T12:00:00Z',
      class: '6003',
      actor: 'bob',
      server: 's',
      ip: '2001:DB8::1',
      source: 'edge',
      action: 'a',
      secret: 'prod/db',
      status: '401',
      limit: '7'
    })
    await get(`/api/v1/events?${query}&credential=${fingerprint}&credential=${fingerprint}`)
    expect(store.asked[0]).toEqual({
      from: NOW - 3_600_000,
      to: NOW,
      class: 'api_activity',
      actor: 'bob',
      server: 's',
      ip: '2001:db8::1',
      source: 'edge',
      action: 'a',
      secret: 'prod/db',
      statusCode: 401,
      credentials: [fingerprint, fingerprint],
      limit: 8
    })
  })

  it('pages without gap or double, also for equal times and events that come in meanwhile', async () => {
    const { journals } = await start()
    const same = Array.from({ length: 25 }, (_, n) => ({ ...anEvent(n), time: NOW - 5000 }))
    await journals.events.append(same)
    const seen: string[] = []
    let next: string | null = null
    do {
      const page: Page = await get(`/api/v1/events?limit=10${next === null ? '' : `&cursor=${next}`}`)
      seen.push(...page.items.map(item => item.metadata.uid))
      next = page.next
      await journals.events.append([{ ...anEvent(100 + seen.length), time: NOW }])
    } while (next !== null)
    expect(seen).toEqual(same.map(event => event.metadata.uid).reverse())
  })

  it('shows the place of an entry that cannot be read', async () => {
    const { journals } = await start()
    await journals.events.append([anEvent(1), anEvent(2)])
    journals.events.broken.add(1)
    const page = await get('/api/v1/events')
    expect(page.items).toEqual([
      {
        error: { code: 'KW_JOURNAL_DAMAGED', message: expect.any(String) },
        sequence: 1,
        time: anEvent(2).time
      },
      anEvent(1)
    ])
  })

  it('waits a moment for the index, then answers with what there is', async () => {
    const { journals, store, clock } = await start()
    await journals.events.append([anEvent(1), anEvent(2)])
    store.state.behind = 1
    const fresh = get('/api/v1/events')
    await eventually(() => clock.sleeping() > 0)
    store.state.behind = 0
    clock.advance(25)
    expect((await fresh).items.length).toBe(2)
    store.state.behind = 1
    const stale = get('/api/v1/events')
    let waits = 0
    const pump = setInterval(() => {
      clock.advance(25)
      waits++
    }, 1)
    expect((await stale).items.length).toBe(1)
    clearInterval(pump)
    expect(waits).toBeGreaterThan(10)
  })

  it('comes from what the index has while the index cannot be written (a full disk)', async () => {
    const { store, journals, log } = await start()
    await journals.events.append([anEvent(1)])
    store.state.stuck = true
    expect((await get('/api/v1/events')).items).toHaveLength(1)
    expect(log.text()).not.toContain('SECRET')
    expect(log.lines.length).toBe(1)
  })

  it('is 500 without details when the index cannot be read', async () => {
    const { store, log } = await start()
    store.state.fail = true
    const answer = await refused('/api/v1/events')
    expect(answer).toMatchObject({ status: 500, code: 'KW_INTERNAL' })
    expect(answer.message).not.toContain('SECRET')
    expect(log.text()).not.toContain('SECRET')
  })
})

describe('a text search', () => {
  it('finds a substring of any value, ignoring case, and nothing in keys', async () => {
    const { journals } = await start()
    await journals.events.append([anEvent(1, { message: 'Über "quoted" \\ 100%' }), anEvent(2)])
    for (const text of ['über', '"QUOTED"', '\\ 100%', '192.0.2.10', '6003'])
      expect(
        (await get(`/api/v1/events?text=${encodeURIComponent(text)}`)).items.length,
        text
      ).toBeGreaterThan(0)
    expect((await get('/api/v1/events?text=source_type')).items).toEqual([])
  })

  it('pages over matches and over the work of one request', async () => {
    const { journals } = await start()
    const many = Array.from({ length: 1200 }, (_, n) =>
      anEvent(n, n % 100 === 0 ? { message: 'needle' } : {})
    )
    await journals.events.append(many)
    journals.events.broken.add(1150)
    const seen: string[] = []
    let next: string | null = null
    let scanned = 0
    let unreadable = 0
    do {
      const page: Page = await get(
        `/api/v1/events?text=NEEDLE&limit=5${next === null ? '' : `&cursor=${next}`}`
      )
      seen.push(...page.items.map(item => item.metadata.uid))
      scanned += page.scanned ?? 0
      unreadable += page.unreadable ?? 0
      next = page.next
    } while (next !== null)
    expect(seen.length).toBe(12)
    expect(new Set(seen).size).toBe(12)
    expect(scanned).toBe(1200)
    expect(unreadable).toBe(1)
  })

  it('stops after a bounded number of bytes with a cursor to go on', async () => {
    const { journals } = await start()
    const big = 'x'.repeat(1_000_000)
    await journals.events.append(
      Array.from({ length: 100 }, (_, n) => anEvent(n, { message: n === 0 ? 'needle' : big }))
    )
    const first = await get('/api/v1/events?text=needle')
    expect(first.items).toEqual([])
    expect(first.scanned).toBeLessThan(75)
    expect(first.next).not.toBeNull()
    const second = await get(`/api/v1/events?text=needle&cursor=${first.next}`)
    expect(second.items.length).toBe(1)
    expect((second.scanned ?? 0) + (first.scanned ?? 0)).toBe(100)
  })
})

it('a page of large events is cut at a number of bytes', async () => {
  const { journals } = await start()
  await journals.events.append(
    Array.from({ length: 30 }, (_, n) => anEvent(n, { message: 'x'.repeat(1_000_000) }))
  )
  const page = await get('/api/v1/events?limit=1000')
  expect(page.items.length).toBeLessThan(20)
  const rest = await get(`/api/v1/events?limit=1000&cursor=${page.next}`)
  expect(page.items.length + rest.items.length).toBe(30)
})

describe('one event', () => {
  it('is found by its id', async () => {
    const { journals } = await start()
    await journals.events.append([anEvent(1), anEvent(2)])
    expect(await get(`/api/v1/events/${anEvent(2).metadata.uid}`)).toEqual(anEvent(2))
    await journals.findings.append([anEvent(3)])
    expect(await get(`/api/v1/findings/${anEvent(3).metadata.uid}`)).toEqual(anEvent(3))
  })

  it.each(['nothing', '%27%20OR%201=1', '__proto__', '%00', 'a'.repeat(256)])('%s is 404', async id => {
    await start()
    expect(await refused(`/api/v1/events/${id}`)).toMatchObject({ status: 404, code: 'KW_NOT_FOUND' })
  })

  it('that the journal cannot read is 404 and says so', async () => {
    const { journals } = await start()
    await journals.events.append([anEvent(1)])
    journals.events.broken.add(0)
    const answer = await refused(`/api/v1/events/${anEvent(1).metadata.uid}`)
    expect(answer).toMatchObject({ status: 404, code: 'KW_JOURNAL_DAMAGED' })
  })
})

it('findings have their own filters', async () => {
  const { store, journals } = await start()
  await journals.findings.append([anEvent(1)])
  await get('/api/v1/findings?rule=r1&level=high&from=0&limit=1')
  expect(store.asked[0]).toEqual({ from: 0, rule: 'r1', level: 'high', limit: 2 })
  expect(await refused('/api/v1/findings?level=loud')).toMatchObject({ status: 400 })
  expect(await refused('/api/v1/findings?actor=x')).toMatchObject({ status: 400 })
})
