/**
 * One open DuckDB file: opening (and setting aside what cannot be opened), appending a group of rows in one
 * transaction, reading. DuckDB is loaded on first use only: it costs about 40 MiB of resident memory.
 *
 * Crash safety is DuckDB's own: a transaction is in the write-ahead log, fsynced, or it is not there at all
 * (https://duckdb.org/docs/stable/connect/concurrency, /sql/statements/checkpoint).
 */
import type { DuckDBConnection, DuckDBInstance, DuckDBValue } from '@duckdb/node-api'
import { KeywatchError } from '../core/errors.ts'
import type { Cursor } from '../core/ports.ts'
import type { JournalName } from '../core/store.ts'
import { realDisk } from '../lib/disk.ts'
import { Appender, type DuckDB } from './append.ts'
import { CREATE, type Rows, SCHEMA_VERSION } from './schema.ts'

export type Value = string | number
export interface Statement {
  readonly sql: string
  /** For $1, $2, … in order. */
  readonly values: readonly Value[]
}

/** The attached file's name within DuckDB. */
const CATALOG = 'keywatch'
/**
 * Rows of a full group, and of a row group of the file. When they are equal, DuckDB compresses a full group
 * straight into the file: it never passes through the log and is never written again, which costs two thirds
 * of the CPU (1.5 against 2.4 us per event, measured on columns like these).
 */
export const GROUP_ROWS = 61_440
/** For groups that were committed by age. Larger means fewer rewrites of the last row group, and more to replay after a crash: up to 400,000 events. */
const CHECKPOINT_THRESHOLD = '64MiB'

/** Where one journal's index ends: the first sequence that is not in it, and the cursor to go on from. */
export interface Position {
  next: number
  cursor: Cursor | null
}
export type Positions = Record<JournalName, Position>
export const emptyPositions = (): Positions => ({
  events: { next: 0, cursor: null },
  findings: { next: 0, cursor: null }
})

export interface OpenOptions {
  readonly path: string
  readonly memoryMiB: number
  readonly threads: number
  /** Texts of the dictionary that are read back, newest first. */
  readonly textsMax: number
}

/** The dictionary's end, as a file holds it. */
export interface KnownTexts {
  readonly highest: number
  readonly newest: readonly (readonly [text: string, id: number])[]
}

/** One transaction: rows, texts that they refer to, and where the journals stand after it. */
export interface Group {
  readonly tables: readonly Rows[]
  readonly texts: readonly string[]
  readonly textsFirst: number
  readonly positions: Positions
}

/** One instance with two connections, so that a query never sees half of a group. */
interface Opened {
  readonly instance: DuckDBInstance
  readonly writer: DuckDBConnection
  readonly reader: DuckDBConnection
}

/** The file is attached to an empty instance because only ATTACH can set the size of row groups. */
async function connectTo(duckdb: DuckDB, options: OpenOptions): Promise<Opened> {
  const instance = await duckdb.DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    memory_limit: `${options.memoryMiB}MiB`,
    temp_directory: `${options.path}.tmp`,
    checkpoint_threshold: CHECKPOINT_THRESHOLD,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false'
  })
  try {
    const writer = await instance.connect()
    const path = options.path.replaceAll("'", "''")
    await writer.run(`ATTACH '${path}' AS ${CATALOG} (ROW_GROUP_SIZE ${GROUP_ROWS})`)
    // From here on the index needs no other file, no extension and no network.
    await writer.run('SET enable_external_access = false')
    await writer.run('SET lock_configuration = true')
    const reader = await instance.connect()
    for (const connection of [writer, reader]) await connection.run(`USE ${CATALOG}`)
    return { instance, writer, reader }
  } catch (error) {
    instance.closeSync()
    throw error
  }
}

function disconnect({ instance, writer, reader }: Opened): void {
  reader.closeSync()
  writer.closeSync()
  instance.closeSync()
}

/** Where the journals end; throws if the tables are not ours or of another version. */
async function readPositions(connection: DuckDBConnection): Promise<Positions> {
  const result = await connection.runAndReadAll('SELECT version, journal, next, cursor FROM state')
  const positions = emptyPositions()
  let found = 0
  for (const [version, journal, next, cursor] of result.getRows()) {
    if (version !== SCHEMA_VERSION || (journal !== 'events' && journal !== 'findings')) break
    positions[journal] = { next: Number(next), cursor: typeof cursor === 'string' ? cursor : null }
    found++
  }
  if (found !== 2) throw new KeywatchError('KW_INTERNAL', 'the index is of another version')
  return positions
}

async function readTexts(connection: DuckDBConnection, textsMax: number): Promise<KnownTexts> {
  const [[value] = []] = (await connection.runAndReadAll('SELECT coalesce(max(id), 0) FROM texts')).getRows()
  const highest = Number(value)
  const result = await connection.runAndReadAll('SELECT text, id FROM texts WHERE id > $1', [
    highest - textsMax
  ])
  return { highest, newest: result.getRows().map(([text, id]) => [String(text), Number(id)] as const) }
}

/** Errors of DuckDB that say nothing about the file's contents: setting it aside would be wrong. */
const SURROUNDINGS =
  /set lock|permission denied|no space left|could not write|file too large|too many open files|read-only file/i

