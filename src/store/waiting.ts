/**
 * Rows of both journals that wait for the next commit, the texts they refer to, and where the journals stand
 * once they are committed. Owned by the store's turn: nothing else touches it.
 */
import type { Entry, EntryBatch } from '../core/ports.ts'
import type { JournalName } from '../core/store.ts'
import { EventRows, FindingRows } from './columns.ts'
import { type Database, emptyPositions, type Group, type KnownTexts, type Positions } from './database.ts'
import { TextIds } from './texts.ts'

export class WaitingRows {
  /** Where the journals stand when all that waits is committed. */
  positions: Positions = emptyPositions()
  readonly #texts = new TextIds()
  readonly #events: EventRows
  readonly #findings: FindingRows

  constructor(rowsMax: number) {
    this.#events = new EventRows(rowsMax, this.#texts)
    this.#findings = new FindingRows(rowsMax, this.#texts)
  }

  get count(): number {
    return this.#events.events.count + this.#findings.findings.count
  }
  get full(): boolean {
    return this.#events.full || this.#findings.full
  }

  /** Must not be called while `full`. */
  add(journal: JournalName, entry: Entry): void {
    if (journal === 'events') this.#events.add(entry)
    else this.#findings.add(entry)
    this.positions[journal].next = entry.sequence + 1
  }

  /** After a whole batch. An old batch that is put again does not take the cursor back. */
  moveCursor(journal: JournalName, batch: EntryBatch): void {
    const position = this.positions[journal]
    const last = batch.entries.at(-1)
    if (last === undefined || last.sequence + 1 >= position.next) position.cursor = batch.next
  }

  group(): Group {
    return {
      tables: [...this.#events.tables, ...this.#findings.tables],
      texts: this.#texts.pending,
      textsFirst: this.#texts.pendingFirst,
      positions: this.positions
    }
  }

  /** The group is in the file. */
  committed(): void {
    this.#events.clear()
    this.#findings.clear()
    this.#texts.committed()
  }

  /** Forgets what waits and starts from a file's end. */
  reset(positions: Positions, texts: KnownTexts): void {
    this.#events.clear()
    this.#findings.clear()
    this.positions = { events: { ...positions.events }, findings: { ...positions.findings } }
    this.#texts.load(texts.highest, texts.newest)
  }

  /**
   * A file was opened. What waits stays if the file ends where it did when these rows began to wait (`before`).
   * Else it is forgotten: the rows are in the file already (a commit that only seemed to fail), or the file is
   * another one and the numbers of their texts mean nothing in it.
   */
  continueFrom(database: Database, before: Positions): void {
    const { positions } = database
    const texts = database.takeTexts()
    const continues =
      texts.highest + 1 === this.#texts.pendingFirst &&
      positions.events.next === before.events.next &&
      positions.findings.next === before.findings.next
    if (!continues || this.count === 0) this.reset(positions, texts)
  }
}
