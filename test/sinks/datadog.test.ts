import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Sink } from '../../src/core/sink.ts'
import datadog, { toLog } from '../../src/sinks/datadog.ts'
import { startDatadog } from '../receivers/datadog.ts'
import { member, type Receiver } from '../receivers/receiver.ts'
import { sinkContract } from './contract.ts'
import { encoded, entryOf, finish, goldenEvents, HOSTILE, NOW, sampleEvent } from './sample.ts'

const KEY = 'dd-test-key'

sinkContract(datadog, {
  options: url => ({ url, apiKey: KEY, host: 'kw-1', tags: ['env:prod', 'team:sec'] }),
  secrets: [KEY],
  yes: { status: 202, body: '{}' },
  golden: 'datadog.http',
  eventsOf: body => JSON.parse(body).map((log: { ocsf: unknown }) => log.ocsf)
})

describe('datadog', () => {
  let receiver: Receiver
  let sink: Sink
  const never = new AbortController().signal
  beforeEach(async () => {
    receiver = await startDatadog({ apiKey: KEY, now: () => NOW })
    const options = datadog.options.parse({ url: receiver.url, apiKey: KEY })
    sink = await datadog.open(options, { id: 'dd', clock: { now: () => NOW, sleep: async () => {} }, fetch })
  })
  afterEach(() => receiver.stop())

  it.each([
    ['a day late', -86_400_000, 'keywatch.late:true'],
    ['18 hours late', -18 * 3_600_000, 'keywatch.late:true'],
    ['a day early', 86_400_000, 'keywatch.early:true'],
    ['an hour late', -3_600_000, undefined]
  ])('stamps an event that is %s so that Datadog keeps it', async (_, shift, tag) => {
    const event = sampleEvent(1, NOW + shift)
    expect(await sink.send(encoded(sink, [event]), never)).toEqual({ kind: 'accepted' })
    const log = receiver.stored[0]
    expect(member(log, 'timestamp')).toBe(tag === undefined ? event.time : NOW)
    expect(member(log, 'ocsf', 'time')).toBe(event.time)
    const tags = String(member(log, 'ddtags'))
    expect(/keywatch\.(late|early):true/.exec(tags)?.[0]).toBe(tag)
    expect(tags).toContain('kw.class:api_activity')
  })

  it('fills a batch to the limits of the intake and no further', async () => {
    const events = Array.from({ length: datadog.limits.events }, (_, n) => sampleEvent(n, NOW - 86_400_000))
    expect(await sink.send(encoded(sink, events), never)).toEqual({ kind: 'accepted' })
    const large = sampleEvent(5_000, NOW - 86_400_000)
    large.raw_data = 'r'.repeat(880_000)
    const one = encoded(sink, [large])
    const room = Math.floor(datadog.limits.bytes / ((one[0]?.bytes ?? 0) + 1))
    expect(await sink.send(Array.from({ length: room }, () => one).flat(), never)).toEqual({
      kind: 'accepted'
    })
  })

  it('drops the original of an event over 900 KB first, and keeps the rest', () => {
    const event = sampleEvent(1)
    event.raw_data = '\u20ac'.repeat(400_000)
    const log = JSON.parse(toLog(entryOf(event), { service: 's', host: undefined, tags: [] }))
    expect(log.ocsf.raw_data).toBeUndefined()
    expect(log.ocsf.metadata.is_truncated).toBe(true)
    expect(log.ocsf.message).toBe(event.message)
  })

  it.each([0, 1, 2, 3, 4, 5, 6] as const)(
    'gives severity %i a status of Datadog, not the one of OCSF',
    severity => {
      const event = sampleEvent(1)
      event.severity_id = severity
      const log = JSON.parse(toLog(entryOf(event), { service: 's', host: undefined, tags: [] }))
      const names = ['info', 'info', 'notice', 'warning', 'error', 'critical', 'emergency']
      expect(log.status).toBe(names[severity])
    }
  )

  it.each(HOSTILE)('makes no tag and no attribute of what an attacker writes: %s', async (_, text) => {
    const event = finish(goldenEvents()[0] ?? sampleEvent(0), 1)
    event.message = text
    event.unmapped.keywatch.source = text
    event.unmapped.keywatch.environment = text
    expect(await sink.send(encoded(sink, [event]), never)).toEqual({ kind: 'accepted' })
    const log = receiver.stored[0]
    expect(member(log, 'ddtags')).toMatch(
      /^kw\.class:api_activity,kw\.source:[\w./:-]{1,100},kw\.version:[\d.]+$/
    )
    expect(String(member(log, 'message'))).not.toMatch(/^\s*[{[]/)
  })

  it('waits as long as x-ratelimit-reset says', async () => {
    const limited: typeof fetch = async () =>
      new Response('', { status: 429, headers: { 'x-ratelimit-reset': '9' } })
    const options = datadog.options.parse({ apiKey: KEY })
    const clock = { now: () => NOW, sleep: async () => {} }
    const slow = await datadog.open(options, { id: 'dd', clock, fetch: limited })
    expect(await slow.send(encoded(slow, [sampleEvent(1)]), never)).toMatchObject({
      kind: 'retry',
      afterMs: 9_000
    })
  })

  it('goes to the intake of the site', async () => {
    const seen: string[] = []
    const watching: typeof fetch = async input => {
      seen.push(String(input))
      return new Response('{}', { status: 202 })
    }
    const options = datadog.options.parse({ apiKey: KEY, site: 'datadoghq.eu' })
    const clock = { now: () => NOW, sleep: async () => {} }
    const eu = await datadog.open(options, { id: 'dd', clock, fetch: watching })
    await eu.send(encoded(eu, [sampleEvent(1)]), never)
    expect(seen).toEqual(['https://http-intake.logs.datadoghq.eu/api/v2/logs'])
  })
})
