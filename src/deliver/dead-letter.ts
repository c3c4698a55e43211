/**
 * Where entries go that a sink will never take: `dead-letters/<sink>.ndjson`, one record a line, appended and
 * synced before the cursor moves past the entry. A record of the same id replaces the older one; a line
 * `{"id", "gone", "time"}` ends it. Only the deliverer writes the file. Others read it, and ask for a retry by an
 * empty file `dead-letters/requests/<sink>/<id>.retry`: so a command needs no running service and no lock.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { KeywatchError } from '../core/errors.ts'
import type { Disk, OcsfEvent } from '../core/ports.ts'
import { fileNameOf, makeDurableFolder } from './cursor.ts'
import { linesOf } from './lines.ts'

export const DEAD_LETTER_STATUS = ['rejected', 'expired', 'too_large', 'unmappable'] as const

const Summary = z.object({
  id: z.string(),
  /** When it became a dead letter; this and all times: ms. */
  time: z.number(),
  sink: z.string(),
  journal: z.enum(['events', 'findings']),
  sequence: z.number(),
  event_uid: z.string(),
  /** What the far side said: redacted, capped. */
  reason: z.string(),
  status: z.enum(DEAD_LETTER_STATUS),
  attempts: z.number(),
  first_time: z.number(),
  last_time: z.number()
})
export type DeadLetterSummary = z.output<typeof Summary>
export interface DeadLetter extends DeadLetterSummary {
  /** As it is in the journal: redacted. */
  readonly event: OcsfEvent
}

const Gone = z.object({ id: z.string(), gone: z.enum(['delivered', 'discarded']), time: z.number() })
const Line = z.union([Summary, Gone])

/** The same entry has the same id, however often a crash makes it a dead letter again. */
export const deadLetterId = (sink: string, journal: string, sequence: number, uid: string): string =>
  `dl_${createHash('sha256')
    .update(JSON.stringify([sink, journal, sequence, uid]))
    .digest('hex')
    .slice(0, 20)}`

export const FOLDER = 'dead-letters'
export const fileOf = (dataDir: string, sinkId: string): string =>
  join(dataDir, FOLDER, `${fileNameOf(sinkId)}.ndjson`)
const requestsOf = (sinkId: string): string[] => [FOLDER, 'requests', fileNameOf(sinkId)]

