/**
 * Delivery by the real program to strict receivers: what is down, slow, hostile, closed to us or poisoned delays
 * nobody and loses nothing, and neither does a kill in the middle.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createKeywatch, freePort, type Keywatch } from '../e2e/keywatch.ts'
import { all, status, uid } from '../e2e/reading.ts'
import { countsOf, DOPPLER_SECRET, nginxLine, post } from '../e2e/senders.ts'
import { startDatadog } from '../receivers/datadog.ts'
import type { Chaos, Receiver, ReceiverOptions } from '../receivers/receiver.ts'
import { startSplunk } from '../receivers/splunk.ts'
import { startWebhook, TEST_SECRET } from '../receivers/webhook.ts'

const PATIENCE = { timeout: 110_000, interval: 200 }
const SINKS = ['dd', 'siem', 'hook'] as const
type SinkId = (typeof SINKS)[number]
type Ports = Readonly<Record<SinkId, number>>

const cleanup: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

async function setUp(batch: object = {}): Promise<{ keywatch: Keywatch; ports: Ports }> {
  const ports: Ports = { dd: await freePort(), siem: await freePort(), hook: await freePort() }
  const address = (id: SinkId) => `http://127.0.0.1:${ports[id]}`
  const keywatch = await createKeywatch({
    config: {
      sources: {
        edge: { type: 'access-log' },
        'doppler-prod': { type: 'doppler', secret: DOPPLER_SECRET }
      },
      sinks: {
        dd: { type: 'datadog', apiKey: 'dd-test-key', url: address('dd'), batch },
        siem: { type: 'splunk', token: 'hec-test-token', url: address('siem'), batch },
        hook: { type: 'webhook', secret: TEST_SECRET, url: address('hook'), batch }
      }
    }
  })
  cleanup.push(() => keywatch.remove())
  await keywatch.start()
  return { keywatch, ports }
}

/** A receiver that is stopped at the end of the test, whatever happens. */
async function up(id: SinkId, ports: Ports, options: ReceiverOptions = {}): Promise<Receiver> {
  const given = { ...options, port: ports[id] }
  const receiver = await (id === 'dd'
    ? startDatadog(given)
    : id === 'siem'
      ? startSplunk(given)
      : startWebhook(given))
  cleanup.push(() => receiver.stop())
  return receiver
}
const allUp = (ports: Ports, options: ReceiverOptions = {}) =>
  Promise.all(SINKS.map(id => up(id, ports, options)))

let line = 0
/** Posts lines in batches; every batch must be accepted. A burst of refusals among them makes a finding. */
async function send(keywatch: Keywatch, batches: number, size = 100): Promise<void> {
  for (let n = 0; n < batches; n++) {
    const lines = Array.from({ length: size }, (_, i) =>
      nginxLine({ ip: '203.0.113.8', time: Date.now(), uri: `/s/${line++}`, status: i < 12 ? 401 : 200 })
    )
    const counts = countsOf(await post(`${keywatch.url}/ingest/edge`, `${lines.join('\n')}\n`))
    expect(counts).toEqual({ accepted: size, quarantined: 0, duplicates: 0 })
  }
}

/** Ids of all events and findings there are. */
async function ids(keywatch: Keywatch): Promise<string[]> {
  const found = [...(await all(keywatch.url)), ...(await all(keywatch.url, {}, 'findings'))]
  return found.map(uid).toSorted()
}

const stateOf = async (keywatch: Keywatch, id: SinkId) =>
  (await status(keywatch.url)).sinks.find(sink => sink.id === id)

/** Waits until every sink has everything, and checks it: each id there is, and no other. */
async function expectAllDelivered(keywatch: Keywatch, receivers: readonly Receiver[][]): Promise<void> {
  const lag = async () =>
    (await status(keywatch.url)).sinks.map(({ lag: { events, findings } }) => events + findings)
  await expect.poll(lag, PATIENCE).toEqual(SINKS.map(() => 0))
  const expected = await ids(keywatch)
  for (const generations of receivers) {
    const got = new Set(generations.flatMap(receiver => [...receiver.accepted.keys()]))
    expect([...got].toSorted()).toEqual(expected)
  }
}

const CHAOS: Chaos = {
  tooMany: 0.05,
  unavailable: 0.05,
  slow: 0.02,
  slowMs: 300,
  reset: 0.05,
  resetMidAnswer: 0.05,
  tooLarge: 0.1,
  acceptThenDrop: 0.05
}