function surroundingsError(error: unknown): KeywatchError | undefined {
  if (!(error instanceof Error) || !SURROUNDINGS.test(error.message)) return undefined
  if (/set lock/i.test(error.message))
    return new KeywatchError('KW_JOURNAL_LOCKED', 'another process has the index open', { cause: error })
  return new KeywatchError('KW_STORE_FAILED', 'the index cannot be opened', { cause: error })
}

/** Removes an index and its write-ahead log. Whatever was set aside stays. */
export async function removeFiles(path: string): Promise<void> {
  await realDisk.remove(path)
  await realDisk.remove(`${path}.wal`)
}

/** Keeps the newest unusable index under one name, so that a crash loop cannot fill the disk. */
async function setAside(path: string): Promise<void> {
  await removeFiles(`${path}.aside`)
  for (const suffix of ['', '.wal'])
    if (await realDisk.exists(path + suffix)) await realDisk.rename(path + suffix, `${path}.aside${suffix}`)
}

export class Database {
  readonly positions: Positions
  #texts: KnownTexts | undefined
  readonly #duckdb: DuckDB
  readonly #opened: Opened
  readonly #appender: Appender

  private constructor(duckdb: DuckDB, opened: Opened, positions: Positions, texts: KnownTexts) {
    this.#duckdb = duckdb
    this.#opened = opened
    this.#appender = new Appender(duckdb, opened.writer)
    this.positions = positions
    this.#texts = texts
  }

  /**
   * Opens the file or makes it. One that cannot be read or is of another version becomes `<path>.aside`, and
   * `onAside` is told. Throws KW_JOURNAL_LOCKED or KW_STORE_FAILED for what is not the file's fault.
   */
  static async open(options: OpenOptions, onAside: (error: unknown) => void): Promise<Database> {
    const duckdb = await import('@duckdb/node-api')
    if (await realDisk.exists(options.path)) {
      try {
        return await Database.#openExisting(duckdb, options)
      } catch (error) {
        const foreign = surroundingsError(error)
        if (foreign) throw foreign
        onAside(error)
        await setAside(options.path)
      }
    }
    // A log without its file would be applied to the new one.
    await realDisk.remove(`${options.path}.wal`)
    try {
      return await Database.#make(duckdb, options)
    } catch (error) {
      throw (
        surroundingsError(error) ??
        new KeywatchError('KW_STORE_FAILED', 'the index cannot be made', { cause: error })
      )
    }
  }

  static async #make(duckdb: DuckDB, options: OpenOptions): Promise<Database> {
    const opened = await connectTo(duckdb, options)
    await opened.writer.run('BEGIN')
    for (const sql of CREATE) await opened.writer.run(sql)
    await opened.writer.run('COMMIT')
    return new Database(duckdb, opened, emptyPositions(), { highest: 0, newest: [] })
  }

  static async #openExisting(duckdb: DuckDB, options: OpenOptions): Promise<Database> {
    const opened = await connectTo(duckdb, options)
    try {
      const positions = await readPositions(opened.writer)
      return new Database(duckdb, opened, positions, await readTexts(opened.writer, options.textsMax))
    } catch (error) {
      disconnect(opened)
      throw error
    }
  }

  /** The dictionary as it was when the file was opened; only once, so that it is not kept. */
  takeTexts(): KnownTexts {
    const texts = this.#texts ?? { highest: 0, newest: [] }
    this.#texts = undefined
    return texts
  }

  /** All or nothing. If it throws, close this database and open it again: `positions` then tell which. */
  async commit(group: Group): Promise<void> {
    await this.#opened.writer.run('BEGIN')
    for (const table of group.tables) if (table.count > 0) await this.#appender.rows(table)
    if (group.texts.length > 0) await this.#appender.texts(group.texts, group.textsFirst)
    for (const journal of ['events', 'findings'] as const) {
      const { next, cursor } = group.positions[journal]
      const before = this.positions[journal]
      if (before.next === next && before.cursor === cursor) continue
      await this.#opened.writer.run(
        'UPDATE state SET next = $1, cursor = $2 WHERE journal = $3',
        [BigInt(next), cursor, journal],
        [this.#duckdb.BIGINT, this.#duckdb.VARCHAR, this.#duckdb.VARCHAR]
      )
    }
    await this.#opened.writer.run('COMMIT')
    this.positions.events = { ...group.positions.events }
    this.positions.findings = { ...group.positions.findings }
  }

  /** Runs a query and returns its rows. Numbers come as number, or as bigint from BIGINT columns. */
  async rows({ sql, values }: Statement): Promise<DuckDBValue[][]> {
    const { BIGINT, VARCHAR } = this.#duckdb
    const result = await this.#opened.reader.runAndReadAll(
      sql,
      values.map(value => (typeof value === 'number' ? BigInt(value) : value)),
      values.map(value => (typeof value === 'number' ? BIGINT : VARCHAR))
    )
    return result.getRows()
  }

  /** Writes everything into the file, so that no log remains beside it. */
  async checkpoint(): Promise<void> {
    await this.#opened.writer.run(`CHECKPOINT ${CATALOG}`)
  }

  close(): void {
    disconnect(this.#opened)
  }
}
