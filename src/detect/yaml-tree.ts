/**
 * YAML text to plain trees that know their line and column, so that every complaint about a detector has a place.
 *
 * YAML 1.2 core schema, no tags of our own. Where a plain scalar and its number would not read the same, the
 * text wins (`0042` is text; `1.0` stays a number but keeps its spelling): Sigma rules are full of such values.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'

export interface Place {
  readonly line: number
  readonly column: number
}
export interface ScalarTree {
  readonly kind: 'scalar'
  readonly at: Place
  readonly value: string | number | boolean | null
  /** As written, for numbers; else the value as text. */
  readonly text: string
}
export interface ListTree {
  readonly kind: 'list'
  readonly at: Place
  readonly items: readonly Tree[]
}
export interface MapTree {
  readonly kind: 'map'
  readonly at: Place
  readonly entries: readonly { readonly key: string; readonly at: Place; readonly value: Tree }[]
}
export type Tree = ScalarTree | ListTree | MapTree

/** A complaint about one place of a detector file. `message` is our own text. */
export class Flaw extends Error {
  readonly at: Place
  constructor(at: Place, message: string) {
    super(message)
    this.name = 'Flaw'
    this.at = at
  }
}

/** One document of a file: its tree, its text (for the revision) or what is wrong with it. */
export interface TreeDocument {
  readonly text: string
  readonly tree?: Tree
  readonly flaws: readonly Flaw[]
}

/** Limits of one file. The largest public rule has 4,432 values in a list and is 140 KB. */
export const FILE_CHARS_MAX = 256 * 1024
const NODES_MAX = 50_000
const DEPTH_MAX = 32

const YAML_MESSAGES: ReadonlyMap<string, string> = new Map([
  ['DUPLICATE_KEY', 'this key is there twice'],
  ['TAB_AS_INDENT', 'a tab is not allowed as indentation'],
  ['BAD_INDENT', 'the indentation is wrong'],
  ['MISSING_CHAR', 'a closing quote, bracket or colon is missing'],
  ['BAD_ALIAS', 'this alias is wrong'],
  ['UNEXPECTED_TOKEN', 'this does not belong here'],
  ['MULTILINE_IMPLICIT_KEY', 'a key must be on one line'],
  ['TAG_RESOLVE_FAILED', 'this YAML tag is not known here']
])

/**
 * Parses all documents of a file; a broken one does not hide the others. Empty documents are left out.
 * Never throws: what is wrong is in `flaws`.
 */
