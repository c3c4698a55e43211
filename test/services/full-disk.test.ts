/**
 * A disk that is full, for real: a small tmpfs. Senders get 503 and nothing half-written; when there is room again,
 * Keywatch goes on by itself, and everything that it ever acknowledged is there.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKeywatch, type Keywatch } from '../e2e/keywatch.ts'
import { all, isDerived, journalEvents, status } from '../e2e/reading.ts'
import {
  type Answer,
  countsOf,
  DOPPLER_SECRET,
  dopplerBody,
  nginxLine,
  post,
  postDoppler
} from '../e2e/senders.ts'

const PATIENCE = { timeout: 60_000, interval: 200 }
const MIB = 1024 * 1024
const BATCH = 100

/** A tmpfs of 24 MB, or undefined where this user may not mount. */
function mountSmallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'keywatch-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24M', 'tmpfs', folder], { stdio: 'ignore' })
    return folder
  } catch {
    rmdirSync(folder)
    return undefined
  }
}

const CONFIG = {
  journal: { segmentSize: '2MiB', checkpointInterval: '1s' },
  sources: {
    'doppler-prod': { type: 'doppler', secret: DOPPLER_SECRET },
    edge: { type: 'access-log' }
  }
}

const disk = mountSmallDisk()
const ci = process.env['CI'] === 'true'
if (disk === undefined && !ci)
  process.stderr.write(
    'LOUD SKIP: a tmpfs cannot be mounted here (needs root); the full disk is not tested\n'
  )

it.runIf(disk === undefined && ci)('CI can mount a small disk', () => {
  expect.unreachable('mount -t tmpfs is not permitted, and CI must test the full disk')
})

describe.skipIf(disk === undefined)('a full disk', () => {
  const filler = join(disk ?? '', 'filler')
  const acknowledged: number[] = []
  let keywatch: Keywatch
  let next = 0
  let hook: Answer | undefined

  beforeAll(async () => {
    writeFileSync(filler, Buffer.alloc(10 * MIB))
    keywatch = await createKeywatch({
      dataDir: join(disk ?? '', 'data'),
      config: CONFIG
    })
    await keywatch.start()
  })
  afterAll(async () => {
    await keywatch.remove()
    execFileSync('umount', [disk ?? ''])
    rmSync(disk ?? '', { recursive: true })
  })

  /** Posts one batch of lines with numbers of their own; remembers them if they were acknowledged. */
  async function send(): Promise<Answer> {
    const numbers = Array.from({ length: BATCH }, () => next++)
    // Text that does not compress, so that sealed segments take room too.
    const lines = numbers.map(n =>
      nginxLine({
        time: Date.now(),
        uri: `/d/${n}`,
        agent: Buffer.from(`${n * 7919}`.repeat(40)).toString('hex')
      })
    )
    const answer = await post(`${keywatch.url}/ingest/edge`, `${lines.join('\n')}\n`)
    if (answer.status === 200) {
      expect(countsOf(answer)).toEqual({ accepted: BATCH, quarantined: 0, duplicates: 0 })
      acknowledged.push(...numbers)
    }
    return answer
  }
  const ready = async () => (await fetch(`${keywatch.url}/readyz`)).status
  const present = async () => {
    const found = await all(keywatch.url, { source: 'edge' })
    return found.map(event => Number(event.http_request?.url?.path?.slice(3))).toSorted((a, b) => a - b)
  }

  it('answers 503 with Retry-After, says that it is not ready, and goes on living', async () => {
    // Compressing finished segments makes room again for a while, so one 503 is not yet the end.
    let answer = await send()
    for (let refused = 0, tries = 0; refused < 10 && tries < 2000; tries++) {
      answer = await send()
      refused = answer.status === 200 ? 0 : refused + 1
      if (refused > 0) await sleep(50)
    }
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code: 'KW_JOURNAL_FULL' } })
    expect(await ready()).toBe(503)
    expect((await status(keywatch.url)).journals.events.healthy).toBe(false)
    expect(acknowledged.length).toBeGreaterThan(BATCH)
    expect((await fetch(`${keywatch.url}/healthz`)).status).toBe(200)
    // What is in the index can be asked for, however far behind it is.
    expect((await fetch(`${keywatch.url}/api/v1/events?source=edge`)).status).toBe(200)
    // Something small may still fit; whichever it is, the sender is told.
    hook = await postDoppler(keywatch.url, dopplerBody('FULL'))
    expect([200, 503]).toContain(hook.status)
  })

  it('goes on by itself when there is room, without a restart', async () => {
    rmSync(filler)
    await expect.poll(async () => (await send()).status, PATIENCE).toBe(200)
    expect(await ready()).toBe(200)
    for (let n = 0; n < 5; n++) expect((await send()).status).toBe(200)
    // What was refused before is new now, and what was taken is not.
    const again = countsOf(await postDoppler(keywatch.url, dopplerBody('FULL')))
    expect(again.accepted).toBe(hook?.status === 503 ? 1 : 0)
    await expect.poll(() => isDerived(keywatch.url), PATIENCE).toBe(true)
    expect(await present()).toEqual(acknowledged)
  })

  it('can be stopped and started while it is full, and loses nothing', async () => {
    // Whatever is not in the index yet when it is stopped cannot be put there.
    expect(await keywatch.stop()).toBe(0)
    await keywatch.configure({ ...CONFIG, store: { flushInterval: '10m' } })
    await keywatch.start()
    // Takes all the room there is.
    try {
      for (let n = 0; n < 24; n++) writeFileSync(filler, Buffer.alloc(MIB), { flag: 'a' })
    } catch {
      // Full.
    }
    let answer = await send()
    for (let tries = 0; answer.status === 200 && tries < 100; tries++) answer = await send()
    expect(answer.status).toBe(503)
    expect(await keywatch.stop()).toBe(0)
    rmSync(filler)
    await keywatch.start()
    await expect.poll(present, PATIENCE).toEqual(acknowledged)
    expect(await keywatch.stop()).toBe(0)
  })

  it('leaves a journal that verify calls intact, with everything acknowledged and nothing twice', async () => {
    expect(await keywatch.command(['verify'])).toMatchObject({ code: 0 })
    const lines = (await journalEvents(keywatch.dataDir, 'events')).filter(
      event => event.unmapped.keywatch.source === 'edge'
    )
    const numbers = lines.map(event => Number(event.http_request?.url?.path?.slice(3)))
    expect(numbers.toSorted((a, b) => a - b)).toEqual(acknowledged)
  })
})
