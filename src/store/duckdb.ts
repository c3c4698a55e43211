/**
 * The embedded store: an index over the journals in one DuckDB file. Holds typed columns and pointers, never
 * the body of an event; deleting it costs a replay and nothing else.
 *
 * Rows wait in typed arrays and are committed in groups, by count and by age, together with the journals'
 * positions. A crash loses at most the rows that waited, and the cursor with them: reading goes on from there.
 */
import type { DuckDBValue } from '@duckdb/node-api'
import { KeywatchError, reasonOf } from '../core/errors.ts'
import type { Clock, Cursor, EntryBatch, Log } from '../core/ports.ts'
import type { CredentialSummary, EventQuery, FindingQuery, Hit, JournalName, Store } from '../core/store.ts'
import { realDisk } from '../lib/disk.ts'
import { hitOf, summariesOf } from './answers.ts'
import { readClosingNote, removeClosingNote, writeClosingNote } from './closing-note.ts'
import {
  Database,
  emptyPositions,
  GROUP_ROWS,
  type Positions,
  removeFiles,
  type Statement
} from './database.ts'
import {
  credentialCountsStatement,
  credentialTextsStatement,
  eventsStatement,
  findingsStatement
} from './sql.ts'
import { TEXTS_MAX } from './texts.ts'
import { WaitingRows } from './waiting.ts'

export interface DuckStoreOptions {
  /** The file; its folder must exist. `<path>.wal`, `.tmp` and `.aside` belong to it. */
  readonly path: string
  /** Memory of DuckDB's buffers; its code and Node's own memory come on top. */
  readonly memoryMiB: number
  /** Threads of DuckDB. One is the cheapest per event; more make queries over much history faster. */
  readonly threads: number
  readonly log: Log
  readonly clock: Clock
  /** A group is committed when it has this many rows, or when its first row is this old. */
  readonly flushEvery?: { readonly rows: number; readonly ms: number }
}

/** Whoever queries flushes first, so the age only bounds what a crash has to read again. */
const FLUSH_EVERY = { rows: GROUP_ROWS, ms: 5000 }
const JOURNALS = ['events', 'findings'] as const

/**
 * Opens the store at a path. A file that is damaged or of another version is set aside as `<path>.aside`,
 * logged, and the store starts empty. Throws KW_JOURNAL_LOCKED if another process has it open, and
 * KW_STORE_FAILED if the disk refuses. Where no file is yet, none is made before the first commit.
 */
export async function openDuckStore(options: DuckStoreOptions): Promise<Store> {
  const store = new DuckStore(options)
  const closed = await readClosingNote(options.path)
  if (closed) store.believe(closed)
  else if (await realDisk.exists(options.path)) await store.open()
  return store
}

class DuckStore implements Store {
  readonly #options: DuckStoreOptions
  readonly #flushEvery: { readonly rows: number; readonly ms: number }
  readonly #waiting: WaitingRows
  /** What the file holds, also while it is not open. */
  #committed: Positions = emptyPositions()
  #database: Database | undefined
  /** Writers take turns: puts, commits, clear and close. */
  #turn: Promise<void> = Promise.resolve()
  /** Queries that run now; clear and close wait for them. */
  readonly #reading = new Set<Promise<unknown>>()
  /** Set while the timer of the oldest waiting row runs. */
  #timer: AbortController | undefined
  #closed = false
  /** There is a complete file that was not needed yet. */
  #unopened = false

  constructor(options: DuckStoreOptions) {
    this.#options = options
    this.#flushEvery = options.flushEvery ?? FLUSH_EVERY
    this.#waiting = new WaitingRows(this.#flushEvery.rows)
  }

  /** Takes over where the file ends without opening it. */
  believe(positions: Positions): void {
    this.#committed = copyOf(positions)
    this.#waiting.positions = copyOf(positions)
    this.#unopened = true
  }

