/**
 * kill -9 under load, twenty times: nothing that was acknowledged is lost, and nothing is there twice, although
 * every sender sends again what was never answered. Senders: log batches, a webhook, and a file that is tailed.
 */
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OcsfEvent } from '../../src/core/event.ts'
import { createKeywatch, type Keywatch } from '../e2e/keywatch.ts'
import { all, isDerived, journalEvents, status, storedRows } from '../e2e/reading.ts'
import { type Answer, DOPPLER_SECRET, dopplerBody, nginxLine, post, postDoppler } from '../e2e/senders.ts'
import { expectOcsf } from '../ocsf.ts'
import { seededRandom } from '../receivers/receiver.ts'

const ROUNDS = 20
const BATCH = 40
const CLIENTS = 3
const PATIENCE = { timeout: 60_000, interval: 100 }
const seed = Number(process.env['KW_SEED'] ?? Date.now() % 1_000_000)
const random = seededRandom(seed)

let keywatch: Keywatch
let tailed = ''
beforeAll(async () => {
  process.stdout.write(`kill.test.ts: KW_SEED=${seed}\n`)
  keywatch = await createKeywatch({ config: {} })
  tailed = join(keywatch.folder, 'access.log')
  await writeFile(tailed, '')
  await keywatch.configure({
    // Small segments, so that kills also hit rolling and compressing.
    journal: { segmentSize: '128KiB', checkpointInterval: '1s' },
    store: { flushInterval: '100ms' },
    sources: {
      'doppler-prod': { type: 'doppler', secret: DOPPLER_SECRET },
      edge: { type: 'access-log' },
      file: { type: 'access-log', path: tailed, poll: '20ms' }
    }
  })
})
afterAll(() => keywatch.remove())

/** Sends until it is answered with 200, however often the far side dies meanwhile. */
async function insist(send: () => Promise<Answer>): Promise<void> {
  for (;;) {
    const answer = await send().catch(() => undefined)
    if (answer?.status === 200) return
    // Anything but a death or a 503 would be a refusal of what is right.
    if (answer !== undefined && answer.status !== 503) throw new Error(`answered ${answer.status}`)
    await sleep(20)
  }
}

interface Load {
  stopped: boolean
  readonly acknowledged: { edge: number[]; doppler: number[] }
  appended: number
}

let next = 0
async function logClient(load: Load): Promise<void> {
  while (!load.stopped) {
    const numbers = Array.from({ length: BATCH }, () => next++)
    const lines = numbers.map(n => JSON.stringify({ remote_addr: '192.0.2.7', status: 200, uri: `/n/${n}` }))
    await insist(() => post(`${keywatch.url}/ingest/edge`, `${lines.join('\n')}\n`))
    load.acknowledged.edge.push(...numbers)
  }
}

async function hookClient(load: Load): Promise<void> {
  for (let n = 0; !load.stopped; n++) {
    await insist(() => postDoppler(keywatch.url, dopplerBody(`SECRET_${n}`)))
    load.acknowledged.doppler.push(n)
    await sleep(5)
  }
}

async function fileWriter(load: Load): Promise<void> {
  while (!load.stopped) {
    const lines = Array.from(
      { length: 5 },
      () => `${nginxLine({ time: Date.now(), uri: `/f/${load.appended++}` })}\n`
    )
    // In two pieces, so that a kill finds half a line.
    const text = lines.join('')
    await appendFile(tailed, text.slice(0, -20))
    await sleep(3)
    await appendFile(tailed, text.slice(-20))
    await sleep(5)
  }
}

/** How often each number is there: `/n/17` → 17. */
function counts(events: readonly OcsfEvent[], numberOf: (event: OcsfEvent) => string | undefined) {
  const found = new Map<number, number>()
  for (const event of events) {
    const number = Number(numberOf(event))
    found.set(number, (found.get(number) ?? 0) + 1)
  }
  return found
}
const pathNumber = (event: OcsfEvent) => event.http_request?.url?.path?.slice(3)

function expectOnce(found: ReadonlyMap<number, number>, acknowledged: readonly number[]): void {
  expect(acknowledged.filter(number => !found.has(number))).toEqual([])
  expect([...found].filter(([, times]) => times !== 1)).toEqual([])
  expect(found.has(Number.NaN)).toBe(false)
}

describe('kill -9 under load', () => {
  const load: Load = { stopped: false, acknowledged: { edge: [], doppler: [] }, appended: 0 }

  it(`${ROUNDS} kills: every sender gets its answers in the end, and it always starts again`, async () => {
    await keywatch.start()
    const clients = Promise.all([
      ...Array.from({ length: CLIENTS }, () => logClient(load)),
      hookClient(load),
      fileWriter(load)
    ])
    clients.catch(() => {})
    for (let round = 0; round < ROUNDS; round++) {
      await sleep(150 + random() * 650)
      await keywatch.kill()
      await keywatch.start()
    }
    load.stopped = true
    await clients
    expect(load.acknowledged.edge.length).toBeGreaterThan(ROUNDS * BATCH)
    expect(load.acknowledged.doppler.length).toBeGreaterThan(ROUNDS)
  })

  it('every acknowledged number is there exactly once, and each line of the file', async () => {
    const lines = Array.from({ length: load.appended }, (_, n) => n)
    await expect
      .poll(async () => (await all(keywatch.url, { source: 'file' })).length, PATIENCE)
      .toBeGreaterThanOrEqual(load.appended)
    await expect.poll(() => isDerived(keywatch.url), PATIENCE).toBe(true)
    const edge = await all(keywatch.url, { source: 'edge' })
    const doppler = await all(keywatch.url, { source: 'doppler-prod' })
    expectOnce(counts(edge, pathNumber), load.acknowledged.edge)
    expectOnce(counts(await all(keywatch.url, { source: 'file' }), pathNumber), lines)
    const secretNumber = (event: OcsfEvent) => event.unmapped.keywatch.secret?.name?.slice(7)
    expectOnce(counts(doppler, secretNumber), load.acknowledged.doppler)
    for (const event of [...edge.slice(0, 500), ...doppler]) expectOcsf(event)
    process.stdout.write(
      `kill.test.ts: ${ROUNDS} kills, ${load.acknowledged.edge.length} log lines, ` +
        `${load.acknowledged.doppler.length} webhooks, ${load.appended} lines of a file: none lost, none twice\n`
    )
  })

  it('index and journal agree, and verify is content', async () => {
    // Checkpoints are made meanwhile, so the two are asked until they are asked between them.
    await expect
      .poll(async () => {
        const { entries } = (await status(keywatch.url)).journals.events
        return (await all(keywatch.url)).length - entries
      }, PATIENCE)
      .toBe(0)
    expect(await keywatch.stop()).toBe(0)
    const inFiles = await journalEvents(keywatch.dataDir, 'events')
    const rows = await storedRows(keywatch.dataDir, 'events')
    // The last checkpoints are made when nothing reads any more; the next start indexes them.
    const rest = inFiles.slice(rows).map(event => event.unmapped.keywatch.action)
    expect(rest.length).toBeLessThanOrEqual(4)
    expect(rest.filter(action => action !== 'keywatch.checkpoint')).toEqual([])
    const verified = await keywatch.command(['verify', '--json'])
    expect(verified.code).toBe(0)
    expect(JSON.parse(verified.stdout)).toMatchObject({
      events: { status: 'intact', entries: inFiles.length, problems: [] }
    })
  })
})
