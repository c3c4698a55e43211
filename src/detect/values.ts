/**
 * One value of a detector and its modifiers → a test of one value of an event.
 *
 * "Sigma Modifier Appendix 2.1". Modifiers are taken in the order written; what does not go together is
 * refused at load. Numbers are equal as numbers or as texts (`443`, `"443"`); booleans as `true`, `false`.
 */
import { compileNetwork } from './address.ts'
import { textOfValue, type ValueTest } from './fields.ts'
import { compilePattern, type Pattern } from './pattern.ts'
import { compileRegex } from './regex.ts'
import { Flaw, type Place, type ScalarTree } from './yaml-tree.ts'

type Comparison = 'gt' | 'gte' | 'lt' | 'lte'
type Position = 'contains' | 'startswith' | 'endswith'

/** The modifiers of one field, understood. */
export interface Modifiers {
  readonly kind: 'text' | 're' | 'cidr' | 'compare' | 'exists' | 'fieldref'
  readonly position?: Position
  readonly comparison?: Comparison
  readonly all: boolean
  readonly neq: boolean
  readonly cased: boolean
  readonly windash: boolean
  readonly flags: { readonly i: boolean; readonly m: boolean; readonly s: boolean }
}

const POSITIONS: ReadonlySet<string> = new Set(['contains', 'startswith', 'endswith'])
const COMPARISONS: ReadonlySet<string> = new Set(['gt', 'gte', 'lt', 'lte'])
const FLAGS: ReadonlyMap<string, 'i' | 'm' | 's'> = new Map([
  ['i', 'i'],
  ['ignorecase', 'i'],
  ['m', 'm'],
  ['multiline', 'm'],
  ['s', 's'],
  ['dotall', 's']
])

const isPosition = (name: string): name is Position => POSITIONS.has(name)
const isComparison = (name: string): name is Comparison => COMPARISONS.has(name)

/** Understands `contains|all` and the like. Throws Flaw for what is unknown or does not go together. */
export function parseModifiers(names: readonly string[], at: Place): Modifiers {
  const found: { kind: Modifiers['kind'] } = { kind: 'text' }
  let position: Position | undefined
  let comparison: Comparison | undefined
  const has = { all: false, neq: false, cased: false, windash: false }
  const flags = { i: false, m: false, s: false }
  const becomes = (next: Modifiers['kind']) => {
    if (found.kind !== 'text')
      throw new Flaw(at, `the modifiers ${found.kind} and ${next} do not go together`)
    found.kind = next
  }
  for (const name of names) {
    const flag = FLAGS.get(name)
    if (name === 'all' || name === 'neq' || name === 'cased' || name === 'windash') has[name] = true
    else if (isPosition(name)) {
      if (position !== undefined)
        throw new Flaw(at, `the modifiers ${position} and ${name} do not go together`)
      position = name
    } else if (isComparison(name)) {
      becomes('compare')
      comparison = name
    } else if (name === 're' || name === 'cidr' || name === 'exists' || name === 'fieldref') becomes(name)
    else if (flag !== undefined) {
      if (found.kind !== 're') throw new Flaw(at, `the modifier ${name} must follow re`)
      flags[flag] = true
    } else
      throw new Flaw(
        at,
        `modifier ${/^[\w-]{1,40}$/.test(name) ? name : '(unreadable)'} is not supported yet`
      )
  }
  const { kind } = found
  const textual = kind === 'text' || kind === 'fieldref'
  const clash = (other: string) => new Flaw(at, `the modifiers ${kind} and ${other} do not go together`)
  if (position !== undefined && !textual) throw clash(position)
  if (has.cased && !textual) throw clash('cased')
  if (has.windash && kind !== 'text') throw clash('windash')
  if (kind === 'exists' && (has.all || has.neq)) throw new Flaw(at, 'exists goes with no other modifier')
  return {
    kind,
    ...has,
    flags,
    ...(position === undefined ? {} : { position }),
    ...(comparison === undefined ? {} : { comparison })
  }
}

const OPEN = { contains: 'both', startswith: 'end', endswith: 'start' } as const

/** The pattern of a text value. `keyword`: found anywhere in a text unless a modifier says where. */
export function patternOf(value: ScalarTree, modifiers: Modifiers, keyword: boolean): Pattern {
  const open = modifiers.position === undefined ? (keyword ? 'both' : 'none') : OPEN[modifiers.position]
  return compilePattern(value.text, { open, cased: modifiers.cased, windash: modifiers.windash })
}

