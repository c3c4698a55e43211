/**
 * Queries to SQL. Every value is a parameter: the text of a statement depends only on which conditions are
 * given, never on what they say (a property test holds that). Wildcards become starts_with, ends_with and
 * contains, so that nothing has to be escaped and `%` and `_` mean themselves.
 */
import { CLASS_UIDS } from '../core/event.ts'
import type { EventQuery, FindingQuery } from '../core/store.ts'
import type { Statement, Value } from './database.ts'
import { indexed } from './texts.ts'
import { uidWords } from './uid.ts'

/** Hits of one query at most, whatever it asks for. */
export const HITS_MAX = 10_000
/** Fingerprints of one query at most; a lookup yields one per live or retired key. */
const FINGERPRINTS_MAX = 256
/** Texts of one kind that a credential's summary lists at most. */
const SUMMARY_TEXTS_MAX = 1000

const HIT_COLUMNS = 'sequence, time, segment, position, length'

class Conditions {
  readonly values: Value[] = []
  readonly #all: string[] = []

  /** The placeholder of a new parameter. */
  bind(value: Value): string {
    this.values.push(typeof value === 'number' ? value : indexed(value))
    return `$${this.values.length}`
  }
  add(condition: string): void {
    this.#all.push(condition)
  }
  get where(): string {
    return this.#all.length === 0 ? '' : ` WHERE ${this.#all.join(' AND ')}`
  }

  /** Equality of a text column. */
  text(column: string, value: string | undefined): void {
    if (value !== undefined) this.add(`${column} IN (${this.#textIds(`text = ${this.bind(value)}`)})`)
  }

  /** Numbers of the texts that a pattern means: `*` at either end stands for anything. */
  pattern(pattern: string): string {
    const end = pattern.endsWith('*')
    const open = pattern.length > 1 && pattern.startsWith('*')
    const literal = this.bind(pattern.slice(open ? 1 : 0, end ? -1 : undefined))
    if (open && end) return this.#textIds(`contains(text, ${literal})`)
    if (open) return this.#textIds(`ends_with(text, ${literal})`)
    if (end) return this.#textIds(`starts_with(text, ${literal})`)
    return this.#textIds(`text = ${literal}`)
  }

  #textIds(condition: string): string {
    return `SELECT id FROM texts WHERE ${condition}`
  }

  time(from: number | undefined, to: number | undefined): void {
    if (from !== undefined) this.add(`time >= ${this.bind(Math.ceil(bounded(from)))}`)
    if (to !== undefined) this.add(`time < ${this.bind(Math.ceil(bounded(to)))}`)
  }

  uid(uid: string | undefined): void {
    if (uid === undefined) return
    for (const [index, word] of [...uidWords(uid)].entries()) this.add(`uid${index} = ${this.bind(word)}`)
  }

  /** Rows that come after a key in the order newest first. The first half lets DuckDB skip row groups. */
  before(key: { readonly time: number; readonly sequence: number } | undefined): void {
    if (key === undefined) return
    const time = this.bind(Math.trunc(bounded(key.time)))
    const sequence = this.bind(Math.trunc(bounded(key.sequence)))
    this.add(`time <= ${time} AND (time < ${time} OR sequence < ${sequence})`)
  }
}

/** A number that a BIGINT parameter can carry; NaN is 0. */
function bounded(value: number): number {
  if (Number.isNaN(value)) return 0
  return Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)
}

function page(table: string, conditions: Conditions, limit: number): Statement {
  const rows = Math.min(Math.max(Math.trunc(bounded(limit)), 0), HITS_MAX)
  const where = conditions.where
  const parameter = conditions.bind(rows)
  return {
    sql: `SELECT ${HIT_COLUMNS} FROM ${table}${where} ORDER BY time DESC, sequence DESC LIMIT ${parameter}`,
    values: conditions.values
  }
}

/** The uid of a class by its name; -1, which no event has, for any other text. */
function classUid(name: string): number {
  const entry = Object.entries(CLASS_UIDS).find(([known]) => known === name)
  return entry?.[1] ?? -1
}

