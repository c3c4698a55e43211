/** Made-up traffic: the same for the same seed, taken by every source, harmless without the attack, and found with it. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OcsfEvent } from '../../src/core/event.ts'
import { deliveries } from '../../src/traffic/deliveries.ts'
import { fleetOf, storyOf, type TrafficOptions, traffic } from '../../src/traffic/traffic.ts'
import { expectOcsf } from '../ocsf.ts'
import { DAY, MORNING, play } from './setup.ts'

const digest = (options: TrafficOptions) => {
  const hash = createHash('sha256')
  for (const { channel, body } of deliveries(traffic(options), { recordsMax: 100, windowMs: 5000 }))
    hash.update(`${channel}\n${body}\n`)
  return hash.digest('hex')
}

describe('traffic', () => {
  it('is the same to the byte for the same options, and another for any other', () => {
    const others: Partial<TrafficOptions>[] = [
      {},
      { seed: 8 },
      { start: MORNING + 1 },
      { minutes: 61 },
      { rate: 61 },
      { attack: false }
    ]
    const first = others.map(more => digest({ ...DAY, ...more }))
    expect(new Set(first).size).toBe(others.length)
    expect(others.map(more => digest({ ...DAY, ...more }))).toEqual(first)
  })

  it('is in the order of time, within the span but for the night before, and as much as was asked for', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 0, max: 10 * 366 * 24 * 60 }),
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 90 }),
        fc.boolean(),
        (seed, day, minutes, rate, attack) => {
          const start = MORNING + day * 60_000
          const options = { seed, start, minutes, rate, attack }
          const { change } = storyOf(options)
          let last = Number.NEGATIVE_INFINITY
          let count = 0
          for (const { time } of traffic(options)) {
            expect(time).toBeGreaterThanOrEqual(last)
            expect(time === change.time || time >= start).toBe(true)
            expect(time).toBeLessThan(start + minutes * 60_000)
            last = time
            count++
          }
          const asked = minutes * rate + (attack ? 65 : 0)
          expect(Math.abs(count - asked)).toBeLessThan(20)
        }
      ),
      { numRuns: 30 }
    )
  })

  it('has a fleet of a dozen servers and forty credentials, all different, none without FAKE in it', () => {
    const { servers, people, automations, credentials } = fleetOf(DAY)
    expect(servers).toHaveLength(12)
    expect(people).toHaveLength(25)
    expect(automations).toHaveLength(5)
    const used = [...people, ...automations].flatMap(one => one.access.map(({ server }) => server.name))
    expect(new Set(used).size).toBe(12)
    const secrets = credentials.map(one => one.secretAt(MORNING, 'mcp-github'))
    expect(new Set(secrets).size).toBe(40)
    for (const secret of secrets) expect(secret).toContain('FAKE')
    const jwt = credentials.find(one => one.format === 'jwt')
    expect(jwt?.secretAt(MORNING, 'mcp-github')).not.toBe(jwt?.secretAt(MORNING + 3_600_000, 'mcp-github'))
  })
})

const QUIET: readonly (readonly [string, TrafficOptions])[] = [
  ['a working hour', { ...DAY, attack: false }],
  [
    'a working day and its night',
    { ...DAY, start: MORNING - 9 * 3_600_000, minutes: 24 * 60, rate: 4, attack: false }
  ],
  ['a Sunday', { ...DAY, start: MORNING + 2 * 86_400_000, rate: 120, attack: false }],
  ['a crowded minute', { ...DAY, minutes: 3, rate: 3000, attack: false }],
  ['another company', { ...DAY, seed: 4711, attack: false }]
]

describe.each(QUIET)('without the attack: %s', (_, options) => {
  it('is accepted by every source, and no detector finds anything', async () => {
    const played = await play(options)
    expect(played.refusals).toEqual([])
    expect(played.result).toEqual({ accepted: played.records, quarantined: 0, duplicates: 0 })
    expect(played.findings.map(finding => finding.message)).toEqual([])
  })
})

const ruleTitles = (findings: readonly OcsfEvent[]) => findings.map(one => one.finding_info?.title).sort()

describe('with the attack', async () => {
  const story = storyOf(DAY)
  const played = await play(DAY)
  const from = (ip: string) => played.events.filter(event => event.src_endpoint?.ip === ip)

  it('is accepted by every source, as events that OCSF allows and without a secret in them', () => {
    expect(played.refusals).toEqual([])
    expect(played.result).toEqual({ accepted: played.records, quarantined: 0, duplicates: 0 })
    expect(played.events).toHaveLength(played.records)
    const secrets = fleetOf(DAY).credentials.map(one => one.secretAt(MORNING, 'mcp-github'))
    for (const event of played.events) {
      expectOcsf(event)
      const text = JSON.stringify(event)
      expect(secrets.some(secret => text.includes(secret))).toBe(false)
    }
  })

  it('gives every event of the planted token to a lookup: where it leaked, its owner, and the thief', () => {
    const { exposure, misuse } = story
    const holding = [...traffic(DAY)].filter(record => record.text.includes(exposure.token))
    const [summary, ...more] = played.lookup(exposure.token)
    expect(more).toEqual([])
    expect(summary).toMatchObject({ events: holding.length, exposed: 1, presented: holding.length - 1 })
    expect(summary?.ips).toContain(misuse.address)
    expect(summary?.ips).toContain(exposure.address)
    expect(summary?.ips).toHaveLength(2)
    expect(summary?.actors).toEqual([exposure.owner])
    const leak = played.events.find(event =>
      event.unmapped.keywatch.credentials?.some(
        one => one.use === 'exposed' && one.fingerprint === summary?.fingerprint
      )
    )
    // nginx writes whole seconds.
    expect(leak?.time).toBe(Math.floor(exposure.time / 1000) * 1000)
    expect(leak?.src_endpoint?.ip).toBe(exposure.address)
  })

  it('shows the thief at the gateway and in the spans, with the same credential and only there', () => {
    const { misuse, exposure } = story
    const [fingerprint] = played.lookup(exposure.token).map(one => one.fingerprint)
    const calls = from(misuse.address).filter(event => event.unmapped.keywatch.mcp?.method === 'tools/call')
    expect(calls.filter(event => event.unmapped.keywatch.source === 'gateway')).toHaveLength(misuse.calls)
    expect(calls.filter(event => event.unmapped.keywatch.source === 'otlp')).toHaveLength(misuse.calls)
    for (const event of calls) {
      const found = event.unmapped.keywatch.credentials?.filter(one => one.type === 'github-pat')
      expect(found).toMatchObject([{ fingerprint, use: 'presented' }])
      expect(misuse.tools).toContain(event.unmapped.keywatch.mcp?.tool)
    }
    const times = calls.filter(event => event.unmapped.keywatch.source === 'gateway').map(event => event.time)
    expect([Math.min(...times), Math.max(...times)]).toEqual([misuse.from, misuse.to])
  })

  it('makes one finding of the burst, which ends in a success', () => {
    const { burst } = story
    const events = from(burst.address)
    const refused = events.filter(event => event.http_response?.code === 401)
    expect(refused).toHaveLength(burst.refused)
    expect(burst.to - burst.from).toBeLessThan(60_000)
    const gateway = events.filter(event => event.unmapped.keywatch.source === 'gateway')
    expect(gateway.map(event => [event.time, event.actor?.user?.name])).toEqual([
      [burst.succeededAt, burst.user]
    ])
    const found = played.findings.filter(
      one => one.unmapped.keywatch.finding?.group?.['src_endpoint.ip'] === burst.address
    )
    expect(ruleTitles(found)).toEqual(['Burst of refused authentication from one address'])
  })

  it('makes a finding of the change at night, if the calendar says that nobody works then', async () => {
    const { change } = story
    const title = 'Secret changed outside working hours'
    const found = played.findings.filter(one => one.finding_info?.title === title)
    expect(found.map(one => one.unmapped.keywatch.finding?.group)).toMatchObject([
      { 'secret.name': change.secret, 'secret.path': `${change.project}/${change.config}` }
    ])
    expect(found[0]?.finding_info?.first_seen_time).toBe(change.time)
    const always = await play(DAY, { workdays: 'sun-sat', hours: '00:00-24:00' })
    expect(ruleTitles(always.findings)).not.toContain(title)
  })

  it('has the look-alike seen for what it is by an inventory of the fleet', () => {
    const { lookalike } = story
    const events = played.events.filter(event => event.unmapped.keywatch.mcp?.server?.name === lookalike.name)
    expect(events).toHaveLength(lookalike.calls)
    expect(events[0]?.time).toBe(lookalike.time)
    for (const event of events) {
      expect(event.unmapped.keywatch.mcp?.server).toMatchObject({
        known: false,
        lookalike_of: lookalike.imitates
      })
      expect(event.actor?.user?.name).toBe(lookalike.user)
    }
    const strange = played.events.filter(event => event.unmapped.keywatch.mcp?.server?.known === false)
    expect(strange).toHaveLength(lookalike.calls)
  })
})

describe.each([
  ['a minute', { ...DAY, minutes: 1 }],
  ['a Sunday', { ...DAY, start: MORNING + 2 * 86_400_000 }],
  ['a night', { ...DAY, start: MORNING + 14 * 3_600_000, seed: 1 }]
] as const)('the attack within %s', (_, options) => {
  it('is found too', async () => {
    const { findings } = await play(options)
    expect(ruleTitles(findings)).toEqual(
      expect.arrayContaining([
        'Burst of refused authentication from one address',
        'Secret changed outside working hours'
      ])
    )
  })
})