/** More exact values than this are one look-up in a set. */
const SET_MIN = 5

/**
 * A test that holds if any of the values matches, for the kinds text, re and cidr.
 * `toTest`: whether letter case is folded is decided here, once for the value and not once per pattern.
 */
export function anyOf(values: readonly ScalarTree[], modifiers: Modifiers): ValueTest {
  if (modifiers.kind === 're' || modifiers.kind === 'cidr') {
    const tests = values.map(value => compileText(value, modifiers))
    return value => {
      const text = textOfValue(value)
      return text !== undefined && tests.some(test => test(text))
    }
  }
  const numbers = values.flatMap(value => (typeof value.value === 'number' ? [value.value] : []))
  // A number in another spelling than its own (`1.0`, `0x1F`) is also the text that a log would have.
  const spellings = numbers.map(number =>
    compilePattern(String(number), { open: 'none', cased: true, windash: false })
  )
  const patterns = [
    ...values.map(value => patternOf(value, modifiers, false)),
    ...(modifiers.position ? [] : spellings)
  ]
  const exact = [
    ...new Set(patterns.flatMap(pattern => (pattern.exact === undefined ? [] : [pattern.exact])))
  ]
  const others = patterns.filter(pattern => pattern.exact === undefined).map(pattern => pattern.test)
  const isExact = oneOf(exact)
  // A number is one of the exact values if it is one of their numbers: no text is made for most events.
  const isExactNumber = oneOf(exact.map(Number).filter(number => exact.includes(String(number))))
  const { cased } = modifiers
  return value => {
    if (typeof value === 'number' && others.length === 0) return isExactNumber(value)
    const text = textOfValue(value)
    if (text === undefined) return false
    const folded = cased || typeof value !== 'string' ? text : text.toLowerCase()
    if (isExact(folded)) return true
    for (const test of others) if (test(folded)) return true
    return false
  }
}

/** Is it one of these? The few that most detectors have are compared one by one. */
function oneOf<T>(values: readonly T[]): (value: T) => boolean {
  const [first, second] = values
  if (values.length === 0) return () => false
  if (values.length === 1) return value => value === first
  if (values.length === 2) return value => value === first || value === second
  if (values.length < SET_MIN) return value => values.includes(value)
  const known: ReadonlySet<T> = new Set(values)
  return value => known.has(value)
}

/** The test of a text for re and cidr. Throws Flaw with the reason if the value cannot be compiled. */
export function compileText(value: ScalarTree, modifiers: Modifiers): (text: string) => boolean {
  const compiled =
    modifiers.kind === 're' ? compileRegex(value.text, modifiers.flags) : compileNetwork(value.text)
  if (typeof compiled === 'string') throw new Flaw(value.at, compiled)
  return compiled
}

/** A decimal number as logs write it; `0x10`, blanks and the empty text are none. */
const NUMBER = /^[-+]?\d{1,300}(?:\.\d{1,300})?(?:[eE][-+]?\d{1,3})?$/

/** The number of a value: itself, or the number that a text spells. NaN if it is none. */
export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'string' && value.length < 700 && NUMBER.test(value) ? Number(value) : Number.NaN
}

/** `gt`, `gte`, `lt`, `lte`. Throws Flaw if the detector's value is no number. */
export function comparing(value: ScalarTree, comparison: Comparison): ValueTest {
  const limit = numberOf(value.value)
  if (Number.isNaN(limit)) throw new Flaw(value.at, `${comparison} needs a number`)
  if (comparison === 'gt') return found => numberOf(found) > limit
  if (comparison === 'gte') return found => numberOf(found) >= limit
  if (comparison === 'lt') return found => numberOf(found) < limit
  return found => numberOf(found) <= limit
}

/** Compares two texts as `fieldref` says; both in one letter case unless cased. */
export function related(left: string, right: string, modifiers: Modifiers): boolean {
  const [a, b] = modifiers.cased ? [left, right] : [left.toLowerCase(), right.toLowerCase()]
  if (modifiers.position === 'contains') return a.includes(b)
  if (modifiers.position === 'startswith') return a.startsWith(b)
  if (modifiers.position === 'endswith') return a.endsWith(b)
  return a === b
}
