/**
 * The dictionary: text to number. Bounded in memory: when the map is full it is emptied and texts that come
 * again get a new number, so a text may have several numbers in the file. Queries therefore always ask for
 * all numbers of a text, and answers are made distinct by text, never by number.
 */

/** UTF-16 units of a text that the index keeps and compares. Longer ones are cut, in queries as well. */
export const TEXT_UNITS_MAX = 512
/** Texts remembered at most. */
export const TEXTS_MAX = 65_536
/** Places for texts that came lately; a power of two. */
const RECENT = 16_384

/**
 * A text as the index keeps it: cut, and with U+FFFD for lone surrogates, as UTF-8 has it. The copy lets go of
 * whatever V8 keeps alive behind it: a text may be a slice of a whole request body.
 */
export function indexed(text: string): string {
  const kept = text.length > TEXT_UNITS_MAX ? text.slice(0, TEXT_UNITS_MAX) : text
  return Buffer.from(kept, 'utf8').toString('utf8')
}

interface Known {
  readonly text: string
  readonly id: number
}
const NONE: Known = { text: '', id: 0 }

/**
 * A place among the recent texts, from a few of the text's units. To look up a parsed string in a Map, V8
 * hashes all of it first, which costs more than this and one comparison. Texts that share a place only cost
 * the lookup in the Map.
 */
function placeOf(text: string): number {
  const length = text.length
  let hash = length
  hash = Math.imul(hash, 31) + text.charCodeAt(length - 1)
  hash = Math.imul(hash, 31) + text.charCodeAt(length >> 1)
  if (length > 3) {
    hash = Math.imul(hash, 31) + text.charCodeAt(length - 2)
    hash = Math.imul(hash, 31) + text.charCodeAt(length - 3)
    hash = Math.imul(hash, 31) + text.charCodeAt(0)
  }
  return (hash ^ (hash >>> 13)) & (RECENT - 1)
}

export class TextIds {
  readonly #known = new Map<string, Known>()
  readonly #recent = new Array<Known>(RECENT).fill(NONE)
  readonly #textsMax: number
  #next = 1
  /** Texts that are not in the file yet; the first has number `pendingFirst`. */
  #pending: string[] = []

  constructor(textsMax = TEXTS_MAX) {
    this.#textsMax = textsMax
  }

  /** The number of a text, a new one if need be; 0 for an absent or empty one. */
  idOf(text: string | undefined): number {
    if (text === undefined || text === '') return 0
    const place = placeOf(text)
    const recent = this.#recent[place] ?? NONE
    if (recent.text === text) return recent.id
    const known = this.#lookup(text)
    this.#recent[place] = known
    return known.id
  }

  /** A long text is cut before it is looked up, so that it is never hashed whole. */
  #lookup(text: string): Known {
    if (text.length <= TEXT_UNITS_MAX) {
      const known = this.#known.get(text)
      if (known) return known
    }
    const kept = indexed(text)
    const known = this.#known.get(kept)
    if (known) return known
    this.#pending.push(kept)
    return this.#remember(kept, this.#next++)
  }

  #remember(text: string, id: number): Known {
    if (this.#known.size >= this.#textsMax) this.#known.clear()
    const known = { text, id }
    this.#known.set(text, known)
    return known
  }

  /** The number of the first text that was not taken yet. */
  get pendingFirst(): number {
    return this.#next - this.#pending.length
  }
  /** The texts that are not in the file yet, in the order of their numbers; the caller now has them. */
  takePending(): readonly string[] {
    const taken = this.#pending
    this.#pending = []
    return taken
  }

  /** Starts again from what a file holds: its highest number, and (some of) its texts. */
  load(highest: number, texts: Iterable<readonly [text: string, id: number]>): void {
    this.#known.clear()
    this.#recent.fill(NONE)
    this.#pending = []
    this.#next = highest + 1
    for (const [text, id] of texts) this.#remember(text, id)
  }
}
