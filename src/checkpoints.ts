/**
 * Signs what the journals are, at an interval and also when nothing happens. The note is saved beside the
 * journal and goes to every sink as an event: a copy that nobody with access to this disk can take back.
 */
import { lifecycle } from './core/build.ts'
import { reasonOf } from './core/errors.ts'
import type { OcsfEvent } from './core/event.ts'
import type { Clock, Disk, Log } from './core/ports.ts'
import { checkpointText, type Signer, saveCheckpoint } from './journal/checkpoint.ts'
import type { FileJournal } from './journal/file.ts'
import { eventIdOf } from './lib/event-id.ts'

export interface CheckpointOptions {
  readonly journals: readonly { readonly journal: FileJournal; readonly folder: string }[]
  /** Gets the exported copies. */
  readonly events: FileJournal
  readonly signer: Signer
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
  readonly intervalMs: number
}

/** While only our own checkpoints are new, one in this many intervals is made. */
const IDLE_EVERY = 12

function exported(journal: FileJournal, note: string, now: number): OcsfEvent {
  const { sequence: size, hash } = journal.tip()
  const event = lifecycle('Checkpoint', {
    time: now,
    message: `${journal.name} journal: ${size} entries, chain ${hash.slice(0, 16)}…`,
    keywatch: { action: 'keywatch.checkpoint', checkpoint: { journal: journal.name, size, hash, note } }
  })
  event.metadata.uid = eventIdOf('checkpoint', journal.id, journal.name, String(size), hash)
  event.metadata.logged_time = now
  event.unmapped.keywatch.source = 'keywatch'
  event.unmapped.keywatch.source_type = 'keywatch'
  return event
}

/** Signs every journal now. Saves the notes first: an exported copy never speaks of more than is on disk. */
export async function checkpointNow(options: CheckpointOptions): Promise<void> {
  const now = options.clock.now()
  const copies: OcsfEvent[] = []
  for (const { journal, folder } of options.journals) {
    if (journal.tip().offset === 0) continue
    const note = options.signer.sign(checkpointText(journal, journal.tip(), now))
    copies.push(exported(journal, note, now))
    await saveCheckpoint(options.disk, folder, note)
  }
  await options.events.append(copies)
}

/** Runs until the signal aborts. A failure is logged and tried again at the next interval. */
export async function runCheckpoints(options: CheckpointOptions, signal: AbortSignal): Promise<void> {
  const size = () => options.journals.reduce((sum, { journal }) => sum + journal.size(), 0)
  let signedSize = size()
  let idle = 0
  while (!signal.aborted) {
    await options.clock.sleep(options.intervalMs, signal)
    if (signal.aborted) return
    if (size() === signedSize && ++idle % IDLE_EVERY !== 0) continue
    try {
      await checkpointNow(options)
      signedSize = size()
      idle = 0
    } catch (error) {
      options.log.warn({ reason: reasonOf(error) }, 'a checkpoint could not be made')
    }
  }
}
