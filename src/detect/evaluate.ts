/**
 * One event against the detectors: which rules match, which windows fill, and for whom?
 *
 * Shared by the engine (journal entries, with suppression) and the matcher (any JSON, without). Holds the state
 * of all correlations. A group is what a finding is about; its key decides what is counted and suppressed
 * together.
 */
import { hash } from 'node:crypto'
import { Field, type Subject } from './fields.ts'
import type { Correlation, DetectorSet, Input } from './load.ts'
import type { Head, Rule } from './rule.ts'
import { type Sighting, Windows } from './window.ts'

/** Facts of the event at hand that are not its content. */
export interface Facts {
  readonly id: string
  /** Event time in ms; NaN if the event has none: then it cannot be correlated. */
  readonly time: number
  readonly logged: number
  readonly type: number
}

export type Group = Readonly<Record<string, string>>

/** Something to report: a match of a rule, or a full window. */
export interface Hit {
  readonly kind: 'rule' | 'correlation'
  readonly head: Head
  /** Of a correlation: the rule that completed it. */
  readonly rule: Rule
  readonly group: Group
  readonly groupKey: string
  /** Oldest first; for a rule the event alone. */
  readonly sightings: readonly Sighting[]
}

/** A plain rule without `keywatch.group_by` reports per who, from where, on what. */
export const GROUP_BY_DEFAULT: readonly string[] = [
  'actor.user.name',
  'actor.user.uid',
  'actor.app_name',
  'src_endpoint.ip',
  'environment',
  'project',
  'secret.manager',
  'secret.path',
  'secret.name',
  'secret.names',
  'mcp.server.name',
  'mcp.tool',
  'action'
]

/** Values of one field, and groups of one event: an event may carry several credentials. */
const VALUES_MAX = 8
const GROUPS_PER_EVENT_MAX = 32
/** Longer values are known by their hash: an attacker writes them, and they stay in memory. */
const VALUE_CHARS_MAX = 256

const bounded = (text: string): string =>
  text.length <= VALUE_CHARS_MAX ? text : `sha256:${hash('sha256', text)}`

/** A rule with what depends on it, compiled once. */
export interface Plan {
  readonly rule: Rule
  readonly logsource: Rule['logsource']
  /** Makes findings of its own. */
  readonly loud: boolean
  readonly groupFields: readonly Field[]
  readonly feeds: readonly {
    readonly correlation: Correlation
    readonly input: Input
    readonly windows: Windows
  }[]
}

export interface State {
  readonly head: Head
  readonly windows: Windows
}

/** Makes the plans of a set of detectors, and the windows they feed. */
export function planDetectors(set: DetectorSet, groupsMax: number): { plans: Plan[]; states: State[] } {
  const states = set.correlations.map(correlation => ({
    head: correlation.head,
    correlation,
    windows: new Windows({
      spanMs: correlation.timespanMs,
      threshold: correlation.threshold,
      distinct: correlation.type === 'value_count',
      groupsMax
    })
  }))
  const plans = set.rules.map(rule => ({
    rule,
    logsource: rule.logsource,
    loud: !set.silent.has(rule),
    groupFields: (rule.head.groupBy ?? GROUP_BY_DEFAULT).map(name => new Field(name, rule.view)),
    feeds: states.flatMap(({ correlation, windows }) =>
      correlation.inputs.filter(input => input.rule === rule).map(input => ({ correlation, input, windows }))
    )
  }))
  return { plans, states }
}

/** Runs the plans over one event and hands every hit to `report`. Allocates nothing unless a rule matches. */
export function evaluateEvent(
  plans: readonly Plan[],
  subject: Subject,
  facts: Facts,
  report: (hit: Hit, facts: Facts) => void
): void {
  for (let index = 0; index < plans.length; index++) {
    const plan = plans[index]
    if (plan?.rule.matches(subject)) onMatch(plan, subject, facts, report)
  }
}

function onMatch(plan: Plan, subject: Subject, facts: Facts, report: (hit: Hit, facts: Facts) => void): void {
  const { id, time, type, logged } = facts
  const own: Sighting = { time, id, type, value: id }
  if (plan.loud) {
    const [group, groupKey] = looseGroup(plan.groupFields, subject)
    report({ kind: 'rule', head: plan.rule.head, rule: plan.rule, group, groupKey, sightings: [own] }, facts)
  }
  if (plan.feeds.length === 0 || !Number.isFinite(time)) return
  for (const { correlation, input, windows } of plan.feeds) {
    for (const values of strictGroups(input.groupFields, subject)) {
      const groupKey = JSON.stringify(values)
      const counted = input.valueField === undefined ? [id] : input.valueField.texts(subject, VALUES_MAX)
      let full: readonly Sighting[] | undefined
      for (const value of counted)
        full = windows.add(groupKey, { ...own, value: bounded(value) }, logged) ?? full
      if (full === undefined) continue
      const group = Object.fromEntries(correlation.groupBy.map((name, index) => [name, values[index] ?? '']))
      report(
        { kind: 'correlation', head: correlation.head, rule: plan.rule, group, groupKey, sightings: full },
        facts
      )
    }
  }
}

/** Of a plain rule: what is missing is left out, several values are one text. */
function looseGroup(fields: readonly Field[], subject: Subject): [Group, string] {
  const texts = fields.map(field => bounded(field.texts(subject, VALUES_MAX).join(',')))
  const group = Object.fromEntries(
    fields.flatMap((field, index) => (texts[index] ? [[field.name, texts[index]] as const] : []))
  )
  return [group, JSON.stringify(texts)]
}

/** Of a correlation: every combination of values; none if a field is missing, so the event is not counted. */
function strictGroups(fields: readonly Field[], subject: Subject): string[][] {
  let groups: string[][] = [[]]
  for (const field of fields) {
    const values = field.texts(subject, VALUES_MAX).filter(text => text !== '')
    if (values.length === 0) return []
    groups = groups
      .flatMap(group => values.map(value => [...group, bounded(value)]))
      .slice(0, GROUPS_PER_EVENT_MAX)
  }
  return groups
}
