/** Query parameters, times and cursors: what is understood, what is refused and in which words. */
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeCursor, encodeCursor } from '../../src/api/cursor.ts'
import { parseTime } from '../../src/api/params.ts'
import { anEvent, fingerprintOf, NOW } from '../fakes/api.ts'
import { type Running, startApi } from './harness.ts'

let running: Running | undefined
const start = async (change?: Parameters<typeof startApi>[0]) => (running = await startApi(change))
afterEach(async () => {
  await running?.close()
  running = undefined
})

async function refused(path: string, init?: RequestInit) {
  const answer = await fetch(`${running?.url}${path}`, init)
  const { error } = (await answer.json()) as { error: { code: string; message: string } }
  return { status: answer.status, headers: answer.headers, ...error }
}

describe('a query that is wrong', () => {
  const cases: [string, string | RegExp][] = [
    ['acter=x', 'The query parameter acter is unknown. Did you mean actor?'],
    ['cred=x', 'Did you mean credential?'],
    ['FROM=-1h', 'Did you mean from?'],
    ['zzzzzz=1', /^The query parameter zzzzzz is unknown\. This path takes: from, /],
    ['<script>=1', /^A query parameter is unknown\./],
    ['ghp_0123456789abcdefghijklmnopqrstuvwxyz=1', /^A query parameter is unknown\./],
    ['__proto__=1', /^A query parameter is unknown\./],
    ['constructor=1', /unknown/],
    ['from=', 'from is empty.'],
    ['from=-1h&from=-2h', 'from is given more than once.'],
    ['from=yesterday', /^from must be a time/],
    ['from=2026-02-30x', /^from must be a time/],
    ['from=-99999w', /^from must be a time/],
    ['from=2026-01-02&to=2026-01-01', 'from must not be later than to.'],
    ['class=nope', /^class must be a class uid or one of: /],
    ['class=__proto__', /^class must be/],
    ['class=1', /^class must be/],
    ['ip=10.0.0', 'ip must be an IPv4 or IPv6 address.'],
    ['status=abc', /^status must be a whole number/],
    ['status=1000', /^status must be a whole number/],
    ['limit=0', 'limit must be a whole number from 1 to 1000.'],
    ['limit=1001', 'limit must be a whole number from 1 to 1000.'],
    ['limit=1e2', /^limit/],
    ['credential=ghp_realsecret', /^credential must be a fingerprint .*lookup/],
    ['actor=%00', 'actor has a control character.'],
    [`actor=${'x'.repeat(1025)}`, 'actor is longer than 1024 characters.'],
    ['cursor=x', /^cursor must be/]
  ]
  it.each(cases)('%s is 400', async (query, message) => {
    const { store } = await start()
    const answer = await refused(`/api/v1/events?${query}`)
    expect(answer).toMatchObject({ status: 400, code: 'KW_QUERY_INVALID' })
    if (typeof message === 'string') expect(answer.message).toContain(message)
    else expect(answer.message).toMatch(message)
    expect(answer.message).not.toContain('realsecret')
    expect(store.asked).toEqual([])
  })

  it.each(['/api/v1/status?x=1', '/api/v1/events/abc?x=1', `/api/v1/credentials/${fingerprintOf('x')}?x=1`])(
    '%s is 400 too',
    async path => {
      await start()
      expect(await refused(path)).toMatchObject({ status: 400, code: 'KW_QUERY_INVALID' })
    }
  )
})

describe('times', () => {
  it.each([
    ['2026-11-22', Date.UTC(2026, 10, 22)],
    ['2026-11-22T10:00', Date.UTC(2026, 10, 22, 10)],
    ['2026-11-22T10:00:30Z', Date.UTC(2026, 10, 22, 10, 0, 30)],
    ['2026-11-22t10:00:30.1239z', Date.UTC(2026, 10, 22, 10, 0, 30, 123)],
    ['2026-11-22T10:00:00+02:00', Date.UTC(2026, 10, 22, 8)],
    ['2026-11-22T10:00:00 02:00', Date.UTC(2026, 10, 22, 8)],
    ['2026-11-22T10:00:00-0530', Date.UTC(2026, 10, 22, 15, 30)],
    ['1795348000000', 1795348000000],
    ['0', 0],
    ['now', NOW],
    ['-90d', NOW - 90 * 86_400_000],
    ['-1.5h', NOW - 5_400_000]
  ])('%s is understood', (text, expected) => {
    expect(parseTime(text, NOW)).toBe(expected)
  })
  it.each([
    '2026-13-01',
    '2026-11-22T25:00Z',
    '2026-11-22T10:00:00+99:00',
    '1e12',
    '-5',
    '99999999999999999',
    '22.11.2026',
    '−1h'
  ])('%s is not a time', text => {
    expect(parseTime(text, NOW)).toBeUndefined()
  })
})

describe('cursors', () => {
  it('come back as they were, and any other text is refused', () => {
    const key = { time: fc.integer({ min: -1e12, max: 8e15 }), sequence: fc.maxSafeNat() }
    fc.assert(
      fc.property(fc.record(key), one => {
        expect(decodeCursor('events', encodeCursor('events', one))).toEqual(one)
        expect(() => decodeCursor('findings', encodeCursor('events', one))).toThrow()
      })
    )
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), text => {
        expect(() => decodeCursor('events', text)).toThrow('cursor must be')
      })
    )
  })

  it('whose letters were changed are refused or mean another place, and never break', () => {
    const good = encodeCursor('events', { time: NOW, sequence: 41 })
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.constantFrom(...'ABCxyz019-_=+'), (at, letter) => {
        const text = good.slice(0, at) + letter + good.slice(at + 1)
        try {
          const key = decodeCursor('events', text)
          expect(encodeCursor('events', key)).toBe(text)
        } catch (error) {
          expect(String(error)).toContain('cursor must be')
        }
      })
    )
  })
})

it('no query string whatever is answered with a 5xx, and each 400 has its form', async () => {
  const { url, journals } = await start()
  await journals.events.append([anEvent(1), anEvent(2)])
  const name = fc.oneof(
    fc.constantFrom(
      'from',
      'to',
      'class',
      'actor',
      'ip',
      'credential',
      'status',
      'text',
      'limit',
      'cursor',
      'journal',
      'rule',
      'level'
    ),
    fc.string({ maxLength: 12 })
  )
  const value = fc.oneof(
    fc.constantFrom(
      '-1h',
      '6003',
      '1',
      '%',
      '%zz',
      '%C0%80',
      '*',
      "' OR 1=1 --",
      '__proto__',
      '\ud800',
      '9'.repeat(400)
    ),
    fc.string({ unit: 'binary', maxLength: 30 })
  )
  const path = fc.constantFrom('/api/v1/events', '/api/v1/findings', '/api/v1/status', '/api/v1/events/x')
  const encode = (text: string) => encodeURIComponent(text.toWellFormed())
  await fc.assert(
    fc.asyncProperty(
      path,
      fc.array(fc.tuple(name, value, fc.boolean()), { maxLength: 5 }),
      async (where, pairs) => {
        const raw = (text: string) => text.replace(/[^!-~]|[#&]/g, '')
        const query = pairs
          .map(([key, text, encoded]) =>
            encoded ? `${encode(key)}=${encode(text)}` : `${raw(key)}=${raw(text)}`
          )
          .join('&')
        const answer = await fetch(`${url}${where}?${query}`)
        const body = await answer.json()
        expect(answer.status).toBeLessThan(500)
        if (answer.status !== 200)
          expect(body).toMatchObject({ error: { code: expect.stringMatching(/^KW_/) } })
      }
    ),
    { numRuns: 300 }
  )
})
