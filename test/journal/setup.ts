/** Journals for tests: on a simulated disk or in a real folder, with small segments so that they rotate. */
import { httpActivity } from '../../src/core/build.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import type { Disk } from '../../src/core/ports.ts'
import { type FileJournalOptions, openFileJournal } from '../../src/journal/file.ts'
import { fakeClock } from '../fakes/clock.ts'
import { fakeLog } from '../fakes/log.ts'

/** A small event that says its number. */
export function numbered(n: number, size = 0): OcsfEvent {
  const event = httpActivity({ time: 1_700_000_000_000 + n, message: `event ${n}${'x'.repeat(size)}` })
  event.metadata.uid = `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`
  return event
}
export const numberOf = (event: OcsfEvent): number => Number(event.metadata.uid.slice(-12))

export const journalOptions = (
  disk: Disk,
  folder: string,
  more: Partial<FileJournalOptions> = {}
): FileJournalOptions => ({
  disk,
  clock: fakeClock(),
  log: fakeLog(),
  folder,
  name: 'events',
  segmentBytes: 4096,
  segmentAgeMs: 3_600_000,
  pendingBytesMax: 1 << 20,
  marksMax: 1000,
  compressLevel: 1,
  tailBytes: 1 << 16,
  ...more
})

export const openTestJournal = (disk: Disk, folder: string, more: Partial<FileJournalOptions> = {}) =>
  openFileJournal(journalOptions(disk, folder, more))

/** All events of a journal, read from a cursor. */
export async function readAll(
  journal: { read: Awaited<ReturnType<typeof openFileJournal>>['read'] },
  from: string | null = null
) {
  const numbers: number[] = []
  const sequences: number[] = []
  for await (const batch of journal.read(from)) {
    for (const entry of batch.entries) {
      numbers.push(numberOf(entry.event))
      sequences.push(entry.sequence)
    }
  }
  return { numbers, sequences }
}
