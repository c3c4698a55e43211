/**
 * A correlation document: how many matches of which rules, per what, within which time?
 *
 * "Sigma Correlation Rules Specification 2.1": types event_count and value_count with `gt` or `gte`. What cannot
 * be decided when an event arrives (`lt`, `lte`, `eq`, `neq`), other types and chains are refused at load.
 */
import type { Head } from './rule.ts'
import { Flaw, type MapTree, mapOf, member, type Place, type Tree, textOf, textsOf } from './yaml-tree.ts'

/** A correlation as written; `references` are ids, names or titles of rules. */
export interface CorrelationText {
  readonly kind: 'correlation'
  readonly head: Head
  readonly type: 'event_count' | 'value_count'
  readonly references: readonly { readonly text: string; readonly at: Place }[]
  readonly groupBy: readonly string[]
  /** alias → name of a rule → field. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>
  readonly timespanMs: number
  /** Matches, or distinct values, that must be in one window. */
  readonly threshold: number
  /** The field whose distinct values are counted (value_count). */
  readonly field?: string
  readonly generate: boolean
}

const KEYS: ReadonlySet<string> = new Set([
  'type',
  'rules',
  'group-by',
  'timespan',
  'condition',
  'aliases',
  'generate'
])
const OTHER_TYPES: ReadonlySet<string> = new Set([
  'temporal',
  'temporal_ordered',
  'value_sum',
  'value_avg',
  'value_percentile',
  'value_median'
])
const UNIT_MS: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3, w: 604_800e3 }
const TIMESPAN_MS_MAX = 90 * 86_400e3
/** A window keeps as many events as the threshold says. */
const THRESHOLD_MAX = 10_000

/** Reads a correlation document. Throws Flaw. */
export function parseCorrelation(map: MapTree, head: Head): CorrelationText {
  const body = mapOf(map, 'correlation')
  if (body === undefined) throw new Flaw(map.at, 'a correlation needs a map')
  for (const { key, at } of body.entries) {
    if (!KEYS.has(key)) throw new Flaw(at, `a correlation takes ${[...KEYS].join(', ')} only`)
  }
  const type = textOf(body, 'type')
  if (type !== 'event_count' && type !== 'value_count') {
    const known = type !== undefined && OTHER_TYPES.has(type)
    throw new Flaw(
      member(body, 'type')?.at ?? body.at,
      known ? `correlation type ${type} is not supported yet` : 'type must be event_count or value_count'
    )
  }
  const { threshold, field } = parseCondition(body, type)
  const groupBy = textsOf(body, 'group-by')
  const references = parseReferences(body)
  const generate = member(body, 'generate')
  if (generate !== undefined && (generate.kind !== 'scalar' || typeof generate.value !== 'boolean')) {
    throw new Flaw(generate.at, 'generate must be true or false')
  }
  return {
    kind: 'correlation',
    head,
    type,
    references,
    groupBy,
    aliases: parseAliases(body),
    timespanMs: parseTimespan(body),
    threshold,
    generate: generate?.kind === 'scalar' && generate.value === true,
    ...(field === undefined ? {} : { field })
  }
}

function parseReferences(body: MapTree): { text: string; at: Place }[] {
  const rules = member(body, 'rules')
  const items: readonly Tree[] = rules === undefined ? [] : rules.kind === 'list' ? rules.items : [rules]
  if (items.length === 0) throw new Flaw(rules?.at ?? body.at, 'rules must name at least one rule')
  return items.map(item => {
    if (item.kind !== 'scalar' || item.text === '') throw new Flaw(item.at, 'rules must be names or ids')
    return { text: item.text, at: item.at }
  })
}

function parseTimespan(body: MapTree): number {
  const at = member(body, 'timespan')?.at ?? body.at
  const match = /^(\d{1,9})([smhdw])$/.exec(textOf(body, 'timespan') ?? '')
  const span = match ? Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0) : 0
  if (span <= 0)
    throw new Flaw(at, 'timespan must be a whole number and a unit, for instance 30s, 5m, 12h or 7d')
  if (span > TIMESPAN_MS_MAX) throw new Flaw(at, 'timespan is longer than 90 days')
  return span
}

function parseCondition(body: MapTree, type: string): { threshold: number; field?: string } {
  const condition = mapOf(body, 'condition')
  if (condition === undefined) throw new Flaw(body.at, 'a correlation needs a condition')
  let threshold: number | undefined
  for (const { key, at, value } of condition.entries) {
    if (key === 'field' && type === 'value_count') continue
    if (key !== 'gt' && key !== 'gte') {
      throw new Flaw(at, 'a condition takes gt or gte: anything else cannot be decided when an event arrives')
    }
    if (threshold !== undefined) throw new Flaw(at, 'a condition takes one of gt and gte')
    const limit = value.kind === 'scalar' && typeof value.value === 'number' ? value.value : Number.NaN
    threshold = key === 'gte' ? Math.ceil(limit) : Math.floor(limit) + 1
    if (!(threshold >= 1 && threshold <= THRESHOLD_MAX)) {
      throw new Flaw(value.at, `${key} must be a number up to ${THRESHOLD_MAX}`)
    }
  }
  if (threshold === undefined) throw new Flaw(condition.at, 'a condition needs gt or gte')
  if (type === 'event_count') return { threshold }
  const fields = textsOf(condition, 'field')
  const [field] = fields
  if (field === undefined || fields.length > 1) throw new Flaw(condition.at, 'value_count needs one field')
  return { threshold, field }
}

function parseAliases(body: MapTree): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const aliases = mapOf(body, 'aliases')
  const found = new Map<string, Map<string, string>>()
  for (const { key, at, value } of aliases?.entries ?? []) {
    if (value.kind !== 'map') throw new Flaw(at, 'an alias names a field per rule')
    const perRule = new Map<string, string>()
    for (const { key: rule } of value.entries) perRule.set(rule, textOf(value, rule) ?? '')
    found.set(key, perRule)
  }
  return found
}
