/**
 * The one writer of a sink's dead-letter file: durable appends, ends, and a compaction when it is opened.
 * A crash before an append resolved leaves a torn line that the next opening cuts off; the cursor had not moved,
 * so the entry is sent, refused and appended again.
 */
import { join } from 'node:path'
import type { Clock, Disk, DiskFile } from '../core/ports.ts'
import { shortened } from '../lib/shrink.ts'
import { makeDurableFolder } from './cursor.ts'
import { type DeadLetter, FOLDER, fileOf, indexOf, readRecord, type Slot } from './dead-letter.ts'

/** Beyond this a sink is put on hold instead: whoever refuses everything must not fill the disk. */
export const DEAD_LETTER_BYTES_MAX = 256 * 1024 * 1024
/** Not worth compacting below. */
const COMPACT_BYTES_MIN = 1024 * 1024

export interface DeadLetterFile {
  /** Durable when it resolves. Rejects if the disk does; then nothing of it will be read. */
  append(records: readonly DeadLetter[]): Promise<void>
  end(id: string, gone: 'delivered' | 'discarded'): Promise<void>
  ids(): string[]
  read(id: string): Promise<DeadLetter | undefined>
  /** Live dead letters. */
  count(): number
  /** Gives the room of ended dead letters back, if it is worth it. */
  tidy(): Promise<void>
  full(): boolean
  close(): Promise<void>
}

/** An event too deep for JSON.stringify cannot have come from the journal; it is kept cut all the same. */
function lineOf(record: DeadLetter): string {
  try {
    return `${JSON.stringify(record)}\n`
  } catch {
    return `${JSON.stringify({ ...record, event: shortened(record.event) })}\n`
  }
}

/** Rewrites the file with its live records if more than half of it is dead, or any of a full one. */
async function compact(
  { disk, bytesMax = DEAD_LETTER_BYTES_MAX }: DeadLetterFileOptions,
  folder: string,
  path: string,
  live: Map<string, Slot>
): Promise<boolean> {
  const file = await disk.open(path, 'read')
  const temporary = join(folder, `.${path.slice(folder.length + 1)}.tmp`)
  try {
    const liveBytes = [...live.values()].reduce((sum, slot) => sum + slot.length + 1, 0)
    const size = await file.size()
    const worth = size >= bytesMax ? liveBytes < size : size >= COMPACT_BYTES_MIN && liveBytes * 2 <= size
    if (!worth) return false
    const target = await disk.open(temporary, 'write')
    try {
      await target.truncate(0)
      let at = 0
      for (const slot of live.values()) {
        const line = await file.read(slot.length + 1, slot.offset)
        await target.write(line, at)
        at += line.length
      }
      await target.sync()
    } finally {
      await target.close()
    }
  } finally {
    await file.close()
  }
  await disk.rename(temporary, path)
  await disk.syncFolder(folder)
  return true
}

/** The end of the last whole line: what follows was torn by a crash. */
async function wholeBytes(file: DiskFile): Promise<number> {
  const PIECE = 64 * 1024
  for (let end = await file.size(); end > 0; ) {
    const start = Math.max(0, end - PIECE)
    const newline = (await file.read(end - start, start)).lastIndexOf(10)
    if (newline !== -1) return start + newline + 1
    end = start
  }
  return 0
}

export interface DeadLetterFileOptions {
  readonly disk: Disk
  readonly dataDir: string
  readonly sinkId: string
  readonly clock: Clock
  readonly bytesMax?: number
}

/** Opens, and if need be repairs and compacts, the dead letters of one sink. */
export async function openDeadLetterFile(options: DeadLetterFileOptions): Promise<DeadLetterFile> {
  const { disk, dataDir, sinkId, clock, bytesMax = DEAD_LETTER_BYTES_MAX } = options
  const folder = await makeDurableFolder(disk, dataDir, FOLDER)
  const path = fileOf(dataDir, sinkId)
  if (await disk.exists(path)) await compact(options, folder, path, await indexOf(disk, path))
  let file = await disk.open(path, 'write')
  await disk.syncFolder(folder)
  let live = await indexOf(disk, path)
  let size = await wholeBytes(file)
  /** After a failed append, and at first, bytes beyond `size` may be there. */
  let torn = true
  let tail: Promise<unknown> = Promise.resolve()

  const write = async (text: string) => {
    if (torn) await file.truncate(size)
    torn = true
    const bytes = Buffer.from(text)
    await file.write(bytes, size)
    await file.sync()
    size += bytes.length
    torn = false
  }
  const queue = (work: () => Promise<void>): Promise<void> => {
    const result = tail.then(work)
    tail = result.catch(() => {})
    return result
  }

  return {
    append: records =>
      queue(async () => {
        const lines = records.map(lineOf)
        let offset = size
        await write(lines.join(''))
        for (const [at, record] of records.entries()) {
          const length = Buffer.byteLength(lines[at] ?? '') - 1
          live.delete(record.id)
          live.set(record.id, { offset, length })
          offset += length + 1
        }
      }),
    end: (id, gone) =>
      queue(async () => {
        await write(`${JSON.stringify({ id, gone, time: clock.now() })}\n`)
        live.delete(id)
      }),
    ids: () => [...live.keys()],
    async read(id) {
      await tail
      const slot = live.get(id)
      return slot && readRecord(disk, path, slot)
    },
    count: () => live.size,
    tidy: () =>
      queue(async () => {
        if (!(await compact(options, folder, path, live))) return
        await file.close()
        live = await indexOf(disk, path)
        file = await disk.open(path, 'write')
        size = await file.size()
      }),
    full: () => size >= bytesMax,
    async close() {
      await tail
      await file.close()
    }
  }
}
