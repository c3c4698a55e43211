import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SinkDefinition } from '../../src/core/sink.ts'
import { createDeliverer } from '../../src/deliver/deliver.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { realDisk } from '../../src/lib/disk.ts'
import datadog from '../../src/sinks/datadog.ts'
import splunk from '../../src/sinks/splunk.ts'
import webhook from '../../src/sinks/webhook.ts'
import { memoryJournal } from '../fakes/journal.ts'
import { fakeLog } from '../fakes/log.ts'
import { startDatadog } from '../receivers/datadog.ts'
import { type Chaos, type Receiver, type ReceiverOptions, seededRandom } from '../receivers/receiver.ts'
import { startSplunk } from '../receivers/splunk.ts'
import { startWebhook, TEST_SECRET } from '../receivers/webhook.ts'
import { sampleEvent } from '../sinks/sample.ts'
import { fakeMetrics } from './harness.ts'

const SEED = Number(process.env['KW_SEED'] ?? 20_261_122)
const COUNT = 5_000
const untilTrue = async (done: () => boolean) => {
  while (!done()) await new Promise(resolve => setTimeout(resolve, 5))
}

const openSink = async <T extends SinkDefinition['options']>(
  definition: SinkDefinition<T>,
  options: unknown
) => definition.open(definition.options.parse(options), { id: definition.name, clock: systemClock, fetch })

describe('delivery through chaos', () => {
  const events = Array.from({ length: COUNT }, (_, n) => sampleEvent(n, Date.now() - 60_000 + n))
  const journal = memoryJournal('events')
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keywatch-chaos-'))
    await journal.append(events)
  })
  afterAll(() => rm(folder, { recursive: true }))

  it.each([
    [
      'datadog',
      (options: ReceiverOptions) => startDatadog(options),
      (url: string) => openSink(datadog, { url, apiKey: 'dd-test-key', timeout: '250ms' }),
      { ...datadog.limits, events: 100 }
    ],
    [
      'splunk',
      (options: ReceiverOptions) => startSplunk(options),
      (url: string) => openSink(splunk, { url, token: 'hec-test-token', timeout: '250ms' }),
      { ...splunk.limits, events: 100 }
    ],
    [
      'webhook',
      (options: ReceiverOptions) => startWebhook(options),
      (url: string) => openSink(webhook, { url, secret: TEST_SECRET, timeout: '250ms' }),
      webhook.limits
    ]
  ] as const)(`%s gets all of ${COUNT} events, seed ${SEED}`, async (id, start, open, limits) => {
    const poison = new Set([7, 1_234, 1_235, 4_999].map(n => events[n]?.metadata.uid))
    const chaos: Chaos = {
      tooMany: 0.06,
      unavailable: 0.06,
      slow: 0.02,
      slowMs: 400,
      reset: 0.05,
      resetMidAnswer: 0.05,
      tooLarge: 0.06,
      acceptThenDrop: 0.06,
      poison: uid => poison.has(uid)
    }
    const receiver: Receiver = await start({ chaos, seed: SEED })
    const log = fakeLog()
    const metrics = fakeMetrics()
    const deliverer = createDeliverer({
      sinks: [{ id, sink: await open(receiver.url), limits, batch: { events: 100, ageMs: 20 } }],
      journals: { events: journal, findings: memoryJournal('findings') },
      disk: realDisk,
      dataDir: folder,
      clock: systemClock,
      // Real time, so short waits.
      retry: { baseMs: 4, capMs: 50 },
      random: seededRandom(SEED),
      metrics,
      log,
      redactText: text => text
    })
    await deliverer.start()
    await untilTrue(() => deliverer.status()[0]?.lag.events === 0)
    await deliverer.stop()
    await receiver.stop()

    const dead = await deliverer.dlq.list({ sink: id, limit: 100 })
    expect(dead.items.map(item => item.event_uid)).toEqual([...poison])
    const expected = events.map(event => event.metadata.uid).filter(uid => !poison.has(uid))
    // 0 lost: every id is there. Once per id: `accepted` counts distinct ids, whatever was doubled on the way.
    expect([...receiver.accepted.keys()].sort()).toEqual(expected.sort())
    // Chaos happened: otherwise this proves nothing.
    expect(receiver.statuses.get(429)).toBeGreaterThan(0)
    expect(receiver.statuses.get(503)).toBeGreaterThan(0)
    expect(receiver.statuses.get(0)).toBeGreaterThan(0)
    expect(metrics.counts.get(`keywatch_sink_entries_total ${id}`)).toBe(expected.length)
    expect(metrics.counts.get(`keywatch_sink_dead_letters_total ${id}`)).toBe(poison.size)
  })
})
