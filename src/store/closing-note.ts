/**
 * Where the index ended when it was last closed properly, so that a start need not open it to know. Opening costs
 * 40 MB of memory, and an idle Keywatch whose index is complete may never need it. The note is removed before
 * anything is written, and believed only while the file is as it was.
 */
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Positions } from './database.ts'

const Position = z.strictObject({ next: z.number(), cursor: z.string().nullable() })
const Note = z.strictObject({
  size: z.number(),
  changed: z.number(),
  positions: z.strictObject({ events: Position, findings: Position })
})

const noteOf = (path: string) => `${path}.closed`

/** Written after the file was closed. A note that cannot be written only costs an early opening. */
export async function writeClosingNote(path: string, positions: Positions): Promise<void> {
  try {
    const { size, mtimeMs } = await stat(path)
    const note: z.input<typeof Note> = { size, changed: mtimeMs, positions }
    await writeFile(noteOf(path), JSON.stringify(note), { mode: 0o600 })
  } catch {
    await removeClosingNote(path)
  }
}

export const removeClosingNote = (path: string): Promise<void> => rm(noteOf(path), { force: true })

/** Undefined unless the file is just as it was closed. */
export async function readClosingNote(path: string): Promise<Positions | undefined> {
  try {
    const note = Note.parse(JSON.parse(await readFile(noteOf(path), 'utf8')))
    const { size, mtimeMs } = await stat(path)
    const left = await stat(`${path}.wal`).catch(() => undefined)
    return note.size === size && note.changed === mtimeMs && left === undefined ? note.positions : undefined
  } catch {
    return undefined
  }
}
