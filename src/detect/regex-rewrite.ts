/**
 * Rewrites a regular expression of a detector into one that V8's linear engine can run, with equal meaning.
 *
 * Input: the common part of PCRE and ECMAScript (Sigma modifier appendix, `re`). What changes: letter case is
 * spelled out in classes; groups do not capture; `X{40}` becomes `X{16}X{16}X{8}`, because the linear engine
 * repeats at most 16 times; inline flags become structure; `.` is any character but a line feed, as in PCRE.
 *
 *   alternatives = sequence *( "|" sequence )
 *   sequence     = *( atom [ quantifier ] )
 *   atom         = "(" [ "?" prefix ] alternatives ")" / class / escape / "." / "^" / "$" / character
 *   quantifier   = ( "*" / "+" / "?" / "{" n [ "," [ m ] ] "}" ) [ "?" ]
 */
import { type CaseRange, classText, emitChar, RegexRefusal, readClass, readEscape } from './regex-class.ts'

/** Repetitions of the linear engine, multiplied through nested quantifiers. */
const REPEAT_MAX = 16
/** Characters of a rewritten expression. */
const OUTPUT_MAX = 32_768
const DEPTH_MAX = 64

interface Modes {
  readonly i: boolean
  readonly s: boolean
}

/** A rewritten part: its text, whether a quantifier may follow it directly, and its nested repetitions. */
interface Part {
  readonly out: string
  readonly single: boolean
  readonly factor: number
}

export type Rewritten = { readonly source: string; readonly multiline: boolean } | { readonly reason: string }

/** Rewrites `source`; a reason instead of a result says what is not supported. */
export function rewriteRegex(source: string, flags: { i: boolean; m: boolean; s: boolean }): Rewritten {
  try {
    const rewriter = new Rewriter(source, flags.m)
    const out = rewriter.all({ i: flags.i, s: flags.s })
    return { source: out, multiline: rewriter.multiline }
  } catch (error) {
    if (error instanceof RegexRefusal) return { reason: error.message }
    throw error
  }
}

class Rewriter {
  readonly #source: string
  #at = 0
  multiline: boolean

  constructor(source: string, multiline: boolean) {
    this.#source = source
    this.multiline = multiline
  }

