/**
 * Characters, escapes and classes of a regular expression, read and written: the leaves of regex-rewrite.ts.
 *
 *   class  = "[" [ "^" ] 1*( shorthand / character [ "-" character ] ) "]"     ("]" first is a character)
 *   escape = "\" ( d D w W s S b B A z Z h / t n r f v a e / x hh / u hhhh / c letter / 0 / punctuation )
 */
/** Why an expression is refused, in our own words. */
export class RegexRefusal extends Error {}

/** Code units, both ends included. */
export interface CaseRange {
  readonly from: number
  readonly to: number
}

export type Escape =
  | { readonly kind: 'char'; readonly code: number; readonly next: number }
  /** A class such as `\d`: allowed inside a class. */
  | { readonly kind: 'set'; readonly out: string; readonly next: number }
  /** `\b`, `\B`: outside a class only. */
  | { readonly kind: 'border'; readonly out: string; readonly next: number }
  /** `\A`, `\z`: the edge of the text. */
  | { readonly kind: 'edge'; readonly out: string; readonly next: number }

const CONTROL: ReadonlyMap<string, number> = new Map([
  ['t', 9],
  ['n', 10],
  ['r', 13],
  ['f', 12],
  ['v', 11],
  ['a', 7],
  ['e', 27],
  ['0', 0]
])

/** Reads the escape that begins at `at`. */
export function readEscape(source: string, at: number): Escape {
  const letter = source[at + 1]
  if (letter === undefined) throw new RegexRefusal('the regular expression ends with a backslash')
  const next = at + 2
  if ('dDwWsS'.includes(letter)) return { kind: 'set', out: `\\${letter}`, next }
  if (letter === 'h') return { kind: 'set', out: ' \\t', next }
  if (letter === 'b' || letter === 'B') return { kind: 'border', out: `\\${letter}`, next }
  if (letter === 'A') return { kind: 'edge', out: '^', next }
  if (letter === 'z' || letter === 'Z') return { kind: 'edge', out: '$', next }
  const control = CONTROL.get(letter)
  if (control !== undefined && !/^0\d/.test(source.slice(at + 1, at + 3))) {
    return { kind: 'char', code: control, next }
  }
  const hex = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|x\{([0-9a-fA-F]{1,6})\})/.exec(
    source.slice(at + 1, at + 12)
  )
  if (hex) {
    const code = Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '0', 16)
    if (code > 0x10ffff) throw new RegexRefusal('a character code of the regular expression is too large')
    return { kind: 'char', code, next: at + 1 + hex[0].length }
  }
  if (letter === 'c' && /[A-Za-z]/.test(source[at + 2] ?? '')) {
    return { kind: 'char', code: source.charCodeAt(at + 2) % 32, next: at + 3 }
  }
  if (/[0-9k]/.test(letter)) {
    throw new RegexRefusal('back-references are not supported: they cannot run in linear time')
  }
  if (/[A-Za-z]/.test(letter)) throw new RegexRefusal('an escape of the regular expression is not supported')
  const code = source.codePointAt(at + 1) ?? 0
  return { kind: 'char', code, next: at + 1 + (code > 0xffff ? 2 : 1) }
}

export interface ReadClass {
  readonly next: number
  readonly negated: boolean
  readonly ranges: readonly CaseRange[]
  readonly shorthands: readonly string[]
}

/** Reads the class that begins at `at`, where the `[` is. */
export function readClass(source: string, at: number): ReadClass {
  let next = at + 1
  const negated = source[next] === '^'
  if (negated) next++
  const ranges: CaseRange[] = []
  const shorthands: string[] = []
  for (let first = true; ; first = false) {
    if (next >= source.length) throw new RegexRefusal('the regular expression lacks a "]"')
    if (source[next] === ']' && !first) return { next: next + 1, negated, ranges, shorthands }
    if (/^\[[:.=]/.test(source.slice(next, next + 2))) {
      throw new RegexRefusal('POSIX classes such as [:alpha:] are not supported')
    }
    const from = readMember(source, next)
    next = from.next
    if (from.out !== undefined) {
      shorthands.push(from.out)
      continue
    }
    const dash = source[next] === '-' && next + 1 < source.length && source[next + 1] !== ']'
    const to = dash ? readMember(source, next + 1) : from
    if (to.out !== undefined) {
      // `[\w-.]` and `[a-\d]`: the hyphen is only a hyphen.
      ranges.push({ from: from.code, to: from.code }, { from: 45, to: 45 })
      shorthands.push(to.out)
    } else {
      if (to.code < from.code)
        throw new RegexRefusal('a range of the regular expression ends before it begins')
      ranges.push({ from: from.code, to: to.code })
    }
    next = to.next
  }
}

function readMember(source: string, at: number): { code: number; next: number; out?: string } {
  if (source[at] === '\\') {
    const found = readEscape(source, at)
    if (found.kind === 'set') return { code: 0, next: found.next, out: found.out }
    if (found.kind === 'char') return unit(found.code, found.next)
    if (found.out === '\\b') return { code: 8, next: found.next }
    throw new RegexRefusal('an escape of the regular expression does not belong in a class')
  }
  const code = source.codePointAt(at) ?? 0
  return unit(code, at + (code > 0xffff ? 2 : 1))
}

function unit(code: number, next: number): { code: number; next: number } {
  if (code > 0xffff) throw new RegexRefusal('characters beyond U+FFFF in a class are not supported yet')
  return { code, next }
}

/** A range longer than this holds both cases of its letters anyway, but for its ends. */
const FOLDED_RANGE_MAX = 4096

/** The other cases of the characters of a range, one code unit each. */
function otherCases(range: CaseRange): number[] {
  if (range.to - range.from > FOLDED_RANGE_MAX) return []
  const others: number[] = []
  for (let code = range.from; code <= range.to; code++) {
    const char = String.fromCharCode(code)
    for (const other of [char.toLowerCase(), char.toUpperCase()]) {
      const found = other.charCodeAt(0)
      // As in ECMAScript, a letter outside of ASCII is no case of one inside (the Kelvin sign is no k).
      if (other.length === 1 && found !== code && code > 127 === found > 127) others.push(found)
    }
  }
  return others
}

/** Writes a class; with `i`, closed under letter case. One plain character is written without brackets. */
export function classText(
  ranges: readonly CaseRange[],
  shorthands: readonly string[],
  negated: boolean,
  i: boolean
): string {
  const codes = i ? [...new Set(ranges.flatMap(otherCases))] : []
  const only = ranges[0]
  if (only !== undefined && ranges.length === 1 && only.from === only.to) {
    if (!negated && codes.length === 0 && shorthands.length === 0) return emitChar(only.from)
  }
  const spans = ranges.map(range =>
    range.from === range.to ? emitChar(range.from) : `${emitChar(range.from)}-${emitChar(range.to)}`
  )
  return `[${negated ? '^' : ''}${spans.join('')}${codes.map(emitChar).join('')}${shorthands.join('')}]`
}

/** One character in a spelling that means itself, in a class and outside. */
export function emitChar(code: number): string {
  const char = String.fromCodePoint(code)
  if (/^[A-Za-z0-9_ ]$/.test(char)) return char
  return [...Array(char.length).keys()]
    .map(index => `\\u${char.charCodeAt(index).toString(16).padStart(4, '0')}`)
    .join('')
}
