/**
 * One Sigma document → what is common to all detectors (head) and, for a rule, its compiled detection.
 *
 * "Sigma Rules Specification 2.1" and, for correlations, "Sigma Correlation Rules Specification 2.1".
 * Keywatch's own settings stand under `keywatch`, which Sigma allows as a custom attribute:
 *   keywatch: { suppress: 1h, group_by: [actor.user.name], runbook: docs/runbooks/x.md }
 */
import { hash } from 'node:crypto'
import { LEVELS, type Level } from '../core/finding.ts'
import { parseDuration } from '../lib/units.ts'
import { ConditionError, compileCondition, parseCondition } from './condition.ts'
import type { View } from './fields.ts'
import { isWeb, type Logsource, parseLogsource } from './logsource.ts'
import { compileSelection, type Predicate, someOf } from './selection.ts'
import { Flaw, type MapTree, mapOf, member, type Place, type Tree, textOf, textsOf } from './yaml-tree.ts'

/** What people and findings need to know of a detector. */
export interface Head {
  readonly id: string
  readonly name?: string
  readonly title: string
  readonly level: Level | undefined
  readonly description?: string
  readonly author?: string
  readonly falsePositives: readonly string[]
  readonly references: readonly string[]
  readonly tags: readonly string[]
  readonly runbook?: string
  /** Milliseconds; undefined: by level. */
  readonly suppressMs?: number
  /** Fields that make up the group of a plain rule; undefined: the usual ones. */
  readonly groupBy?: readonly string[]
  readonly file: string
  readonly at: Place
  /** Hash of the document's text: another text, another state and other finding ids. */
  readonly revision: string
}

export interface Rule {
  readonly kind: 'rule'
  readonly head: Head
  readonly logsource: Logsource
  readonly view: View
  readonly matches: Predicate
}

export const revisionOf = (...texts: readonly string[]): string =>
  hash('sha256', JSON.stringify(texts)).slice(0, 16)

const TITLE_CHARS_MAX = 256
const KEYWATCH_KEYS: ReadonlySet<string> = new Set(['suppress', 'group_by', 'runbook'])
const isLevel = (text: string): text is Level => LEVELS.some(level => level === text)

/** Reads what rules and correlations have in common. Throws Flaw. */
export function parseHead(map: MapTree, file: string, text: string): Head {
  if (member(map, 'action') !== undefined) {
    throw new Flaw(map.at, 'action: global, repeat and reset are not supported: write whole documents')
  }
  const title = textOf(map, 'title')
  if (title === undefined) throw new Flaw(map.at, 'a detector needs a title')
  if (title.length > TITLE_CHARS_MAX)
    throw new Flaw(map.at, `the title is longer than ${TITLE_CHARS_MAX} characters`)
  const level = textOf(map, 'level')
  if (level !== undefined && !isLevel(level)) {
    throw new Flaw(member(map, 'level')?.at ?? map.at, `level must be one of ${LEVELS.join(', ')}`)
  }
  const name = textOf(map, 'name')
  const id = textOf(map, 'id') ?? name ?? title.toLowerCase().replace(/[^a-z0-9]+/g, '_')
  const optional = { description: textOf(map, 'description'), author: textOf(map, 'author'), name }
  return {
    id,
    title,
    level,
    falsePositives: textsOf(map, 'falsepositives'),
    references: textsOf(map, 'references'),
    tags: textsOf(map, 'tags').map(tag => tag.toLowerCase()),
    file,
    at: map.at,
    revision: revisionOf(text),
    ...(optional.name === undefined ? {} : { name: optional.name }),
    ...(optional.description === undefined ? {} : { description: optional.description.trim() }),
    ...(optional.author === undefined ? {} : { author: optional.author }),
    ...parseKeywatch(map)
  }
}

function parseKeywatch(map: MapTree): Pick<Head, 'runbook' | 'suppressMs' | 'groupBy'> {
  const own = mapOf(map, 'keywatch')
  if (own === undefined) return {}
  for (const { key, at } of own.entries) {
    if (!KEYWATCH_KEYS.has(key)) throw new Flaw(at, `keywatch takes ${[...KEYWATCH_KEYS].join(', ')} only`)
  }
  const runbook = textOf(own, 'runbook')
  const suppress = textOf(own, 'suppress')
  const suppressMs = suppress === undefined ? undefined : suppress === '0' ? 0 : parseDuration(suppress)
  if (suppress !== undefined && suppressMs === undefined) {
    throw new Flaw(
      member(own, 'suppress')?.at ?? own.at,
      'suppress must be a duration, for instance 15m, or 0'
    )
  }
  return {
    ...(runbook === undefined ? {} : { runbook }),
    ...(suppressMs === undefined ? {} : { suppressMs }),
    ...(member(own, 'group_by') === undefined ? {} : { groupBy: textsOf(own, 'group_by') })
  }
}

/** Compiles a plain rule. Throws Flaw; `flaws` receives those of single selections, so that all are seen at once. */
export function parseRule(map: MapTree, head: Head, flaws: Flaw[]): Rule | undefined {
  const source = mapOf(map, 'logsource')
  if (source === undefined) throw new Flaw(map.at, 'a rule needs a logsource')
  const logsource = parseLogsource(source)
  const taxonomy = textOf(map, 'taxonomy')
  if (taxonomy !== undefined && taxonomy !== 'sigma')
    throw new Flaw(map.at, 'only the taxonomy sigma is supported')
  const view: View = isWeb(logsource) ? 'web' : 'plain'
  const detection = mapOf(map, 'detection')
  if (detection === undefined) throw new Flaw(map.at, 'a rule needs a detection')
  const legacy = detection.entries.find(entry => entry.key === 'timeframe')
  if (legacy) throw new Flaw(legacy.at, 'timeframe is not supported: write a correlation rule')
  const selections = new Map<string, Predicate>()
  const names: string[] = []
  for (const { key, value } of detection.entries) {
    if (key === 'condition') continue
    names.push(key)
    collect(flaws, () => selections.set(key, compileSelection(value, view)))
  }
  const condition = member(detection, 'condition')
  if (condition === undefined) throw new Flaw(detection.at, 'detection needs a condition')
  const parts = (condition.kind === 'list' ? condition.items : [condition]).map(item =>
    collect(flaws, () => compileCondition(parseAt(item, names), selections))
  )
  if (parts.length === 0) throw new Flaw(condition.at, 'the list of conditions is empty')
  if (flaws.length > 0) return undefined
  return { kind: 'rule', head, logsource, view, matches: someOf(parts.filter(part => part !== undefined)) }
}

function collect<T>(flaws: Flaw[], work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Flaw)) throw error
    flaws.push(error)
    return undefined
  }
}

function parseAt(item: Tree, names: readonly string[]) {
  if (item.kind !== 'scalar' || item.value === null) throw new Flaw(item.at, 'a condition must be text')
  try {
    return parseCondition(item.text, names)
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error
    throw new Flaw(
      { line: item.at.line, column: item.at.column + error.offset },
      `condition: ${error.message}`
    )
  }
}
