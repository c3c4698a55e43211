/**
 * From YAML text to plain values, with the place of each. YAML 1.2 core schema (https://yaml.org/spec/1.2.2),
 * one document, text keys, no merge keys. Everything is walked here and not by the library, so that aliases
 * are counted as what they expand to and `${…}` is resolved at its place.
 */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit
} from 'yaml'
import { interpolate, type References } from './interpolate.ts'
import { type Path, type Problem, showPath } from './problem.ts'

const DEPTH_MAX = 64
/** Values in the whole file, each alias counted as what it stands for. */
const VALUES_MAX = 50_000

interface Place {
  /** Offset of the key (of the dash's value in a list). */
  readonly key: number
  readonly value: number
  /** Part of the value came from `${…}`. */
  readonly foreign: boolean
  /** The key stands alone, without a colon: it may be a value in the wrong place. */
  readonly bare: boolean
}

export interface Parsed {
  /** Undefined if there is nothing in the file. */
  readonly value: unknown
  readonly problems: Problem[]
  /** True if the text is no YAML at all: checks of its contents would only repeat that. */
  readonly broken: boolean
  readonly places: Places
}

/** Where each value stands in the file. */
export class Places {
  readonly #file: string
  readonly #lines: LineCounter
  readonly #places = new Map<string, Place>()

  constructor(file: string, lines: LineCounter) {
    this.#file = file
    this.#lines = lines
  }

  set(path: Path, place: Place): void {
    this.#places.set(JSON.stringify(path), place)
  }

  get(path: Path): Place | undefined {
    return this.#places.get(JSON.stringify(path))
  }

  /** A problem with the value at `path`, or (`key`) with its name; what is not there stands where its owner does. */
  problem(path: Path, message: string, at: 'key' | 'value' = 'value'): Problem {
    const exact = this.get(path)
    if (exact) return this.at(exact[at], message, path)
    for (let length = path.length - 1; length >= 0; length--) {
      const owner = this.get(path.slice(0, length))
      if (owner) return this.at(owner.key, message, path)
    }
    return this.at(0, message, path)
  }

  at(offset: number, message: string, path: Path = []): Problem {
    const { line, col } = this.#lines.linePos(offset)
    return {
      file: this.#file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      path: showPath(path),
      message
    }
  }
}

/** The library's messages quote the file, so each kind has words of its own. */
const SYNTAX: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias (*name) takes no anchor and no tag',
  BAD_ALIAS: 'an alias (*name) has no anchor (&name) before it',
  BAD_DIRECTIVE: 'a line that starts with % is not a directive of YAML',
  BAD_DQ_ESCAPE: 'a backslash in double quotes starts no known escape; use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines around it',
  BAD_SCALAR_START: 'a text may not start with this character; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a list or map cannot start here; begin a new line and indent it',
  BLOCK_IN_FLOW: 'inside { } or [ ] a list is written with [ ]',
  MISSING_CHAR: 'a character is missing before here: a colon, a comma, a closing quote or bracket',
  MULTILINE_IMPLICIT_KEY: 'a name may not go over two lines; a colon may be missing',
  MULTIPLE_DOCS: 'one document only: remove the line ---',
  RESOURCE_EXHAUSTION: 'nested too deeply',
  TAB_AS_INDENT: 'a tab; indent with spaces',
  TAG_RESOLVE_FAILED: 'a tag (!name) that Keywatch does not know',
  UNEXPECTED_TOKEN: 'not expected here'
}

/** Reads YAML. Never throws. */
export function parseYaml(text: string, file: string, references: References): Parsed {
  const lines = new LineCounter()
  const places = new Places(file, lines)
  let document: Document.Parsed
  try {
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
      merge: false
    })
  } catch {
    return { value: undefined, problems: [places.at(0, 'nested too deeply')], broken: true, places }
  }
  const faults = [...document.errors, ...document.warnings]
  if (faults.length > 0) {
    const problems = faults.slice(0, 20).map(({ code, pos, message }) => {
      const quote =
        code === 'MISSING_CHAR' && message.endsWith('quote') ? openQuote(document, pos[0]) : undefined
      const words = quote === undefined ? (SYNTAX[code] ?? 'not expected here') : 'this quote is never closed'
      return places.at(quote ?? pos[0], `not valid YAML: ${words}`)
    })
    return { value: undefined, problems, broken: true, places }
  }
  const walker = new Walker(document, places, references)
  const value = document.contents === null ? undefined : walker.value(document.contents, [], 0)
  return { value, problems: walker.problems, broken: walker.exceeded, places }
}

