/**
 * How is JSON from outside taken apart without trusting it? RFC 8259. Nesting is measured before anything
 * is built, because what comes later walks values recursively. No message of `JSON.parse` ever leaves here:
 * it quotes its input.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Index after the string literal that opens at `at`; the text's length if it never closes. */
function afterString(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === BACKSLASH) i++
    else if (code === QUOTE) return i + 1
  }
  return text.length
}

const isOpening = (code: number) => code === 0x7b || code === 0x5b
const isClosing = (code: number) => code === 0x7d || code === 0x5d
const isSpace = (code: number) => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09

function nestsBeyond(text: string, limit: number): boolean {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) i = afterString(text, i) - 1
    else if (isOpening(code)) {
      if (++depth > limit) return true
    } else if (isClosing(code)) depth--
  }
  return false
}

/**
 * True if objects and arrays nest deeper than `limit`. Counting the opening brackets first settles it for
 * ordinary records: there cannot be more levels than brackets.
 */
export function deeperThan(text: string, limit: number): boolean {
  let openings = 0
  for (let at = text.indexOf('{'); at !== -1; at = text.indexOf('{', at + 1))
    if (++openings > limit) return nestsBeyond(text, limit)
  for (let at = text.indexOf('['); at !== -1; at = text.indexOf('[', at + 1))
    if (++openings > limit) return nestsBeyond(text, limit)
  return false
}

/** The value of a JSON text; undefined if the text is not JSON (JSON itself has no undefined). */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** True for an object of JSON: not null, not an array. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export interface ArrayParts {
  /** The text of each element, in order. Not checked: each is for `parseJson`. */
  readonly elements: readonly string[]
  /** What is left when the array does not end properly: cut off, or followed by something else. */
  readonly rest: string
}

/**
 * Cuts the text of a JSON array into its elements, so that one broken element does not spoil the others and
 * each keeps its own text. `text` starts with `[` after optional white space. At most `limit + 1` elements.
 */
export function splitArray(text: string, limit: number): ArrayParts {
  const elements: string[] = []
  let depth = 0
  let start = text.indexOf('[') + 1
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) i = afterString(text, i) - 1
    else if (isOpening(code)) depth++
    else if (depth > 0 && isClosing(code)) depth--
    else if (depth === 0 && (code === 0x2c || code === 0x5d)) {
      const element = text.slice(start, i).trim()
      const empty = code === 0x5d && elements.length === 0 && element === ''
      if (!empty) elements.push(element)
      start = i + 1
      if (code === 0x5d || elements.length > limit) return { elements, rest: text.slice(start).trim() }
    }
  }
  return { elements, rest: text.slice(start) || '[' }
}

/** Char code of the first character that is not white space, from `at`; NaN at the end. */
export function firstCode(text: string, at = 0): number {
  let i = at
  while (i < text.length && isSpace(text.charCodeAt(i))) i++
  return text.charCodeAt(i)
}
