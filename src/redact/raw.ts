/**
 * What does the JSON text of a record look like without its credentials, when its clean data is known? Three answers,
 * the cheapest that is certain: the text itself, the text with its changed strings exchanged, or a new text.
 *
 * JSON.parse keeps only the last of members of equal names (RFC 8259, 4), so a text may hold what its data does not
 * show. It is kept only if it can hold no such member: it is as short as any text of this data is at least, or it
 * has as many members as the data.
 *
 * Strings are exchanged only in a text without a backslash: there each string stands as it is, between quotes. One
 * that stands there exactly once stands at its own place, because that is where it must stand.
 */

/** Counts the colons outside of strings: the members of all objects. The text must be valid JSON. */
export function memberCount(text: string): number {
  let count = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (inString) {
      if (unit === 92) i++
      else if (unit === 34) inString = false
    } else if (unit === 34) inString = true
    else if (unit === 58) count++
  }
  return count
}

/**
 * Characters of the shortest way to write a number in JSON; NaN where that is not its plain digits: `1e3` is shorter
 * than `1000`, and of fractions nothing is said.
 */
export function numberLength(value: number): number {
  if (!Number.isSafeInteger(value) || (value % 1000 === 0 && value !== 0)) return Number.NaN
  let length = value < 0 ? 2 : 1
  for (let rest = Math.abs(value); rest >= 10; rest = Math.floor(rest / 10)) length++
  return length
}

/** What a walk over the data of a text found out about it. */
export interface Walked {
  readonly members: number
  readonly textLength: number
  readonly edits: readonly string[]
  readonly onlyEdits: boolean
}

/** True if the text has no member that its data does not show. An escape is longer than what it stands for. */
const isWhole = (raw: string, walked: Walked): boolean =>
  raw.length === walked.textLength || memberCount(raw) === walked.members

/** The text with each old string exchanged for its new one; undefined if that is not certain to be right. */
function exchanged(raw: string, edits: readonly string[]): string | undefined {
  if (edits.length === 0 || raw.includes('\\')) return undefined
  let result = ''
  let from = 0
  for (let i = 0; i < edits.length; i += 2) {
    const old = edits[i]!
    const at = raw.indexOf(old)
    const end = at + old.length
    if (at <= from || end === at || raw.charCodeAt(at - 1) !== 34 || raw.charCodeAt(end) !== 34)
      return undefined
    if (raw.indexOf(old, at + 1) !== -1) return undefined
    result += raw.slice(from, at) + edits[i + 1]!
    from = end
  }
  return result + raw.slice(from)
}

/** JSON text of clean data. `undefined` has none; the record then has the text `null`. */
export const jsonText = (data: unknown): string => JSON.stringify(data) ?? 'null'

/** The clean text of clean data. `changed`: the data is not what the text says. */
export function cleanText(raw: string | undefined, data: unknown, changed: boolean, walked: Walked): string {
  if (raw === undefined || (changed && !walked.onlyEdits) || !isWhole(raw, walked)) return jsonText(data)
  return changed ? (exchanged(raw, walked.edits) ?? jsonText(data)) : raw
}
