/**
 * What does a text say once its encodings are undone? One pass undoes percent-encoding (RFC 3986), the escapes of
 * JSON, nginx and shells (`\n \" \\ \/ \uXXXX \xHH`), HTML entities, and drops what is invisible (zero-width
 * characters, soft hyphens, NUL, terminal colours). `from[i]` is where character i of the view starts in the
 * original, so that a finding in the view names the whole encoded run.
 */

export interface View {
  readonly text: string
  /** One longer than the text: the last is the length of the original. */
  readonly from: Int32Array
}

const ANSI = /\u001b\[[0-9;:?]{0,32}[A-Za-z]/y
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([nrtbf"'\\/]))/y
const ENTITY = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(quot|amp|lt|gt|apos|nbsp));/y
const PERCENT = /(?:%[0-9a-fA-F]{2})+/y
const INVISIBLE = /[\u0000\u00ad\u200b-\u200f\u2060\ufeff]/
const CONTROL: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' }
const NAMED: Readonly<Record<string, string>> = {
  quot: '"',
  amp: '&',
  lt: '<',
  gt: '>',
  apos: "'",
  nbsp: ' '
}

interface Draft {
  readonly parts: string[]
  readonly from: Int32Array
  length: number
}

function put(draft: Draft, text: string, at: number): void {
  draft.parts.push(text)
  for (let i = 0; i < text.length; i++) draft.from[draft.length++] = at
}

/** Bytes of a run of `%XX`: as UTF-8 if they are, else one character each. */
function percentRun(draft: Draft, run: string, at: number): void {
  const bytes = Buffer.from(run.replaceAll('%', ''), 'hex')
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i] ?? 0
    const size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1
    const text = bytes.toString(size === 1 ? 'latin1' : 'utf8', i, i + size)
    put(draft, text, at + i * 3)
    i += size
  }
}

/** Length of the original that was used up at `at`, 0 if nothing is encoded there. */
function undo(text: string, at: number, unit: number, draft: Draft): number {
  if (unit === 37) {
    PERCENT.lastIndex = at
    const run = PERCENT.exec(text)
    if (!run) return 0
    percentRun(draft, run[0], at)
    return run[0].length
  }
  if (unit === 92) {
    ESCAPE.lastIndex = at
    const found = ESCAPE.exec(text)
    if (!found) return 0
    const [whole, u, x, c] = found
    put(
      draft,
      c !== undefined ? (CONTROL[c] ?? c) : String.fromCharCode(Number.parseInt(u ?? x ?? '0', 16)),
      at
    )
    return whole.length
  }
  if (unit === 38) {
    ENTITY.lastIndex = at
    const found = ENTITY.exec(text)
    if (!found) return 0
    const [whole, decimal, hex, name] = found
    const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex ?? '0', 16)
    put(
      draft,
      name !== undefined ? (NAMED[name] ?? '') : code <= 0x10ffff ? String.fromCodePoint(code) : '',
      at
    )
    return whole.length
  }
  if (unit === 27) {
    ANSI.lastIndex = at
    return ANSI.exec(text)?.[0].length ?? 0
  }
  return INVISIBLE.test(text.charAt(at)) ? 1 : 0
}

const isSpecial = (unit: number) =>
  unit === 37 ||
  unit === 92 ||
  unit === 38 ||
  unit === 27 ||
  unit === 0 ||
  unit === 0xad ||
  (unit >= 0x200b && (unit <= 0x200f || unit === 0x2060 || unit === 0xfeff))

/** The text with one layer of encodings undone, or undefined if there is none. */
export function decodedView(text: string): View | undefined {
  const draft: Draft = { parts: [], from: new Int32Array(text.length * 2 + 2), length: 0 }
  let kept = 0
  let changed = false
  const keep = (to: number) => {
    if (to === kept) return
    draft.parts.push(text.slice(kept, to))
    for (let i = kept; i < to; i++) draft.from[draft.length++] = i
  }
  for (let i = 0; i < text.length; ) {
    const unit = text.charCodeAt(i)
    if (!isSpecial(unit)) {
      i++
      continue
    }
    keep(i)
    kept = i
    const used = undo(text, i, unit, draft)
    if (used === 0) {
      i++
      continue
    }
    changed = true
    i += used
    kept = i
  }
  if (!changed) return undefined
  keep(text.length)
  draft.from[draft.length] = text.length
  return { text: draft.parts.join(''), from: draft.from.subarray(0, draft.length + 1) }
}

/** The outer positions of a view of a view. */
export function compose(outer: View, inner: View): View {
  const from = new Int32Array(inner.from.length)
  for (let i = 0; i < from.length; i++) from[i] = outer.from[inner.from[i] ?? 0] ?? 0
  return { text: inner.text, from }
}

/** Without what nobody sees. */
export const visible = (text: string): string =>
  text.replace(/\u001b\[[0-9;:?]{0,32}[A-Za-z]|[\u0000\u00ad\u200b-\u200f\u2060\ufeff]/g, '')

/** Text that was base64 or base64url; undefined if the bytes are no text. */
export function base64Text(run: string): string | undefined {
  const bytes = Buffer.from(run, 'base64')
  if (bytes.length < 3) return undefined
  let odd = 0
  const sample = Math.min(bytes.length, 512)
  for (let i = 0; i < sample; i++) {
    const byte = bytes[i] ?? 0
    if (byte < 9 || (byte > 13 && byte < 32) || byte >= 127) odd++
  }
  return odd * 4 > sample ? undefined : bytes.toString('latin1')
}