/** Where the quoted text begins that a missing quote at `end` belongs to. */
function openQuote(document: Document.Parsed, end: number): number | undefined {
  let found: number | undefined
  visit(document, {
    Scalar(_, { range, type }) {
      if (range && type?.startsWith('QUOTE') && range[0] < end && end <= range[2] + 1) found = range[0]
    }
  })
  return found
}

/** What each alias stands for: the nearest anchor of that name before it. One pass, however many aliases. */
function resolveAliases(document: Document.Parsed): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>()
  const targets = new Map<Alias, Node>()
  visit(document, {
    Alias(_, alias) {
      const target = anchors.get(alias.source)
      if (target) targets.set(alias, target)
    },
    Value(_, node) {
      if (node.anchor !== undefined) anchors.set(node.anchor, node)
    }
  })
  return targets
}

/** One walk over a document. State: the problems so far and the count of values. */
class Walker {
  readonly problems: Problem[] = []
  #values = 0
  /** Anchored values around the one that is being walked. */
  readonly #open = new Set<Node>()
  readonly #aliases: ReadonlyMap<Alias, Node>
  readonly #places: Places
  readonly #references: References

  constructor(document: Document.Parsed, places: Places, references: References) {
    this.#aliases = resolveAliases(document)
    this.#places = places
    this.#references = references
  }

  value(node: Node | null, path: Path, key: number, bare = false): unknown {
    const start = node?.range?.[0] ?? key
    this.#values++
    if (this.#values > VALUES_MAX || path.length > DEPTH_MAX) return this.#tooMuch(start)
    if (isAlias(node)) return this.#alias(node, start, path, key)
    if (isScalar(node)) return this.#scalar(node.value, start, path, key)
    this.#places.set(path, { key, value: start, foreign: false, bare })
    if (node === null) return null
    this.#open.add(node)
    const value = isMap(node)
      ? this.#map(node.items, path)
      : isSeq(node)
        ? this.#list(node.items, start, path)
        : null
    this.#open.delete(node)
    return value
  }

  /** There was too much: what was read is not the whole. */
  get exceeded(): boolean {
    return this.#values > VALUES_MAX
  }

  #tooMuch(start: number): null {
    if (this.#values <= VALUES_MAX + 1) {
      const message = 'too many values, or nested too deeply; an alias counts as what it stands for'
      this.problems.push(this.#places.at(start, message))
      this.#values = VALUES_MAX + 1
    }
    return null
  }

  #list(items: readonly unknown[], start: number, path: Path): unknown[] {
    const result: unknown[] = []
    for (const [index, item] of items.entries()) {
      if (this.#values > VALUES_MAX) break
      const node = asNode(item)
      result.push(this.value(node, [...path, index], node?.range?.[0] ?? start))
    }
    return result
  }

  #scalar(value: unknown, start: number, path: Path, key: number): unknown {
    const place = { key, value: start, foreign: false, bare: false }
    if (typeof value !== 'string') {
      this.#places.set(path, place)
      return value
    }
    const { text, foreign, problems } = interpolate(value, this.#references)
    this.#places.set(path, { ...place, foreign })
    for (const problem of problems) this.problems.push(this.#places.at(start, problem, path))
    return problems.length > 0 ? UNRESOLVED : text
  }

  /** The value stands elsewhere, but problems with it are shown where it is used. */
  #alias(node: Alias, start: number, path: Path, key: number): unknown {
    const target = this.#aliases.get(node)
    if (!target || this.#open.has(target)) {
      const message = target ? 'an alias (*name) inside its own anchor (&name)' : SYNTAX['BAD_ALIAS']
      this.problems.push(this.#places.at(start, `not valid YAML: ${message}`, path))
      return UNRESOLVED
    }
    const value = this.value(target, path, key)
    const place = this.#places.get(path)
    if (place) this.#places.set(path, { ...place, value: start })
    return value
  }

  #map(pairs: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    for (const pair of pairs) {
      if (this.#values > VALUES_MAX) break
      const keyNode = asNode(pair.key)
      const at = keyNode?.range?.[0] ?? 0
      const name = isScalar(keyNode) ? (keyNode.source ?? String(keyNode.value)) : undefined
      if (name === undefined || name === '__proto__') {
        this.problems.push(this.#places.at(at, 'a name must be a plain text', path))
        continue
      }
      if (Object.hasOwn(result, name)) {
        this.problems.push(this.#places.at(at, 'this name is here twice', [...path, name]))
        continue
      }
      result[name] = this.value(asNode(pair.value), [...path, name], at, pair.value === null)
    }
    return result
  }
}

/** Stands for a value whose `${…}` failed: that problem is told already, others about it would only confuse. */
export const UNRESOLVED: unique symbol = Symbol('unresolved')

const asNode = (value: unknown): Node | null =>
  isScalar(value) || isMap(value) || isSeq(value) || isAlias(value) ? value : null