  /** Opens the file, if that has not happened, and forgets waiting rows that do not continue it. */
  async open(): Promise<Database> {
    if (this.#database) return this.#database
    await removeClosingNote(this.#options.path)
    this.#unopened = false
    const { path, log } = this.#options
    const options = { ...this.#options, textsMax: TEXTS_MAX }
    const database = await Database.open(options, error =>
      log.warn(
        { path, reason: reasonOf(error) },
        'index set aside: damaged or of another version; replay needed'
      )
    )
    this.#waiting.continueFrom(database, this.#committed)
    this.#committed = copyOf(database.positions)
    this.#database = database
    return database
  }

  /** Runs `work` after all writers before it, whether they failed or not. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work)
    this.#turn = result.then(
      () => {},
      () => {}
    )
    return result
  }

  async put(journal: JournalName, batch: EntryBatch): Promise<void> {
    this.#assertOpen()
    // Rows refer to texts by numbers that only the file knows.
    if (this.#unopened) await this.#inTurn(() => this.open())
    for (const entry of batch.entries) {
      if (entry.sequence < this.#waiting.positions[journal].next) continue
      if (this.#waiting.full) await this.flush()
      this.#waiting.add(journal, entry)
    }
    this.#waiting.moveCursor(journal, batch)
    if (this.#waiting.count > 0) this.#startTimer()
  }

  flush(): Promise<void> {
    return this.#inTurn(() => this.#commit())
  }

  /** Commits what waits when it is called. On failure the rows stay, and the next attempt opens the file again. */
  async #commit(): Promise<void> {
    // A cursor that moved over nothing is not worth opening a file for.
    if (!this.#uncommitted || (this.#waiting.count === 0 && !this.#database)) return
    const database = await this.open()
    this.#stopTimer()
    // A group that failed before goes first. Opening may have found its rows in the file, and so nothing to do.
    for (let groups = this.#waiting.sealed ? 2 : 1; groups > 0 && this.#uncommitted; groups--) {
      try {
        await database.commit(this.#waiting.seal())
      } catch (error) {
        await this.#release()
        if (!this.#closed) this.#startTimer()
        throw new KeywatchError('KW_STORE_FAILED', 'the index cannot be written', { cause: error })
      }
      this.#committed = copyOf(database.positions)
      this.#waiting.committed()
    }
  }

  get #uncommitted(): boolean {
    return (
      this.#waiting.count > 0 ||
      JOURNALS.some(journal => this.#waiting.positions[journal].cursor !== this.#committed[journal].cursor)
    )
  }

  #startTimer(): void {
    if (this.#timer) return
    const timer = new AbortController()
    this.#timer = timer
    this.#options.clock.sleep(this.#flushEvery.ms, timer.signal).then(async () => {
      if (timer.signal.aborted) return
      this.#timer = undefined
      try {
        await this.flush()
      } catch (error) {
        this.#options.log.error({ reason: reasonOf(error) }, 'index not written; trying again')
        if (!this.#closed) this.#startTimer()
      }
    })
  }

  cursor(journal: JournalName): Cursor | null {
    return this.#committed[journal].cursor
  }

  events(query: EventQuery): Promise<Hit[]> {
    return this.#hits(eventsStatement(query))
  }

  findings(query: FindingQuery): Promise<Hit[]> {
    return this.#hits(findingsStatement(query))
  }

  async #hits(statement: Statement): Promise<Hit[]> {
    return (await this.#rows(statement)).map(hitOf)
  }

  async credential(fingerprints: readonly string[]): Promise<CredentialSummary[]> {
    if (fingerprints.length === 0) return []
    const counts = await this.#rows(credentialCountsStatement(fingerprints))
    if (counts.length === 0) return []
    return summariesOf(fingerprints, counts, await this.#rows(credentialTextsStatement(fingerprints)))
  }

  async rows(journal: JournalName): Promise<number> {
    const [[count] = []] = await this.#rows({ sql: `SELECT count(*) FROM ${journal}`, values: [] })
    return Number(count ?? 0)
  }

  /** Rows of a query; none where there is no file yet. */
  async #rows(statement: Statement): Promise<DuckDBValue[][]> {
    this.#assertOpen()
    // A query of a store that lost its file to a failed commit opens it again, in turn.
    const database =
      this.#database ??
      ((await realDisk.exists(this.#options.path)) ? await this.#inTurn(() => this.open()) : undefined)
    if (database === undefined) return []
    const reading = database.rows(statement)
    this.#reading.add(reading)
    try {
      return await reading
    } catch (error) {
      throw new KeywatchError('KW_STORE_FAILED', 'the index cannot be read', { cause: error })
    } finally {
      this.#reading.delete(reading)
    }
  }

  clear(): Promise<void> {
    return this.#inTurn(async () => {
      this.#assertOpen()
      await this.#release()
      await removeClosingNote(this.#options.path)
      await removeFiles(this.#options.path)
      this.#unopened = false
      this.#committed = emptyPositions()
      this.#waiting.reset(emptyPositions(), { highest: 0, newest: [] })
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#closed) return
      try {
        await this.#commit()
        await this.#checkpoint()
      } finally {
        this.#closed = true
        const opened = this.#database !== undefined
        await this.#release()
        if (opened) await writeClosingNote(this.#options.path, this.#committed)
      }
    })
  }

  /** Tidies up only: what is committed is in the log, and read from there by the next start. */
  async #checkpoint(): Promise<void> {
    try {
      await this.#database?.checkpoint()
    } catch (error) {
      this.#options.log.warn({ reason: reasonOf(error) }, 'index closed without a checkpoint')
    }
  }

  #stopTimer(): void {
    this.#timer?.abort()
    this.#timer = undefined
  }

  /** Stops the timer and lets go of the file, when the queries that run are done. */
  async #release(): Promise<void> {
    this.#stopTimer()
    const database = this.#database
    this.#database = undefined
    await Promise.allSettled(this.#reading)
    database?.close()
  }

  #assertOpen(): void {
    if (this.#closed) throw new KeywatchError('KW_STORE_FAILED', 'the index is closed')
  }
}

const copyOf = ({ events, findings }: Positions): Positions => ({
  events: { ...events },
  findings: { ...findings }
})