/** One page of events. Columns: sequence, time, segment, position, length. */
export function eventsStatement(query: EventQuery): Statement {
  const c = new Conditions()
  c.time(query.from, query.to)
  c.before(query.before)
  if (query.class !== undefined) c.add(`class_uid = ${c.bind(classUid(query.class))}`)
  if (query.statusCode !== undefined) c.add(`http_status = ${c.bind(Math.trunc(bounded(query.statusCode)))}`)
  c.uid(query.uid)
  c.text('source', query.source)
  c.text('action', query.action)
  c.text('ip', query.ip)
  if (query.server !== undefined) c.add(`server IN (${c.pattern(query.server)})`)
  if (query.actor !== undefined) {
    const ids = c.pattern(query.actor)
    c.add(`(actor IN (${ids}) OR actor_uid IN (${ids}) OR actor_email IN (${ids}))`)
  }
  if (query.secret !== undefined) {
    const ids = c.pattern(query.secret)
    c.add(`(secret IN (${ids}) OR sequence IN (SELECT sequence FROM secrets WHERE name IN (${ids})))`)
  }
  if (query.credentials !== undefined) {
    const listed = fingerprintIds(c, query.credentials)
    c.add(`sequence IN (SELECT sequence FROM credentials WHERE fingerprint IN (${listed}))`)
  }
  return page('events', c, query.limit)
}

/** One page of findings. Columns as for events. */
export function findingsStatement(query: FindingQuery): Statement {
  const c = new Conditions()
  c.time(query.from, query.to)
  c.before(query.before)
  c.uid(query.uid)
  c.text('rule', query.rule)
  c.text('level', query.level)
  return page('findings', c, query.limit)
}

/** An empty list means none, not all. */
function fingerprintIds(c: Conditions, fingerprints: readonly string[]): string {
  const parameters = fingerprints.slice(0, FINGERPRINTS_MAX).map(fingerprint => c.bind(fingerprint))
  return `SELECT id FROM texts WHERE text IN (${parameters.join(', ') || 'NULL'})`
}

/** Every use of some credentials, with the columns of its event. An event may list a credential twice. */
function usesOf(c: Conditions, fingerprints: readonly string[]): string {
  const listed = fingerprintIds(c, fingerprints)
  return (
    'WITH uses AS MATERIALIZED (SELECT known.text AS fingerprint, credentials.type, credentials.presented, ' +
    'events.sequence, events.time, events.server, events.actor, events.ip, events.source ' +
    `FROM (SELECT * FROM credentials WHERE fingerprint IN (${listed})) AS credentials ` +
    'JOIN texts AS known ON known.id = credentials.fingerprint ' +
    'JOIN events ON events.sequence = credentials.sequence) '
  )
}

/** Counts. Columns: fingerprint, events, presented, exposed, first time, last time. */
export function credentialCountsStatement(fingerprints: readonly string[]): Statement {
  const c = new Conditions()
  const sql =
    `${usesOf(c, fingerprints)}SELECT fingerprint, count(DISTINCT sequence), ` +
    'count(DISTINCT CASE WHEN presented = 1 THEN sequence END), ' +
    'count(DISTINCT CASE WHEN presented = 0 THEN sequence END), ' +
    'min(time), max(time) FROM uses GROUP BY fingerprint'
  return { sql, values: c.values }
}

/** What a credential was seen with. */
export const SUMMARY_KINDS = ['type', 'server', 'actor', 'ip', 'source'] as const

/** Distinct texts per fingerprint and kind, in alphabetical order. Columns: fingerprint, kind, text. */
export function credentialTextsStatement(fingerprints: readonly string[]): Statement {
  const c = new Conditions()
  const pairs = SUMMARY_KINDS.map(
    kind => `SELECT DISTINCT fingerprint, '${kind}' AS kind, ${kind} AS id FROM uses`
  )
  const sql =
    `${usesOf(c, fingerprints)}SELECT DISTINCT fingerprint, kind, text FROM (${pairs.join(' UNION ALL ')}) ` +
    'JOIN texts USING (id) ' +
    `QUALIFY dense_rank() OVER (PARTITION BY fingerprint, kind ORDER BY text) <= ${c.bind(SUMMARY_TEXTS_MAX)} ` +
    'ORDER BY fingerprint, kind, text'
  return { sql, values: c.values }
}
