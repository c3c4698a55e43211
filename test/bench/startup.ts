/**
 * How soon is Keywatch ready, and what does it hold while nothing happens? With an empty data folder, and with a
 * journal of a gigabyte: first without an index, which it then builds, and once more with it.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { apiActivity } from '../../src/core/build.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import { openFileJournal } from '../../src/journal/file.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { realDisk } from '../../src/lib/disk.ts'
import { uuidV7 } from '../../src/lib/event-id.ts'
import { journalFolder } from '../../src/parts.ts'
import { Random } from '../../src/traffic/random.ts'
import { startKeywatch } from './keywatch-process.ts'
import type { Row } from './table.ts'

/** Starts that the ready time is the median of. */
const STARTS = 5
/** Garbage of the start is collected by then. */
const SETTLE_MS = 3000
const BATCH = 2000

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** An event as a gateway's log gives it, of about a kilobyte. */
function eventOf(i: number, random: Random, newId: (ms: number) => string): OcsfEvent {
  const time = systemClock.now() - 86_400_000 + i
  const server = `mcp-${i % 60}`
  const fingerprint = `kwfp1.bench.${String(i % 2000).padStart(22, 'A')}`
  const event = apiActivity({
    time,
    activity: 'other',
    status: 'success',
    api: { operation: 'tools/call', service: { name: server } },
    actor: { user: { name: `user${i % 200}@example.com` } },
    src: { ip: `10.0.${i % 8}.${i % 250}` },
    request: {
      http_method: 'POST',
      url: { path: '/mcp', hostname: `${server}.internal` },
      uid: random.hex(16)
    },
    response: { code: 200, length: random.below(90_000) },
    raw: `{"msg":"POST tools/call github.create_issue","request":{"id":"${random.hex(16)}","authorization":"Bearer [REDACTED:github-pat:${fingerprint}]"}}`,
    keywatch: {
      action: 'mcp.tools/call',
      credentials: [
        { fingerprint, type: 'github-pat', where: 'request.headers.authorization', use: 'presented' }
      ],
      mcp: { method: 'tools/call', tool: 'github.create_issue', server: { name: server } }
    }
  })
  event.metadata.uid = newId(time)
  event.metadata.logged_time = time
  event.unmapped.keywatch.source = 'edge'
  event.unmapped.keywatch.source_type = 'access-log'
  return event
}

/** Writes a journal of at least so many bytes, before compression, as Keywatch itself does. Answers its entries. */
async function writeJournal(dataDir: string, bytes: number): Promise<number> {
  const journal = await openFileJournal({
    disk: realDisk,
    clock: systemClock,
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    name: 'events',
    folder: journalFolder(dataDir, 'events'),
    segmentBytes: 64 * 1024 ** 2,
    segmentAgeMs: 86_400_000,
    pendingBytesMax: 64 * 1024 ** 2,
    marksMax: 1000,
    compressLevel: 1,
    tailBytes: 1024 ** 2
  })
  const random = new Random('keywatch/bench/journal')
  const newId = uuidV7()
  let count = 0
  for (let written = 0; written < bytes; ) {
    const batch = Array.from({ length: BATCH }, () => eventOf(count++, random, newId))
    written += JSON.stringify(batch).length
    await journal.append(batch)
  }
  await journal.idle()
  await journal.close()
  return count
}

/** One start of an empty folder; answers the ready time and the memory a few seconds later. */
async function emptyStart(folder: string, settleMs: number) {
  await rm(folder, { recursive: true, force: true })
  const keywatch = await startKeywatch(folder)
  await sleep(settleMs)
  const figures = { readyMs: keywatch.readyMs, idleMiB: keywatch.rssMiB() }
  await keywatch.stop()
  return figures
}

export async function startupEmpty(parent: string): Promise<Row> {
  const folder = join(parent, 'empty')
  const starts: number[] = []
  let idleMiB = Number.NaN
  // The first start fills Node's compile cache and does not count.
  await emptyStart(folder, 0)
  for (let i = 0; i < STARTS; i++) {
    const last = i === STARTS - 1
    const figures = await emptyStart(folder, last ? SETTLE_MS : 0)
    starts.push(figures.readyMs)
    if (last) idleMiB = figures.idleMiB
  }
  await rm(folder, { recursive: true, force: true })
  const note = `median of ${STARTS} starts, idle after ${SETTLE_MS / 1000} s`
  return { workload: 'startup/empty: no data', readyMs: median(starts), idleMiB, note }
}

/** `megabytes` of entries before compression. */
export async function startupFull(parent: string, megabytes: number): Promise<Row[]> {
  const folder = join(parent, 'full')
  const name = megabytes >= 1000 ? `${megabytes / 1000} GB` : `${megabytes} MB`
  try {
    const events = await writeJournal(join(folder, 'data'), megabytes * 1e6)
    const first = await startKeywatch(folder)
    await first.drained()
    const rebuild: Row = {
      workload: `startup/rebuild: ${name} of journal, no index`,
      events,
      cpuSeconds: first.cpuSeconds(),
      readyMs: first.readyMs,
      peakMiB: first.peakMiB(),
      note: 'index and detectors catch up after it is ready'
    }
    await first.stop()
    const second = await startKeywatch(folder)
    await second.drained()
    await sleep(SETTLE_MS)
    const restart: Row = {
      workload: `startup/journal: ${name} of journal and its index`,
      readyMs: second.readyMs,
      idleMiB: second.rssMiB(),
      peakMiB: second.peakMiB(),
      note: `one start, idle after ${SETTLE_MS / 1000} s`
    }
    await second.stop()
    return [rebuild, restart]
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
