/**
 * How many members do the objects of a JSON text have, doubled ones counted each time? JSON.parse keeps only the last
 * of equal names (RFC 8259, 4), so a text may hold what its data does not show. Raw text is kept only if both agree.
 */

/** Counts the colons outside of strings. The text must be valid JSON. */
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
