/**
 * Where each sink is in each journal, durably: `state/cursors/<sink>.json`, replaced whole.
 * A crash at any step leaves the old file or the new one; the old one means that a batch is sent twice.
 */
import { join } from 'node:path'
import { z } from 'zod'
import { reasonOf } from '../core/errors.ts'
import type { Clock, Disk, Log } from '../core/ports.ts'
import type { JournalName } from '../core/store.ts'

/**
 * `cursor` may point before `sequence`: cursors exist only between the batches that a journal reads, and a
 * sink's batches end elsewhere. Entries below `sequence` are settled and are skipped.
 */
export const Position = z.strictObject({ cursor: z.string().nullable(), sequence: z.int().min(0) })
export type Position = z.output<typeof Position>

const CursorFile = z.strictObject({
  version: z.literal(1),
  sink: z.string(),
  savedAt: z.number(),
  positions: z.partialRecord(z.enum(['events', 'findings']), Position)
})

/** A sink's id as a file name: one id, one name, and never a path. */
export const fileNameOf = (sinkId: string): string =>
  encodeURIComponent(sinkId).replace(/^\./, '%2E').replaceAll('*', '%2A')

/** Replaces `<folder>/<name>` by `text`: temporary file, fsync, rename, fsync of the folder. */
export async function writeAtomic(disk: Disk, folder: string, name: string, text: string): Promise<void> {
  const temporary = join(folder, `.${name}.tmp`)
  const file = await disk.open(temporary, 'write')
  try {
    // A crash may have left an older, longer one.
    await file.truncate(0)
    await file.write(Buffer.from(text), 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await disk.rename(temporary, join(folder, name))
  await disk.syncFolder(folder)
}

/** Creates a folder and makes it, and the folders above it up to `dataDir`, durable. */
export async function makeDurableFolder(disk: Disk, dataDir: string, ...parts: string[]): Promise<string> {
  const folder = join(dataDir, ...parts)
  if (await disk.exists(folder)) return folder
  await disk.makeFolder(folder)
  for (let depth = parts.length - 1; depth >= 0; depth--)
    await disk.syncFolder(join(dataDir, ...parts.slice(0, depth)))
  return folder
}

/** The whole text of a file, or undefined if there is none. */
export async function readText(disk: Disk, path: string): Promise<string | undefined> {
  if (!(await disk.exists(path))) return undefined
  const file = await disk.open(path, 'read')
  try {
    return (await file.read(await file.size(), 0)).toString('utf8')
  } finally {
    await file.close()
  }
}

export interface CursorStore {
  /** Undefined: this sink was never in this journal. */
  get(journal: JournalName): Position | undefined
  /** Remembers a position; durable once `save` resolves. */
  set(journal: JournalName, position: Position): void
  /** Writes what was set, if anything was. Never rejects: a failed save is logged and tried with the next. */
  save(): Promise<void>
}

export interface CursorStoreOptions {
  readonly disk: Disk
  readonly dataDir: string
  readonly sinkId: string
  readonly clock: Clock
  readonly log: Log
}

/** Opens the cursors of one sink. A file that cannot be read means the beginning: doubles, but no loss. */
export async function openCursors(options: CursorStoreOptions): Promise<CursorStore> {
  const { disk, clock, log, sinkId } = options
  const folder = await makeDurableFolder(disk, options.dataDir, 'state', 'cursors')
  const name = `${fileNameOf(sinkId)}.json`
  const positions: Partial<Record<JournalName, Position>> = {}
  const text = await readText(disk, join(folder, name))
  if (text !== undefined) {
    try {
      Object.assign(positions, CursorFile.parse(JSON.parse(text)).positions)
    } catch (error) {
      log.error(
        { sink: sinkId, reason: reasonOf(error) },
        'the cursor file of this sink is damaged; it begins anew and will deliver again'
      )
      positions.events = { cursor: null, sequence: 0 }
      positions.findings = { cursor: null, sequence: 0 }
    }
  }
  let dirty = false
  let tail = Promise.resolve()
  const write = async () => {
    if (!dirty) return
    dirty = false
    const content = { version: 1, sink: sinkId, savedAt: clock.now(), positions }
    try {
      await writeAtomic(disk, folder, name, `${JSON.stringify(content)}\n`)
    } catch (error) {
      dirty = true
      log.error(
        { sink: sinkId, reason: reasonOf(error) },
        'the cursors of this sink cannot be saved; a crash now would deliver again'
      )
    }
  }
  return {
    get: journal => positions[journal],
    set(journal, position) {
      positions[journal] = position
      dirty = true
    },
    save: () => (tail = tail.then(write))
  }
}
