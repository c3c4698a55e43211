import { describe, expect, it } from 'vitest'
import type { Exchange } from '../../src/lib/http.ts'
import splunk, { verdictOfHec } from '../../src/sinks/splunk.ts'
import { member } from '../receivers/receiver.ts'
import { type SplunkOptions, startSplunk } from '../receivers/splunk.ts'
import { sinkContract } from './contract.ts'
import { encoded, NOW, sampleEvent } from './sample.ts'

const TOKEN = 'hec-test-token'
const never = new AbortController().signal
const clock = { now: () => NOW, sleep: async () => {} }

sinkContract(splunk, {
  options: url => ({ url, token: TOKEN, index: 'mcp', host: 'kw-1' }),
  secrets: [TOKEN],
  yes: { status: 200, body: '{"text":"Success","code":0}' },
  golden: 'splunk.http',
  eventsOf: body => body.split('\n').map(line => JSON.parse(line).event)
})

const answer = (status: number, body: unknown): Exchange => ({
  kind: 'answer',
  status,
  headers: new Map(),
  text: typeof body === 'string' ? body : JSON.stringify(body),
  cut: false
})

describe('the result codes of HEC', () => {
  it.each([
    [0, 200, 'accepted'],
    [1, 403, 'hold'],
    [2, 401, 'hold'],
    [3, 401, 'hold'],
    [4, 403, 'hold'],
    [5, 400, 'split'],
    [6, 400, 'split'],
    [7, 400, 'hold'],
    [8, 500, 'retry'],
    [9, 503, 'retry'],
    [10, 400, 'hold'],
    [11, 400, 'hold'],
    [12, 400, 'split'],
    [13, 400, 'split'],
    [14, 400, 'hold'],
    [15, 400, 'split'],
    [16, 400, 'hold'],
    [18, 503, 'retry'],
    [19, 503, 'retry'],
    [20, 503, 'retry'],
    [21, 400, 'hold'],
    [22, 400, 'hold'],
    [23, 503, 'retry'],
    [24, 200, 'accepted'],
    [25, 200, 'accepted'],
    [26, 429, 'retry'],
    [27, 429, 'retry']
  ])('%i with HTTP %i means %s', (code, status, kind) => {
    expect(verdictOfHec(answer(status, { text: 'x', code }), 3, NOW).kind).toBe(kind)
  })

  it.each([6, 12, 13, 15])('%i with an event number takes that one out and sends the others again', code => {
    const verdict = verdictOfHec(answer(400, { text: 'bad', code, 'invalid-event-number': 1 }), 3, NOW)
    expect(verdict).toMatchObject({ kind: 'resend', rejected: [{ index: 1 }] })
  })

  it.each([
    ['a number beyond the batch', { code: 6, 'invalid-event-number': 3 }, 3, 'split'],
    ['one event alone', { code: 6, 'invalid-event-number': 0 }, 1, 'rejected'],
    ['a negative number', { code: 6, 'invalid-event-number': -1 }, 2, 'split'],
    ['no JSON', '<html>', 2, 'split'],
    ['a code that nobody knows', { code: 99 }, 2, 'split']
  ])('are read with care: %s', (_, body, entries, kind) => {
    expect(verdictOfHec(answer(400, body), entries, NOW).kind).toBe(kind)
  })
})

describe('splunk against a strict collector', () => {
  const withCollector = async (given: SplunkOptions, options: Record<string, unknown> = {}) => {
    const receiver = await startSplunk(given)
    try {
      const parsed = splunk.options.parse({ url: receiver.url, token: TOKEN, ...options })
      const sink = await splunk.open(parsed, { id: 'siem', clock, fetch })
      const verdict = await sink.send(
        encoded(
          sink,
          [0, 1, 2].map(n => sampleEvent(n))
        ),
        never
      )
      return { verdict, stored: receiver.stored }
    } finally {
      await receiver.stop()
    }
  }

  it('is understood: seconds, sourcetype by class, flat fields, the event as it is', async () => {
    const { verdict, stored } = await withCollector({})
    expect(verdict).toEqual({ kind: 'accepted' })
    expect(member(stored[0], 'time')).toBe(sampleEvent(0).time / 1000)
    expect(member(stored[0], 'sourcetype')).toBe('ocsf:keywatch:api_activity')
    expect(member(stored[0], 'event')).toEqual(sampleEvent(0))
  })

  it.each([
    ['a wrong token', { token: 'another' }, {}, 'hold', /token is unknown/],
    ['a disabled token', { disabled: true }, {}, 'hold', /token is disabled/],
    ['a token with acknowledgement', { useAck: true }, {}, 'hold', /acknowledgement/],
    ['an index that it may not write', { indexes: ['main'] }, { index: 'secret' }, 'hold', /index/],
    ['a collector without gzip', { encodings: ['identity' as const] }, {}, 'hold', /gzip/]
  ])('holds for %s and says why', async (_, given, options, kind, reason) => {
    const { verdict } = await withCollector(given, options)
    expect(verdict.kind).toBe(kind)
    expect(verdict.kind === 'hold' ? verdict.reason : '').toMatch(reason)
  })

  it('names the one event that the collector refuses', async () => {
    const poison = sampleEvent(1).metadata.uid
    const { verdict } = await withCollector({ chaos: { poison: id => id === poison } })
    expect(verdict).toMatchObject({ kind: 'resend', rejected: [{ index: 1 }] })
  })
})