describe('sinks', () => {
  it('are down for the whole run: every sender is answered, and everything arrives when they are back', async () => {
    const { keywatch, ports } = await setUp()
    await send(keywatch, 30)
    await expect.poll(async () => (await stateOf(keywatch, 'siem'))?.state, PATIENCE).toBe('open')
    await send(keywatch, 5)
    expect((await all(keywatch.url, { source: 'edge' })).length).toBe(3500)
    const receivers = await allUp(ports)
    await expectAllDelivered(
      keywatch,
      receivers.map(one => [one])
    )
    // Nobody misbehaved, so nobody got anything twice.
    for (const receiver of receivers)
      expect([...receiver.accepted.values()].filter(times => times !== 1)).toEqual([])
    expect((await all(keywatch.url, {}, 'findings')).length).toBeGreaterThan(0)
  })

  it('one is down: the others get everything meanwhile', async () => {
    const { keywatch, ports } = await setUp()
    const [dd, hook] = [await up('dd', ports), await up('hook', ports)]
    await send(keywatch, 5)
    const expected = await ids(keywatch)
    for (const receiver of [dd, hook])
      await expect.poll(() => expected.filter(id => !receiver.accepted.has(id)), PATIENCE).toEqual([])
    expect((await stateOf(keywatch, 'siem'))?.lag.events).toBeGreaterThanOrEqual(500)
    const siem = await up('siem', ports)
    await expectAllDelivered(keywatch, [[dd], [siem], [hook]])
  })

  it('misbehave in every way: nothing is lost', async () => {
    const { keywatch, ports } = await setUp({ events: 50 })
    const receivers = await Promise.all(SINKS.map((id, n) => up(id, ports, { chaos: CHAOS, seed: 7 + n })))
    await send(keywatch, 20)
    await expectAllDelivered(
      keywatch,
      receivers.map(one => [one])
    )
    for (const { id, deadLetters } of (await status(keywatch.url)).sinks)
      expect({ id, deadLetters }).toEqual({ id, deadLetters: 0 })
  })

  it('refuse the credential for a while: they are on hold, nothing is lost, and it mends itself', async () => {
    const { keywatch, ports } = await setUp()
    const closed = [
      await startDatadog({ port: ports.dd, apiKey: 'rotated' }),
      await startSplunk({ port: ports.siem, token: 'rotated' }),
      await startWebhook({ port: ports.hook, secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` })
    ]
    await send(keywatch, 3)
    for (const id of SINKS)
      await expect
        .poll(() => stateOf(keywatch, id), PATIENCE)
        .toMatchObject({ state: 'held', reason: expect.stringMatching(/40[13]/), deadLetters: 0 })
    await send(keywatch, 3)
    for (const receiver of closed) {
      expect(receiver.accepted.size).toBe(0)
      await receiver.stop()
    }
    const receivers = await allUp(ports)
    await expectAllDelivered(
      keywatch,
      receivers.map(one => [one])
    )
  })

  it('refuse one event: it becomes a dead letter that can be listed, shown and sent again', async () => {
    const { keywatch, ports } = await setUp()
    await send(keywatch, 3)
    const poison = uid((await all(keywatch.url, { source: 'edge' }))[77] ?? expect.unreachable())
    let poisoned = true
    const chaos: Chaos = { poison: id => poisoned && id === poison }
    const receivers = await allUp(ports, { chaos })
    const letters = async () => (await status(keywatch.url)).sinks.map(sink => sink.deadLetters)
    await expect.poll(letters, PATIENCE).toEqual([1, 1, 1])

    const listed = await keywatch.command(['dlq', 'ls', '--json'])
    expect(listed.code).toBe(1)
    // The command's own output.
    const { items, total } = JSON.parse(listed.stdout) as {
      items: { id: string; sink: SinkId; event_uid: string; status: string }[]
      total: number
    }
    expect(total).toBe(3)
    expect(items.map(({ sink, event_uid, status: why }) => [sink, event_uid, why]).toSorted()).toEqual(
      SINKS.map(id => [id, poison, 'rejected']).toSorted()
    )
    const first = items[0]?.id ?? ''
    const shown = await keywatch.command(['dlq', 'show', first, '--json'])
    expect(shown.code).toBe(0)
    expect(JSON.parse(shown.stdout)).toMatchObject({ id: first, event: { metadata: { uid: poison } } })
    expect(await keywatch.command(['dlq', 'show', 'nothing'])).toMatchObject({ code: 2 })
    expect(await keywatch.command(['dlq', 'retry'])).toMatchObject({ code: 2 })

    // Still poison: it comes back.
    expect(await keywatch.command(['dlq', 'retry', first])).toMatchObject({ code: 0 })
    await sleep(3000)
    expect(await letters()).toEqual([1, 1, 1])
    poisoned = false
    expect(await keywatch.command(['dlq', 'retry', first])).toMatchObject({ code: 0 })
    for (const id of SINKS)
      expect(await keywatch.command(['dlq', 'retry', '--sink', id])).toMatchObject({ code: 0 })
    await expect.poll(letters, PATIENCE).toEqual([0, 0, 0])
    expect(await keywatch.command(['dlq', 'ls'])).toMatchObject({ code: 0 })
    await expectAllDelivered(
      keywatch,
      receivers.map(one => [one])
    )
  })

  it('kill -9 while delivering: every id arrives', async () => {
    const { keywatch, ports } = await setUp({ events: 20 })
    const receivers = await allUp(ports, { chaos: { slow: 0.02, slowMs: 200, acceptThenDrop: 0.02 } })
    for (let round = 0; round < 5; round++) {
      await send(keywatch, 5)
      await sleep(100 + 150 * round)
      await keywatch.kill()
      await keywatch.start()
    }
    await send(keywatch, 1)
    await expectAllDelivered(
      keywatch,
      receivers.map(one => [one])
    )
  })
})
