/**
 * How do findings become one change of a text? They are collected first, in any order, then merged where they
 * overlap or touch, then replaced from left to right: no rule ever sees the output of another.
 */
import { RULES } from './rules/all.ts'
import type { TokenRule } from './rules/rule.ts'

/** How sure a finding is of what it found: the best of a merged group names it. */
export const RANK = {
  /** Only a name said so. */
  named: 1,
  /** A grammar said so: userinfo, Basic, Bearer. */
  placed: 2,
  /** A known format. */
  format: 3
} as const

export interface Finding {
  start: number
  end: number
  /** The credential as it stands there, or as a decoded view shows it. */
  readonly value: string
  readonly type: string
  readonly rank: number
  readonly rule: TokenRule | undefined
  /** `?name` of a query parameter, else empty. */
  readonly param: string
  /** No credential: a forged placeholder; this text takes its place. */
  readonly neutral?: string
}

export const finding = (
  start: number,
  end: number,
  value: string,
  type: string,
  rank: number,
  rule?: TokenRule,
  param = ''
): Finding => ({ start, end, value, type, rank, rule, param })

/** Findings that overlap or touch, as one span; `best` are the credentials to list, never empty. */
export interface Span {
  readonly start: number
  readonly end: number
  readonly best: readonly Finding[]
}

const ORDER: ReadonlyMap<TokenRule, number> = new Map(RULES.map((rule, index) => [rule, index]))
const orderOf = (rule: TokenRule | undefined) =>
  (rule === undefined ? undefined : ORDER.get(rule)) ?? RULES.length

/** True if `rule` names a text that `other` matches as well. */
export const isBefore = (rule: TokenRule, other: TokenRule | undefined): boolean =>
  orderOf(rule) < orderOf(other)

/** The findings of the highest rank, without those inside another. */
function bestOf(group: readonly Finding[]): Finding[] {
  let rank = 0
  for (const one of group) if (one.neutral === undefined && one.rank > rank) rank = one.rank
  if (rank === 0) return [group[0]!]
  const best: Finding[] = []
  const candidates = group
    .filter(one => one.rank === rank && one.neutral === undefined)
    .sort((a, b) => b.end - b.start - (a.end - a.start) || orderOf(a.rule) - orderOf(b.rule))
  for (const one of candidates.slice(0, 32)) {
    const inside = best.some(other => one.start >= other.start && one.end <= other.end)
    if (!inside) best.push(one)
  }
  const param = group.find(one => one.param !== '')?.param ?? ''
  return best
    .sort((a, b) => a.start - b.start)
    .map(one => (one.param === '' && param !== '' ? { ...one, param } : one))
}

/** Merged spans in the order of the text. Sorts `findings` in place. */
export function merge(findings: Finding[]): Span[] {
  if (findings.length === 1) {
    const only = findings[0]!
    return [{ start: only.start, end: only.end, best: findings }]
  }
  findings.sort((a, b) => a.start - b.start || b.end - a.end)
  const spans: Span[] = []
  let group: Finding[] = []
  let end = -1
  const close = () => {
    if (group.length > 0) spans.push({ start: group[0]!.start, end, best: bestOf(group) })
  }
  for (const one of findings) {
    // A forged placeholder only touches its neighbours; it must not be merged away or merge others.
    if (
      one.start < end ||
      (one.start === end && one.neutral === undefined && group.at(-1)?.neutral === undefined)
    ) {
      group.push(one)
      if (one.end > end) end = one.end
      continue
    }
    close()
    group = [one]
    end = one.end
  }
  close()
  return spans
}
