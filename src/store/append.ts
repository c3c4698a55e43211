/**
 * Waiting rows into DuckDB: typed arrays are copied into data chunks, and chunks are appended. Of the ways to
 * write measured by their CPU per event (21 columns and one credential), this was the cheapest: 2.2 us; 8.3 us
 * with texts as VARCHAR, 8.9 us value by value, 13 us through a file for read_json.
 */
import { setImmediate } from 'node:timers/promises'
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api'
import type { Rows } from './schema.ts'

export type DuckDB = typeof import('@duckdb/node-api')

/** Rows of one data chunk: DuckDB's vector size. */
const CHUNK_ROWS = 2048

export class Appender {
  readonly #duckdb: DuckDB
  readonly #connection: DuckDBConnection
  /** One chunk per table, used again for every append. */
  readonly #chunks = new Map<string, DuckDBDataChunk>()

  constructor(duckdb: DuckDB, connection: DuckDBConnection) {
    this.#duckdb = duckdb
    this.#connection = connection
  }

  /** Appending is synchronous in DuckDB's binding: other work gets a turn after each chunk (about 1 ms). */
  async rows(rows: Rows): Promise<void> {
    const appender = await this.#connection.createAppender(rows.table)
    const columns = Object.values(rows.data)
    const chunk = this.#chunkOf(rows)
    for (let from = 0; from < rows.count; from += CHUNK_ROWS) {
      const count = Math.min(CHUNK_ROWS, rows.count - from)
      // Setting it makes the chunk forget its vectors, so only for the last, partial chunk.
      if (chunk.rowCount !== count) chunk.rowCount = count
      for (let index = 0; index < columns.length; index++)
        this.#fill(chunk, index, columns[index], from, count)
      appender.appendDataChunk(chunk)
      await setImmediate()
    }
    appender.closeSync()
  }

  #chunkOf({ table, data }: Rows): DuckDBDataChunk {
    const known = this.#chunks.get(table)
    if (known) return known
    const { DOUBLE, INTEGER, DuckDBDataChunk } = this.#duckdb
    const types = Object.values(data).map(column => (column instanceof Float64Array ? DOUBLE : INTEGER))
    const chunk = DuckDBDataChunk.create(types)
    this.#chunks.set(table, chunk)
    return chunk
  }

  #fill(
    chunk: DuckDBDataChunk,
    index: number,
    column: Float64Array | Int32Array | undefined,
    from: number,
    count: number
  ): void {
    const vector = chunk.getColumnVector(index)
    // Two loops, so that each sees one kind of array and of vector only.
    if (vector instanceof this.#duckdb.DuckDBDoubleVector && column instanceof Float64Array)
      for (let row = 0; row < count; row++) vector.setItem(row, column[from + row] ?? 0)
    else if (vector instanceof this.#duckdb.DuckDBIntegerVector && column instanceof Int32Array)
      for (let row = 0; row < count; row++) vector.setItem(row, column[from + row] ?? 0)
    vector.flush()
  }

  /** New texts of the dictionary, numbered from `first`. */
  async texts(texts: readonly string[], first: number): Promise<void> {
    const appender = await this.#connection.createAppender('texts')
    const { INTEGER, VARCHAR, DuckDBDataChunk } = this.#duckdb
    for (let from = 0; from < texts.length; from += CHUNK_ROWS) {
      const some = texts.slice(from, from + CHUNK_ROWS)
      const chunk = DuckDBDataChunk.create([INTEGER, VARCHAR], some.length)
      chunk.setColumnValues(
        0,
        some.map((_, index) => first + from + index)
      )
      chunk.setColumnValues(1, some)
      appender.appendDataChunk(chunk)
      await setImmediate()
    }
    appender.closeSync()
  }
}
