import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import webhook, { bodyOf, messageIdOf } from '../../src/sinks/webhook.ts'
import { startWebhook, TEST_SECRET } from '../receivers/webhook.ts'
import { sinkContract } from './contract.ts'
import { encoded, NOW, sampleEvent } from './sample.ts'

const OTHER = `whsec_${Buffer.from('another secret of thirty-two by!').toString('base64')}`
const never = new AbortController().signal

sinkContract(webhook, {
  options: url => ({ url: `${url}/hook`, secret: TEST_SECRET, secrets: [OTHER], token: 'bearer-test-token' }),
  secrets: [TEST_SECRET, OTHER, 'bearer-test-token'],
  yes: { status: 204, body: '' },
  golden: 'webhook.http',
  eventsOf: body => JSON.parse(body).data
})

const capture = async (options: Record<string, unknown>, now: number, count = 3) => {
  let headers: Record<string, string> = {}
  let body = ''
  const fetcher: typeof fetch = async (_, init) => {
    headers = Object.fromEntries(new Headers(init?.headers))
    body = String(init?.body)
    return new Response(null, { status: 204 })
  }
  const parsed = webhook.options.parse({ url: 'https://example.com/hook', ...options })
  const sink = await webhook.open(parsed, {
    id: 'w',
    clock: { now: () => now, sleep: async () => {} },
    fetch: fetcher
  })
  const batch = encoded(
    sink,
    Array.from({ length: count }, (_, n) => sampleEvent(n))
  )
  await sink.send(batch, never)
  return { headers, body, batch }
}

describe('webhook', () => {
  it('signs so that the standard package verifies it, under each of several active secrets', async () => {
    const { headers, body } = await capture({ secrets: [OTHER, TEST_SECRET] }, Date.now())
    expect(new Webhook(TEST_SECRET).verify(body, headers)).toMatchObject({ type: 'keywatch.events' })
    expect(new Webhook(OTHER).verify(body, headers)).toMatchObject({ type: 'keywatch.events' })
    const stranger = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
    expect(() => new Webhook(stranger).verify(body, headers)).toThrow()
    expect(() => new Webhook(TEST_SECRET).verify(`${body} `, headers)).toThrow()
  })

  it('keeps id and body over retries of a batch and renews the timestamp', async () => {
    const first = await capture({ secret: TEST_SECRET }, NOW)
    const second = await capture({ secret: TEST_SECRET }, NOW + 60_000)
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id'])
    expect(second.body).toBe(first.body)
    expect(Number(second.headers['webhook-timestamp'])).toBe(Number(first.headers['webhook-timestamp']) + 60)
  })

  it('gives another batch another id', async () => {
    const { batch } = await capture({ secret: TEST_SECRET }, NOW)
    expect(messageIdOf(batch)).not.toBe(messageIdOf(batch.slice(1)))
    expect(messageIdOf(batch)).not.toBe(messageIdOf(batch.toReversed()))
    expect(bodyOf(batch)).toContain('"type":"keywatch.events"')
  })

  it('is delivered to a strict receiver, and holds when that is gone', async () => {
    for (const [gone, kind] of [
      [false, 'accepted'],
      [true, 'hold']
    ] as const) {
      const receiver = await startWebhook({ gone })
      const clock = { now: () => Date.now(), sleep: async () => {} }
      const options = webhook.options.parse({ url: receiver.url, secret: TEST_SECRET, gzip: true })
      const sink = await webhook.open(options, { id: 'w', clock, fetch })
      const batch = encoded(
        sink,
        Array.from({ length: 30 }, (_, n) => sampleEvent(n))
      )
      const verdict = await sink.send(batch, never)
      await receiver.stop()
      expect(verdict.kind).toBe(kind)
      expect(receiver.accepted.size).toBe(gone ? 0 : 30)
    }
  })

  it.each([
    ['none', {}],
    ['a short one', { secret: 'whsec_AAAA' }],
    ['one without its prefix', { secret: Buffer.alloc(32).toString('base64') }],
    ['an empty list', { secrets: [] }]
  ])('refuses to go without a proper secret: %s', (_, options) => {
    expect(webhook.options.safeParse({ url: 'https://example.com', ...options }).success).toBe(false)
  })
})