export function parseTrees(source: string): TreeDocument[] {
  if (source.length > FILE_CHARS_MAX) {
    const flaw = new Flaw({ line: 1, column: 1 }, `the file is larger than ${FILE_CHARS_MAX / 1024} KiB`)
    return [{ text: '', flaws: [flaw] }]
  }
  const lines = new LineCounter()
  const parsed = parseAllDocuments(source, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' })
  if (!Array.isArray(parsed)) return []
  const results: TreeDocument[] = []
  for (const document of parsed) {
    const result = readDocument(document, source, lines)
    if (result !== undefined) results.push(result)
  }
  return results
}

const placeOf = (lines: LineCounter, offset: number): Place => {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

function readDocument(
  document: Document.Parsed,
  source: string,
  lines: LineCounter
): TreeDocument | undefined {
  const text = source.slice(document.range[0], document.range[2]).replaceAll('\r\n', '\n').trim()
  const flaws = [...document.errors, ...document.warnings].map(
    error =>
      new Flaw(
        placeOf(lines, error.pos[0]),
        `not well-formed YAML: ${YAML_MESSAGES.get(error.code) ?? error.code.toLowerCase().replaceAll('_', ' ')}`
      )
  )
  if (flaws.length > 0) return { text, flaws }
  if (document.contents === null) return undefined
  if (isScalar(document.contents) && document.contents.value === null) return undefined
  try {
    return { text, tree: new Reader(document, lines).read(document.contents, 0), flaws: [] }
  } catch (error) {
    if (error instanceof Flaw) return { text, flaws: [error] }
    throw error
  }
}

/** Turns nodes of the `yaml` package into trees, within the limits. */
class Reader {
  readonly #document: Document.Parsed
  readonly #lines: LineCounter
  #nodes = 0

  constructor(document: Document.Parsed, lines: LineCounter) {
    this.#document = document
    this.#lines = lines
  }

  read(node: unknown, depth: number): Tree {
    const at = this.#at(node)
    if (++this.#nodes > NODES_MAX) throw new Flaw(at, `the document has more than ${NODES_MAX} values`)
    if (depth > DEPTH_MAX) throw new Flaw(at, `the document is nested more than ${DEPTH_MAX} deep`)
    if (isAlias(node)) {
      const target = node.resolve(this.#document)
      if (target === undefined) throw new Flaw(at, 'this alias has no anchor')
      return this.read(target, depth + 1)
    }
    if (isMap(node)) {
      const entries = node.items.map(pair => ({
        key: this.#key(pair.key),
        at: this.#at(pair.key),
        value: this.read(pair.value, depth + 1)
      }))
      return { kind: 'map', at, entries }
    }
    if (isSeq(node)) return { kind: 'list', at, items: node.items.map(item => this.read(item, depth + 1)) }
    if (isScalar(node)) return this.#scalar(node.value, node.source, at)
    return { kind: 'scalar', at, value: null, text: '' }
  }

  #key(node: unknown): string {
    if (isScalar(node)) {
      if (typeof node.value === 'string') return node.value
      if (node.source !== undefined) return node.source
    }
    throw new Flaw(this.#at(node), 'a key must be plain text')
  }

  #scalar(value: unknown, source: string | undefined, at: Place): ScalarTree {
    if (typeof value === 'string') return { kind: 'scalar', at, value, text: value }
    if (value === null || value === undefined) return { kind: 'scalar', at, value: null, text: '' }
    const text = source ?? String(value)
    if (typeof value === 'boolean') return { kind: 'scalar', at, value, text: String(value) }
    if (typeof value !== 'number') throw new Flaw(at, 'a value must be text, a number, true, false or null')
    // A leading zero is an identifier's, and a number that JSON could not carry is not compared as one.
    const identifier = /^[-+]?0\d/.test(text) || (Number.isInteger(value) && !Number.isSafeInteger(value))
    return { kind: 'scalar', at, value: identifier || !Number.isFinite(value) ? text : value, text }
  }

  #at(node: unknown): Place {
    const offset =
      typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
        ? Number(node.range[0])
        : 0
    return placeOf(this.#lines, offset)
  }
}

/** The value under a key of a map; undefined if there is none. */
export function member(map: MapTree, key: string): Tree | undefined {
  return map.entries.find(entry => entry.key === key)?.value
}

/** The text of an optional key: numbers as written. Throws Flaw if it is a list, a map or boolean. */
export function textOf(map: MapTree, key: string): string | undefined {
  const value = member(map, key)
  if (value === undefined || (value.kind === 'scalar' && value.value === null)) return undefined
  if (value.kind !== 'scalar' || typeof value.value === 'boolean')
    throw new Flaw(value.at, `${key} must be text`)
  return value.text
}

/** The texts of an optional key that holds one text or a list of them. Throws Flaw on anything else. */
export function textsOf(map: MapTree, key: string): string[] {
  const value = member(map, key)
  if (value === undefined) return []
  const items = value.kind === 'list' ? value.items : [value]
  return items.flatMap(item => {
    if (item.kind !== 'scalar') throw new Flaw(item.at, `${key} must be a list of texts`)
    return item.value === null ? [] : [item.text]
  })
}

/** The map under an optional key. Throws Flaw if it is something else. */
export function mapOf(map: MapTree, key: string): MapTree | undefined {
  const value = member(map, key)
  if (value === undefined || value.kind === 'map') return value
  throw new Flaw(value.at, `${key} must be a map`)
}
