/** The judges are judged: what the strict receivers say to requests that our sinks never send. */
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NOW } from '../sinks/sample.ts'
import { startDatadog } from './datadog.ts'
import { type Receiver, seededRandom } from './receiver.ts'
import { startSplunk } from './splunk.ts'

const post = async (url: string, body: string | Buffer, headers: Record<string, string>) => {
  const response = await fetch(url, { method: 'POST', body, headers })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

describe('the collector of Splunk on loopback', () => {
  let receiver: Receiver
  beforeAll(async () => {
    receiver = await startSplunk({ indexes: ['main'] })
  })
  afterAll(() => receiver.stop())
  const send = (
    body: string | Buffer,
    headers: Record<string, string> = {},
    path = '/services/collector/event'
  ) => post(receiver.url + path, body, { authorization: 'Splunk hec-test-token', ...headers })

  it.each([
    ['an empty body', '', 400, { code: 5 }],
    ['no JSON', '{"event":1} nonsense', 400, { code: 6, 'invalid-event-number': 1 }],
    ['a torn envelope', '{"event":1}{"event":', 400, { code: 6, 'invalid-event-number': 1 }],
    [
      'an index that it may not write, one too high',
      '{"event":1}{"event":1,"index":"x"}',
      400,
      { code: 7, 'invalid-event-number': 2 }
    ],
    ['no event', '{"event":1}{"time":1}', 400, { code: 12, 'invalid-event-number': 1 }],
    ['a blank event', '{"event":{}}', 400, { code: 13, 'invalid-event-number': 0 }],
    ['a time that is none', '{"event":1,"time":"noon"}', 400, { code: 15, 'invalid-event-number': 0 }],
    ['nested fields', '{"event":1,"fields":{"a":{"b":1}}}', 400, { code: 15, 'invalid-event-number': 0 }],
    ['fields that are a list', '{"event":1,"fields":[1]}', 400, { code: 6, 'invalid-event-number': 0 }],
    ['braces in strings', '{"event":"}{\\""}\n{"event":"{"}', 200, { code: 0 }]
  ])('answers %s', async (_, body, status, answer) => {
    const got = await send(body)
    expect(got.status).toBe(status)
    expect(JSON.parse(got.text)).toMatchObject(answer)
  })

  it.each([
    ['Bearer', 'Bearer hec-test-token', 401, 3],
    ['a scheme in small letters', 'splunk hec-test-token', 401, 3],
    ['a wrong token', 'Splunk no', 403, 4]
  ])('refuses %s', async (_, authorization, status, code) => {
    const got = await send('{"event":1}', { authorization })
    expect([got.status, JSON.parse(got.text).code]).toEqual([status, code])
  })

  it('answers a body that is too large, or in an encoding that it does not know, with a web page', async () => {
    const large = await send(gzipSync(`{"event":"${'x'.repeat(1_100_000)}"}`), { 'content-encoding': 'gzip' })
    expect([large.status, large.text.startsWith('<')]).toEqual([413, true])
    const strange = await send('{"event":1}', { 'content-encoding': 'br' })
    expect([strange.status, strange.text.startsWith('<')]).toEqual([415, true])
  })

  it('is healthy, and has no other paths', async () => {
    expect(JSON.parse((await send('', {}, '/services/collector/health')).text).code).toBe(17)
    expect((await send('', {}, '/services/collector/nothing')).status).toBe(404)
  })
})

describe('the intake of Datadog on loopback', () => {
  let receiver: Receiver
  beforeAll(async () => {
    receiver = await startDatadog({ now: () => NOW })
  })
  afterAll(() => receiver.stop())
  const log = (more: object = {}) => ({ timestamp: NOW, message: 'm', keywatch: { event_uid: 'u' }, ...more })
  const send = (body: unknown, headers: Record<string, string> = {}) =>
    post(`${receiver.url}/api/v2/logs`, typeof body === 'string' ? body : JSON.stringify(body), {
      'dd-api-key': 'dd-test-key',
      'content-type': 'application/json',
      ...headers
    })

  it.each([
    ['a log', [log()], 202],
    ['a log without a list', log(), 202],
    ['no JSON', '[', 400],
    ['1,001 logs', Array.from({ length: 1_001 }, () => log()), 413],
    ['over 5 MB', 'x'.repeat(5_000_001), 413],
    ['a log over 1 MB', [log({ message: 'x'.repeat(1_000_000) })], 400],
    ['a log of yesterday', [log({ timestamp: NOW - 19 * 3_600_000 })], 400],
    ['a log of tomorrow', [log({ timestamp: NOW + 3 * 3_600_000 })], 400],
    ['101 tags', [log({ ddtags: Array.from({ length: 101 }, (_, n) => `a:${n}`).join() })], 400],
    ['OCSF at the root', [log({ severity: 'High' })], 400]
  ])('answers %s', async (_, body, status) => {
    expect((await send(body)).status).toBe(status)
  })

  it('tells a missing key from a wrong one', async () => {
    expect((await send([log()], { 'dd-api-key': 'no' })).status).toBe(403)
    const got = await post(`${receiver.url}/api/v2/logs`, '[]', { 'content-type': 'application/json' })
    expect(got.status).toBe(401)
  })
})

it('the same seed gives the same chaos', () => {
  const [a, b, c] = [seededRandom(7), seededRandom(7), seededRandom(8)]
  const draw = (random: () => number) => Array.from({ length: 20 }, random)
  const first = draw(a)
  expect(draw(b)).toEqual(first)
  expect(draw(c)).not.toEqual(first)
})