/** Parses one line; undefined for a torn or foreign one. */
export function parseLine(text: string): z.output<typeof Line> | undefined {
  try {
    return Line.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

export interface Slot {
  readonly offset: number
  readonly length: number
}

/** Where the live records of a file are, in the order in which they came. */
export async function indexOf(disk: Disk, path: string): Promise<Map<string, Slot>> {
  const index = new Map<string, Slot>()
  if (!(await disk.exists(path))) return index
  for await (const line of linesOf(disk, path)) {
    const parsed = parseLine(line.text)
    if (parsed === undefined) continue
    index.delete(parsed.id)
    if (!('gone' in parsed)) index.set(parsed.id, { offset: line.offset, length: line.length })
  }
  return index
}

/** Reads one record back. The event needs no check: only the deliverer writes here. */
export async function readRecord(disk: Disk, path: string, slot: Slot): Promise<DeadLetter | undefined> {
  const file = await disk.open(path, 'read')
  try {
    const text = (await file.read(slot.length, slot.offset)).toString('utf8')
    const summary = parseLine(text)
    if (summary === undefined || 'gone' in summary) return undefined
    const { event } = JSON.parse(text) as { event: OcsfEvent }
    return { ...summary, event }
  } finally {
    await file.close()
  }
}

export interface DeadLetterQuery {
  readonly sink?: string
  readonly limit?: number
  /** Skips this many of the oldest: a page. */
  readonly offset?: number
}

export interface DeadLetters {
  /** Oldest first, without the events. */
  list(query?: DeadLetterQuery): Promise<{ items: DeadLetterSummary[]; total: number }>
  show(id: string): Promise<DeadLetter | undefined>
  /**
   * Asks the deliverer to send a dead letter again, or all of a sink; it looks every few seconds, or when it
   * starts. Durable when it resolves. Rejects with KW_NOT_FOUND if there is no such dead letter.
   */
  retry(target: { id: string } | { sink: string }): Promise<number>
  /** Asks the deliverer to forget a dead letter, or all of a sink. Rejects like `retry`. */
  discard(target: { id: string } | { sink: string }): Promise<number>
}

/** Dead letters as seen from the folder alone: works whether the service runs or not. */
export function createDeadLetters({ disk, dataDir }: { disk: Disk; dataDir: string }): DeadLetters {
  const folder = join(dataDir, FOLDER)
  const sinks = async () =>
    (await disk.list(folder))
      .filter(name => /^(?!\.)([\w\-.!~'()]|%[0-7][0-9A-F])+\.ndjson$/.test(name))
      .map(name => decodeURIComponent(name.slice(0, -'.ndjson'.length)))

  const find = async (id: string) => {
    for (const sink of await sinks()) {
      const path = fileOf(dataDir, sink)
      const slot = (await indexOf(disk, path)).get(id)
      if (slot !== undefined) return { sink, path, slot }
    }
    return undefined
  }

  const request = async (target: { id: string } | { sink: string }, what: 'retry' | 'discard') => {
    const missing = new KeywatchError('KW_NOT_FOUND', 'There is no such dead letter.')
    if ('id' in target) {
      const found = await find(target.id)
      if (found === undefined) throw missing
      await putRequest(disk, dataDir, found.sink, `${target.id}.${what}`)
      return 1
    }
    const count = (await indexOf(disk, fileOf(dataDir, target.sink))).size
    if (count === 0) throw missing
    await putRequest(disk, dataDir, target.sink, `all.${what}`)
    return count
  }

  return {
    async list({ sink, limit = 100, offset = 0 } = {}) {
      const items: DeadLetterSummary[] = []
      let total = 0
      for (const one of sink === undefined ? await sinks() : [sink]) {
        const path = fileOf(dataDir, one)
        for (const slot of (await indexOf(disk, path)).values()) {
          const position = total++
          if (position < offset || items.length >= limit) continue
          const record = await readRecord(disk, path, slot)
          if (record === undefined) continue
          const { event: _, ...summary } = record
          items.push(summary)
        }
      }
      return { items, total }
    },
    async show(id) {
      const found = await find(id)
      return found && readRecord(disk, found.path, found.slot)
    },
    retry: target => request(target, 'retry'),
    discard: target => request(target, 'discard')
  }
}

export interface DeadLetterRequest {
  /** Name of its file; to be given to `dropRequest` when it is done. */
  readonly name: string
  readonly what: 'retry' | 'discard'
  readonly id: string | 'all'
}

async function putRequest(disk: Disk, dataDir: string, sinkId: string, name: string): Promise<void> {
  const folder = await makeDurableFolder(disk, dataDir, ...requestsOf(sinkId))
  const file = await disk.open(join(folder, name), 'write')
  await file.sync()
  await file.close()
  await disk.syncFolder(folder)
}

/** What was asked for a sink and is not done. */
export async function listRequests(
  disk: Disk,
  dataDir: string,
  sinkId: string
): Promise<DeadLetterRequest[]> {
  const names = await disk.list(join(dataDir, ...requestsOf(sinkId)))
  return names.flatMap(name => {
    const match = /^(all|dl_[0-9a-f]{20})\.(retry|discard)$/.exec(name)
    const id = match?.[1]
    return id === undefined ? [] : [{ name, id, what: match?.[2] === 'retry' ? 'retry' : 'discard' }]
  })
}

export const dropRequest = (disk: Disk, dataDir: string, sinkId: string, name: string): Promise<void> =>
  disk.remove(join(dataDir, ...requestsOf(sinkId), name))
