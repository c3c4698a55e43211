/**
 * Rows of both journals that wait for the next commit, the texts they refer to, and where the journals stand
 * once they are committed. There are two sets of rows: one goes to the file while the other is filled, so that a commit holds up
 * no reader of the journal (a reader that stands still keeps a second's worth of events in memory).
 */
import type { Entry, EntryBatch } from '../core/ports.ts'
import type { JournalName } from '../core/store.ts'
import { EventRows, FindingRows } from './columns.ts'
import { type Database, emptyPositions, type Group, type KnownTexts, type Positions } from './database.ts'
import { TextIds } from './texts.ts'

interface RowSet {
  readonly events: EventRows
  readonly findings: FindingRows
}

export class WaitingRows {
  /** Where the journals stand when all that waits is committed. */
  positions: Positions = emptyPositions()
  readonly #texts = new TextIds()
  #filling: RowSet
  #other: RowSet
  /** What is on its way to the file, or is to be tried again. Its rows are those of `#other`. */
  #sealed: Group | undefined

  constructor(rowsMax: number) {
    const rows = (): RowSet => ({
      events: new EventRows(rowsMax, this.#texts),
      findings: new FindingRows(rowsMax, this.#texts)
    })
    this.#filling = rows()
    this.#other = rows()
  }

  get count(): number {
    const { events, findings } = this.#filling
    const sealed = this.#sealed?.tables.reduce((sum, table) => sum + table.count, 0) ?? 0
    return events.events.count + findings.findings.count + sealed
  }
  /** No more can be added before a commit. */
  get full(): boolean {
    return this.#filling.events.full || this.#filling.findings.full
  }
  /** A group waits to be tried again. */
  get sealed(): boolean {
    return this.#sealed !== undefined
  }

  /** Must not be called while `full`. */
  add(journal: JournalName, entry: Entry): void {
    if (journal === 'events') this.#filling.events.add(entry)
    else this.#filling.findings.add(entry)
    this.positions[journal].next = entry.sequence + 1
  }

  /** After a whole batch. An old batch that is put again does not take the cursor back. */
  moveCursor(journal: JournalName, batch: EntryBatch): void {
    const position = this.positions[journal]
    const last = batch.entries.at(-1)
    if (last === undefined || last.sequence + 1 >= position.next) position.cursor = batch.next
  }

  /** The next group for the file: the one that failed, else all that waits. Rows go on being added beside it. */
  seal(): Group {
    if (this.#sealed) return this.#sealed
    const { events, findings } = this.#filling
    this.#filling = this.#other
    this.#other = { events, findings }
    this.#sealed = {
      tables: [...events.tables, ...findings.tables],
      textsFirst: this.#texts.pendingFirst,
      texts: this.#texts.takePending(),
      positions: { events: { ...this.positions.events }, findings: { ...this.positions.findings } }
    }
    return this.#sealed
  }

  /** The sealed group is in the file. */
  committed(): void {
    this.#sealed = undefined
    this.#other.events.clear()
    this.#other.findings.clear()
  }

  /** Forgets what waits and starts from a file's end. */
  reset(positions: Positions, texts: KnownTexts): void {
    this.committed()
    this.#filling.events.clear()
    this.#filling.findings.clear()
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
    const first = this.#sealed?.textsFirst ?? this.#texts.pendingFirst
    const continues =
      texts.highest + 1 === first &&
      positions.events.next === before.events.next &&
      positions.findings.next === before.findings.next
    if (!continues || this.count === 0) this.reset(positions, texts)
  }
}
