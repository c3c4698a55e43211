/**
 * Sigma's plain strings: what does `*\cmd?exe` mean, and does a text match it?
 *
 * "Sigma Rules Specification 2.1", section Escaping: `*` is any text, `?` one character; a backslash before a
 * wildcard or a backslash takes its meaning away, any other backslash is itself. Text is compared without
 * letter case: `toLowerCase` on both sides, never a locale's.
 */

/** `any`: `*`. `one`: `?`. `dash`: any dash or slash that starts an option (modifier windash). */
type Token = string | typeof ANY | typeof ONE | typeof DASH
const ANY = Symbol('any')
const ONE = Symbol('one')
const DASH = Symbol('dash')

export interface PatternOptions {
  /** Text may stand before, after. */
  readonly open: 'none' | 'start' | 'end' | 'both'
  readonly cased: boolean
  readonly windash: boolean
}

/** Hyphen, slash, en dash, em dash, horizontal bar: the modifier appendix, `windash`. */
const DASHES = new Set(['-', '/', '–', '—', '―'])
const WORD = /^\w/

/** Splits a Sigma string into characters and wildcards. A character is a code point. */
function tokenise(text: string): Token[] {
  const chars = [...text]
  const tokens: Token[] = []
  for (let index = 0; index < chars.length; index++) {
    const char = chars[index] ?? ''
    const next = chars[index + 1]
    if (char === '\\' && (next === '*' || next === '?' || next === '\\')) {
      tokens.push(next)
      index++
    } else if (char === '*') {
      if (tokens.at(-1) !== ANY) tokens.push(ANY)
    } else if (char === '?') tokens.push(ONE)
    else tokens.push(char)
  }
  return tokens
}

/** Makes every dash that begins an option stand for all of them: one class instead of 5ⁿ strings. */
function widenDashes(tokens: readonly Token[]): Token[] {
  return tokens.map((token, index) => {
    if (typeof token !== 'string' || !DASHES.has(token)) return token
    const before = tokens[index - 1]
    const after = tokens[index + 1]
    const starts = typeof before !== 'string' || !WORD.test(before)
    return starts && typeof after === 'string' && WORD.test(after) ? DASH : token
  })
}

/** Greedy match of wildcards with one step back: no recursion, at most text × pattern steps. */
function glob(tokens: readonly Token[], text: string): boolean {
  const chars = [...text]
  let at = 0
  let token = 0
  let star = -1
  let resume = 0
  while (at < chars.length) {
    const wanted = tokens[token]
    if (wanted === ANY) {
      star = token++
      resume = at
      continue
    }
    const char = chars[at] ?? ''
    if (
      wanted !== undefined &&
      (wanted === ONE || wanted === char || (wanted === DASH && DASHES.has(char)))
    ) {
      token++
      at++
    } else if (star >= 0) {
      token = star + 1
      at = ++resume
    } else return false
  }
  while (tokens[token] === ANY) token++
  return token === tokens.length
}

/** A compiled pattern over text that is already lower case (unless cased). */
export interface Pattern {
  /** The whole text if the pattern is nothing but that: several of them become one set. */
  readonly exact?: string
  readonly test: (text: string) => boolean
}

/** Compiles a Sigma string. The shapes that nearly all rules have need no wildcard matcher. */
export function compilePattern(text: string, options: PatternOptions): Pattern {
  const parsed = tokenise(options.cased ? text : text.toLowerCase())
  let tokens = options.windash ? widenDashes(parsed) : parsed
  if ((options.open === 'start' || options.open === 'both') && tokens[0] !== ANY) tokens = [ANY, ...tokens]
  if ((options.open === 'end' || options.open === 'both') && tokens.at(-1) !== ANY) tokens = [...tokens, ANY]
  const before = tokens[0] === ANY
  const after = tokens.length > 1 && tokens.at(-1) === ANY
  const middle = tokens.slice(before ? 1 : 0, after ? -1 : tokens.length)
  if (!middle.every(token => typeof token === 'string')) {
    const shape = tokens
    return { test: subject => glob(shape, subject) }
  }
  const literal = middle.join('')
  if (literal === '' && (before || after)) return { test: () => true }
  if (before && after) return { test: subject => subject.includes(literal) }
  if (before) return { test: subject => subject.endsWith(literal) }
  if (after) return { test: subject => subject.startsWith(literal) }
  return { exact: literal, test: subject => subject === literal }
}
