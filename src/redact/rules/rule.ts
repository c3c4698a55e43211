/**
 * What is a rule? Data: the literal starts of one token format and the pattern of the whole token from there.
 * A rule says what to take out. Checksums and lengths only label; they never keep a match in the text, because
 * truncated, altered and future tokens fail them too.
 */

export interface TokenRule {
  readonly type: string
  /** Exact literals that a token starts with; found in any case, then verified by the pattern. */
  readonly prefixes: readonly string[]
  /** Sticky; matches the whole token from the start of the prefix. */
  readonly pattern: RegExp
  /** `word` (default): not glued to a letter or digit on the left. `any`: the prefix is rare enough. */
  readonly left?: 'word' | 'any'
  /** Sticky; the whole token so narrowly that it may be glued to a letter or digit on the left. */
  readonly glued?: RegExp
  /** False: the prefix is too short to be searched for inside base64. */
  readonly wrapped?: false
  /**
   * For prefixes that are parts of common words: the automaton looks for the prefix followed by two of these
   * characters, all combinations, so that `task` or `v1/` is no hit at all.
   */
  readonly followedBy?: string
  /** After a failure, later prefixes in the same run of word characters fail too: skip them. */
  readonly perRun?: true
  /** Facts that the token itself tells. Only labels. */
  readonly label?: (token: string) => { readonly type?: string; readonly account?: string }
  readonly examples: {
    /** Texts that are tokens as a whole. */
    readonly ok: readonly string[]
    /** Texts in which this rule finds nothing. */
    readonly ng: readonly string[]
  }
}

export interface RuleOptions {
  readonly left?: 'word' | 'any'
  readonly wrapped?: false
  /** Source of the whole pattern. */
  readonly glued?: string
  readonly followedBy?: string
  readonly perRun?: true
  readonly label?: NonNullable<TokenRule['label']>
}

/**
 * A rule from its type, prefixes, and the source of the pattern after any of the prefixes.
 * `tail` must not be able to backtrack: one character class with a lower bound, or such classes in a row.
 */
export function rule(
  type: string,
  prefixes: readonly string[],
  tail: string,
  examples: TokenRule['examples'],
  { glued, ...options }: RuleOptions = {}
): TokenRule {
  const starts = prefixes.map(prefix => prefix.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')
  const made = { type, prefixes, pattern: new RegExp(`(?:${starts})${tail}`, 'y'), examples, ...options }
  return glued === undefined ? made : { ...made, glued: new RegExp(glued, 'y') }
}

export const HEX = '0123456789abcdef'
export const DIGITS = '0123456789'

const ALPHABETS = {
  base62: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  hex: '0123456789abcdef',
  digits: '0123456789',
  base32: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567',
  bech32: 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L'
} as const

/**
 * A made-up token body for examples: the same for the same arguments. Examples are assembled from pieces, so
 * that no text of this project looks like a real secret to another scanner.
 */
export function fake(length: number, alphabet: keyof typeof ALPHABETS = 'base62', seed = 7): string {
  const letters = ALPHABETS[alphabet]
  let state = (seed * 2654435761 + length) >>> 0
  let text = ''
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    text += letters.charAt((state >>> 16) % letters.length)
  }
  return text
}
