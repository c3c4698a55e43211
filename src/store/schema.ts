/**
 * Which tables and columns the DuckDB file has, and the typed arrays that rows wait in before a commit.
 *
 * Every text is a number here: `texts` holds each distinct text once per dictionary generation, all other
 * tables refer to it. Written as VARCHAR columns the same rows cost three times the CPU (test/bench/store.ts),
 * and a wildcard then runs over the few distinct texts instead of over all rows. 0 stands for "absent"
 * everywhere: a column without NULLs needs no validity mask.
 */
import { createHash } from 'node:crypto'

/** `BIGINT` waits as float64 (exact up to 2^53) and is cast by DuckDB while it appends; no BigInt is made. */
export type ColumnType = 'BIGINT' | 'INTEGER'
type Columns = Readonly<Record<string, ColumnType>>

const POINTER = { segment: 'INTEGER', position: 'BIGINT', length: 'INTEGER' } as const
/** A UUID as four signed 32-bit words, most significant first: cheap to write, and zone maps work on word 0. */
const UID = { uid0: 'INTEGER', uid1: 'INTEGER', uid2: 'INTEGER', uid3: 'INTEGER' } as const

export const EVENT_COLUMNS = {
  sequence: 'BIGINT',
  time: 'BIGINT',
  logged_time: 'BIGINT',
  ...UID,
  class_uid: 'INTEGER',
  activity_id: 'INTEGER',
  severity_id: 'INTEGER',
  status_id: 'INTEGER',
  http_status: 'INTEGER',
  source: 'INTEGER',
  action: 'INTEGER',
  actor: 'INTEGER',
  /** Further identities of the same actor: the uid beside a name, the e-mail beside either. */
  actor_uid: 'INTEGER',
  actor_email: 'INTEGER',
  server: 'INTEGER',
  tool: 'INTEGER',
  ip: 'INTEGER',
  secret: 'INTEGER',
  environment: 'INTEGER',
  ...POINTER
} as const satisfies Columns

/** One row per credential of an event; `presented` is 1 or 0 (exposed). */
export const CREDENTIAL_COLUMNS = {
  sequence: 'BIGINT',
  fingerprint: 'INTEGER',
  type: 'INTEGER',
  presented: 'INTEGER'
} as const satisfies Columns

/** Further names of the secrets of one event: its path, and all names where it covers several. */
export const SECRET_COLUMNS = { sequence: 'BIGINT', name: 'INTEGER' } as const satisfies Columns

export const FINDING_COLUMNS = {
  sequence: 'BIGINT',
  time: 'BIGINT',
  ...UID,
  rule: 'INTEGER',
  level: 'INTEGER',
  severity_id: 'INTEGER',
  title: 'INTEGER',
  group_text: 'INTEGER',
  events: 'INTEGER',
  ...POINTER
} as const satisfies Columns

const definition = (columns: Columns) =>
  Object.entries(columns)
    .map(([name, type]) => `${name} ${type} NOT NULL`)
    .join(', ')

const TABLES: readonly string[] = [
  `CREATE TABLE events (${definition(EVENT_COLUMNS)})`,
  `CREATE TABLE credentials (${definition(CREDENTIAL_COLUMNS)})`,
  `CREATE TABLE secrets (${definition(SECRET_COLUMNS)})`,
  `CREATE TABLE findings (${definition(FINDING_COLUMNS)})`,
  'CREATE TABLE texts (id INTEGER NOT NULL, text VARCHAR NOT NULL)',
  'CREATE TABLE state (version INTEGER NOT NULL, journal VARCHAR NOT NULL, next BIGINT NOT NULL, cursor VARCHAR)'
]

/** Follows from the columns, so that no change of them can be forgotten: an index of another form is set aside. */
export const SCHEMA_VERSION = Number.parseInt(
  createHash('sha256').update(TABLES.join('\n')).digest('hex').slice(0, 7),
  16
)

/** Creates an empty index. One statement per element. */
export const CREATE: readonly string[] = [
  ...TABLES,
  `INSERT INTO state VALUES (${SCHEMA_VERSION}, 'events', 0, NULL), (${SCHEMA_VERSION}, 'findings', 0, NULL)`
]

type Column = Float64Array | Int32Array

/** Rows of one table that wait for a commit, column by column. `count` of `capacity` rows are filled. */
export interface Rows {
  readonly table: string
  readonly data: Record<string, Column>
  count: number
  capacity: number
}

/** The same, with each column of its own type. */
export interface TypedRows<C extends Columns> extends Rows {
  readonly data: { -readonly [K in keyof C & string]: C[K] extends 'BIGINT' ? Float64Array : Int32Array }
}

const makeColumn = (type: ColumnType, capacity: number): Column =>
  type === 'BIGINT' ? new Float64Array(capacity) : new Int32Array(capacity)

export function makeRows<const C extends Columns>(table: string, columns: C, capacity: number): TypedRows<C> {
  const data = Object.fromEntries(
    Object.entries(columns).map(([name, type]) => [name, makeColumn(type, capacity)])
  )
  // Boundary: fromEntries cannot know that each name got the array of its own type.
  return { table, data: data as TypedRows<C>['data'], count: 0, capacity }
}

/** Doubles the room of a table that has several rows per event. */
export function grow(rows: Rows): void {
  rows.capacity *= 2
  for (const [name, old] of Object.entries(rows.data)) {
    const column = makeColumn(old instanceof Float64Array ? 'BIGINT' : 'INTEGER', rows.capacity)
    column.set(old)
    rows.data[name] = column
  }
}