  all(modes: Modes): string {
    let found = modes
    const inline = /^\(\?([a-z]+)\)/.exec(this.#source)
    if (inline) {
      found = this.#flags(inline[1] ?? '', modes)
      this.#at = inline[0].length
    }
    const part = this.#alternatives(found, 0)
    if (this.#at < this.#source.length) throw new RegexRefusal('the regular expression has a ")" too many')
    return part.out
  }

  #flags(letters: string, modes: Modes): Modes {
    for (const letter of letters) {
      if (letter === 'm') this.multiline = true
      else if (letter !== 'i' && letter !== 's') {
        throw new RegexRefusal('this inline flag of a regular expression is not supported yet')
      }
    }
    return { i: modes.i || letters.includes('i'), s: modes.s || letters.includes('s') }
  }

  #alternatives(modes: Modes, depth: number): Part {
    if (depth > DEPTH_MAX) throw new RegexRefusal('the regular expression is nested too deep')
    const sequences = [this.#sequence(modes, depth)]
    while (this.#source[this.#at] === '|') {
      this.#at++
      sequences.push(this.#sequence(modes, depth))
    }
    const first = sequences[0]
    if (first !== undefined && sequences.length === 1) return first
    return {
      out: limited(sequences.map(part => part.out).join('|')),
      single: false,
      factor: Math.max(...sequences.map(part => part.factor))
    }
  }

  #sequence(modes: Modes, depth: number): Part {
    const parts: Part[] = []
    while (this.#at < this.#source.length) {
      const char = this.#source[this.#at]
      if (char === '|' || char === ')') break
      parts.push(this.#quantified(this.#atom(modes, depth)))
    }
    const only = parts[0]
    if (only !== undefined && parts.length === 1) return only
    const factor = parts.reduce((most, part) => Math.max(most, part.factor), 1)
    return { out: limited(parts.map(part => part.out).join('')), single: false, factor }
  }

  #atom(modes: Modes, depth: number): Part {
    const char = this.#source[this.#at] ?? ''
    if (char === '(') return this.#group(modes, depth)
    if (char === '*' || char === '+' || char === '?') {
      throw new RegexRefusal('the regular expression repeats nothing')
    }
    if (char === '[') {
      const { next, negated, ranges, shorthands } = readClass(this.#source, this.#at)
      this.#at = next
      return one(classText(ranges, shorthands, negated, modes.i))
    }
    if (char === '\\') {
      const found = readEscape(this.#source, this.#at)
      this.#at = found.next
      if (found.kind === 'char') return letter(found.code, modes.i)
      if (found.kind === 'set') return one(`[${found.out}]`)
      if (found.kind === 'edge') {
        if (this.multiline)
          throw new RegexRefusal('\\A and \\z together with the flag m are not supported yet')
        return one(found.out)
      }
      return one(found.out)
    }
    if (char === '.') {
      this.#at++
      return one(modes.s ? '[\\s\\S]' : '[^\\n]')
    }
    if (char === '^' || char === '$') {
      this.#at++
      return one(char)
    }
    const code = this.#source.codePointAt(this.#at) ?? 0
    this.#at += code > 0xffff ? 2 : 1
    return letter(code, modes.i)
  }

  #group(modes: Modes, depth: number): Part {
    let inner = modes
    const rest = this.#source.slice(this.#at, this.#at + 80)
    const named = /^\(\?P?<[A-Za-z_]\w*>/.exec(rest)
    const flagged = /^\(\?([a-z]*):/.exec(rest)
    if (named) this.#at += named[0].length
    else if (flagged) {
      if (flagged[1]?.includes('m')) throw new RegexRefusal('the flag m for a group is not supported yet')
      inner = this.#flags(flagged[1] ?? '', modes)
      this.#at += flagged[0].length
    } else if (/^\(\?<?[=!]/.test(rest)) {
      throw new RegexRefusal('look-around is not supported: it cannot run in linear time')
    } else if (rest.startsWith('(?')) {
      throw new RegexRefusal('this kind of group is not supported')
    } else this.#at++
    const part = this.#alternatives(inner, depth + 1)
    if (this.#source[this.#at] !== ')') throw new RegexRefusal('the regular expression lacks a ")"')
    this.#at++
    return { out: `(?:${part.out})`, single: true, factor: part.factor }
  }

  #quantified(atom: Part): Part {
    const match = /^(?:[*+?]|\{(\d{1,6})(?:(,)(\d{1,6})?)?\})/.exec(
      this.#source.slice(this.#at, this.#at + 20)
    )
    if (!match) return atom
    this.#at += match[0].length
    const after = this.#source[this.#at]
    if (after === '+') throw new RegexRefusal('possessive quantifiers are not supported')
    if (after === '?') this.#at++
    if (/^[*+?]/.test(this.#source.slice(this.#at))) {
      throw new RegexRefusal('the regular expression repeats a repetition without a group')
    }
    const sign = match[0][0]
    if (sign === '*') return repeat(atom, 0, Number.POSITIVE_INFINITY)
    if (sign === '+') return repeat(atom, 1, Number.POSITIVE_INFINITY)
    if (sign === '?') return repeat(atom, 0, 1)
    const min = Number(match[1])
    const open = match[2] !== undefined && match[3] === undefined
    const max = open ? Number.POSITIVE_INFINITY : Number(match[3] ?? match[1])
    if (max < min) throw new RegexRefusal('a repetition of the regular expression ends before it begins')
    return repeat(atom, min, max)
  }
}

/** A character, or with `i` the class of its cases. */
function letter(code: number, i: boolean): Part {
  if (code > 0xffff) return { out: `(?:${emitChar(code)})`, single: true, factor: 1 }
  const range: CaseRange = { from: code, to: code }
  return one(i ? classText([range], [], false, true) : emitChar(code))
}

const one = (out: string): Part => ({ out, single: true, factor: 1 })

function limited(text: string): string {
  if (text.length > OUTPUT_MAX) throw new RegexRefusal('the regular expression is too large')
  return text
}

/** `atom{min,max}` in pieces of which none repeats more than 16 times, nested repetitions included. */
function repeat(atom: Part, min: number, max: number): Part {
  const unit = atom.single ? atom.out : `(?:${atom.out})`
  const open = max === Number.POSITIVE_INFINITY
  if (open && min <= 1) return { out: unit + (min === 0 ? '*' : '+'), single: false, factor: atom.factor }
  const chunk = Math.max(1, Math.floor(REPEAT_MAX / atom.factor))
  if (!open && max <= chunk) {
    const out = max === 1 && min === 0 ? `${unit}?` : `${unit}{${min},${max}}`
    return { out: limited(out), single: false, factor: Math.max(1, max) * atom.factor }
  }
  const pieces: string[] = []
  const size = (count: number) => Math.ceil(count / chunk) * (unit.length + 8)
  if (size(min) + (open ? 0 : size(max - min)) > OUTPUT_MAX) {
    throw new RegexRefusal('the regular expression is too large')
  }
  for (let left = min; left > 0; left -= chunk) pieces.push(times(unit, Math.min(left, chunk), false))
  if (open) pieces.push(`${unit}*`)
  else
    for (let left = max - min; left > 0; left -= chunk) pieces.push(times(unit, Math.min(left, chunk), true))
  return { out: limited(pieces.join('')), single: false, factor: chunk * atom.factor }
}

const times = (unit: string, count: number, optional: boolean): string =>
  optional ? `${unit}{0,${count}}` : count === 1 ? unit : `${unit}{${count}}`
