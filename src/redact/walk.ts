/**
 * Which leaves of a record hold credentials, and what does the record look like without them? A walk over parsed data
 * that never changes its input: only what lies on the way to a change is copied. Names of members decide first
 * (key-class.ts), then the text of each leaf (leaf.ts); strings that are JSON are walked too. It goes as deep as
 * `depthMax`, and while it goes it measures the shortest JSON text that the data can have (raw.ts says what for).
 */
import { bufferText, bytesText, type Frame, isPlain, type Node, newFrame, renamed } from './frame.ts'
import { type KeyClass, KIND, MCP_SESSION } from './key-class.ts'
import { isSensitive, type LeafPlace, Leaves } from './leaf.ts'
import type { Ledger } from './ledger.ts'
import type { NameFacts, Names } from './names.ts'
import type { Places } from './place.ts'
import { numberLength } from './raw.ts'
import type { Scanner } from './scan.ts'

export interface WalkLimits {
  readonly depthMax: number
  readonly keysMax: number
  readonly stringMax: number
}

/** Thrown when a record has more members than allowed; the caller fails closed. */
export class TooMany extends Error {}

const JSON_LEVELS = 4
/** After `--password`: the next option, not its value. */
const ANOTHER_FLAG = /^(?:--[A-Za-z][A-Za-z-]*|-[A-Za-z])$/
const NONE: KeyClass = { kind: KIND.none, type: '', header: false, response: false, plural: false }

/** Walks records, or one JSON text inside a record. Used again for the next record; holds nothing of the last but names. */
export class Walk implements LeafPlace {
  /** Members seen on this level. */
  members = 0
  /** UTF-16 units of the shortest JSON text of the data; NaN where that is not known. */
  textLength = 0
  /** Old and new text of each changed string, in the order of the data. */
  edits: string[] = []
  /** False if something changed that is not in `edits`. */
  onlyEdits = true
  readonly #scanner: Scanner
  readonly #names: Names
  readonly #places: Places
  readonly #limits: WalkLimits
  readonly #level: number
  readonly #prefix: string
  /** The way to where the walk is: the first `#depth` of them. */
  readonly #frames: Frame[] = []
  #depth = 0
  readonly #ledger: Ledger
  readonly #leaves: Leaves
  found: KeyClass | undefined

  constructor(
    scanner: Scanner,
    names: Names,
    places: Places,
    ledger: Ledger,
    limits: WalkLimits,
    level = 0,
    prefix = ''
  ) {
    this.#scanner = scanner
    this.#names = names
    this.#places = places
    this.#ledger = ledger
    this.#limits = limits
    this.#level = level
    this.#prefix = prefix
    this.#leaves = new Leaves(scanner, ledger, limits.stringMax, this)
  }

  where(): string {
    return this.#places.pathOf(this.#frames, this.#depth, this.#prefix)
  }

  use(): 'presented' | 'exposed' {
    return this.#level > 0 ? 'exposed' : this.#places.useOf(this.#frames, this.#depth, this.found)
  }

  /** The same value if nothing was found, else a copy without credentials. Throws TooMany. */
  run(root: unknown, members = 0): unknown {
    this.#depth = 0
    this.members = members
    this.textLength = 0
    this.onlyEdits = true
    const clean = this.#child(root, NONE, '')
    if (clean !== root && !(typeof clean === 'object' && typeof root === 'object')) this.onlyEdits = false
    return clean
  }

  /** No value of a record stays in memory. To be called after each `run`. */
  forget(): void {
    if (this.edits.length > 0) this.edits = []
  }

  /** Goes one level down. Frames are used again: a record costs none. */
  #enter(inherited: KeyClass): Frame {
    const frame = (this.#frames[this.#depth++] ??= newFrame())
    frame.inherited = inherited
    return frame
  }

  #members(node: Node, inherited: KeyClass): unknown {
    const frame = this.#enter(inherited)
    const { keysMax } = this.#limits
    let copy: Node | undefined
    let renames: Map<string, string> | undefined
    let length = 1
    for (const key in node) {
      if (++this.members > keysMax) throw new TooMany()
      length += key.length + 4
      const value = node[key]
      const facts = this.#names.at(this.members, key)
      frame.label = key
      frame.pair = ''
      if (facts.dirty) renames = this.#rename(frame, key, renames)
      const after = this.#child(value, this.#memberClass(frame, node, facts), key)
      if (after === value) continue
      this.#note(value, after)
      // A copied member is an own property, also if it is called __proto__: this defines nothing new.
      copy ??= { ...node }
      copy[key] = after
    }
    this.#depth--
    this.textLength += length === 1 ? 2 : length
    return renames ? renamed(copy ?? node, renames) : (copy ?? node)
  }

  #elements(list: readonly unknown[], inherited: KeyClass): unknown {
    const frame = this.#enter(inherited)
    let copy: unknown[] | undefined
    for (let at = 0; at < list.length; at++) {
      const value = list[at]
      frame.label = at
      const after = this.#child(value, this.#elementClass(frame, list, at), '')
      if (after === value) continue
      this.#note(value, after)
      copy ??= list.slice()
      copy[at] = after
    }
    this.#depth--
    this.textLength += list.length === 0 ? 2 : list.length + 1
    return copy ?? list
  }

  /** A changed object was noted leaf by leaf already. */
  #note(value: unknown, after: unknown): void {
    if (typeof value === 'string' && typeof after === 'string') this.edits.push(value, after)
    else if (typeof value !== 'object' || typeof after !== 'object') this.onlyEdits = false
  }

  /** A member's class: its own, that of the pair it is half of, or that of what it stands in. */
  #memberClass(frame: Frame, node: Node, facts: NameFacts): KeyClass {
    if (facts.session && this.#isMcpSession(facts.words)) return MCP_SESSION
    const own = facts.name
    switch (own.kind) {
      case KIND.none:
        // `authorization: {…}` and `secret: {…}` describe; only their value members are the credential.
        return frame.inherited.kind === KIND.weak || frame.inherited.kind === KIND.auth
          ? NONE
          : frame.inherited
      case KIND.value: {
        const name =
          node['name'] ?? node['key'] ?? node['Name'] ?? node['Key'] ?? node['header'] ?? node['field']
        if (typeof name !== 'string') return frame.inherited
        const named = this.#names.of(name)
        if (named.name.kind === KIND.none || named.name.kind === KIND.value) return frame.inherited
        frame.pair = named.dirty ? '*' : name
        return named.name
      }
      case KIND.jwk:
        return 'kty' in node ? { ...own, kind: KIND.secret } : frame.inherited
      default:
        return own
    }
  }

  /** `{"mcp":{"session":"…"}}`, `{"mcp":{"session":{"id":"…"}}}`: the name of the member that the walk is at. */
  #isMcpSession(words: string): boolean {
    const above = this.#frames[this.#depth - 2]?.label
    return words === 'id'
      ? above === 'session' && this.#frames[this.#depth - 3]?.label === 'mcp'
      : above === 'mcp'
  }

  /** An element's class: that of its list; of a flag before it (argv); of a name before it (tuples, raw headers). */
  #elementClass(frame: Frame, list: readonly unknown[], at: number): KeyClass {
    frame.pair = ''
    if (frame.inherited.kind !== KIND.none || at === 0) return frame.inherited
    const before = list[at - 1]
    if (typeof before !== 'string' || before.length > 80 || typeof list[at] !== 'string') return NONE
    const value = list[at] as string
    const flag = before.startsWith('-')
    const flat = list.length === 2 || (at % 2 === 1 && list.length % 2 === 0 && this.#isRawHeaders())
    if (!flag && !flat) return NONE
    const facts = this.#names.of(before)
    if (!isSensitive(facts.name.kind) || (flag && ANOTHER_FLAG.test(value))) return NONE
    // `['password', 'token']` is a list of names.
    if (/^[A-Za-z_.-]{1,40}$/.test(value) && isSensitive(this.#names.of(value).name.kind)) return NONE
    if (!flag) frame.pair = facts.dirty ? '*' : before
    return facts.name
  }

  #isRawHeaders(): boolean {
    const label = this.#depth < 2 ? undefined : this.#frames[this.#depth - 2]?.label
    return typeof label === 'string' && /headers?$/i.test(label)
  }

  #rename(frame: Frame, key: string, renames = new Map<string, string>()): Map<string, string> {
    frame.label = '*'
    this.onlyEdits = false
    return renames.set(key, this.#leaves.text(key, undefined))
  }

  /** What stands in a value's place: itself, or something clean. */
  #child(value: unknown, found: KeyClass, key: string): unknown {
    switch (typeof value) {
      case 'string':
        this.textLength += value.length + 2
        return this.#leaves.string(value, found, key)
      case 'number':
        this.textLength += numberLength(value)
        return this.#leaves.number(value, found)
      case 'object':
        if (value !== null) return this.#object(value, found)
        this.textLength += 4
        return null
      case 'boolean':
        this.textLength += value ? 4 : 5
        return value
      case 'bigint':
        this.textLength = Number.NaN
        return this.#leaves.number(value, found)
      case 'undefined':
        this.textLength = Number.NaN
        return value
      default:
        return this.#ledger.giveUp()
    }
  }

  #object(value: object, found: KeyClass): unknown {
    const isList = Array.isArray(value)
    if (!isList && !isPlain(value)) {
      this.textLength = Number.NaN
      if (value instanceof Uint8Array) return this.#bytes(value, bytesText(value), found)
      return value instanceof Date ? value : this.#ledger.giveUp()
    }
    if (this.#depth >= this.#limits.depthMax) return this.#ledger.giveUp()
    const inherited = found.kind === KIND.safe || found.kind === KIND.user ? NONE : found
    if (isList) return this.#elements(value, inherited)
    const buffer = bufferText(value as Node)
    if (buffer === undefined) return this.#members(value as Node, inherited)
    this.textLength = Number.NaN
    return this.#bytes(value, buffer, found)
  }

  #bytes(value: object, text: string, found: KeyClass): unknown {
    const clean = this.#leaves.string(text, found, '')
    return clean === text ? value : clean
  }

  /** The clean form of a string that is JSON and holds credentials; undefined if it is not or holds none. */
  nested(value: string): string | undefined {
    if (this.#level >= JSON_LEVELS) return undefined
    let parsed: unknown
    try {
      parsed = JSON.parse(value)
    } catch {
      return undefined
    }
    const inner = new Walk(
      this.#scanner,
      this.#names,
      this.#places,
      this.#ledger,
      this.#limits,
      this.#level + 1,
      this.where()
    )
    const clean = inner.run(parsed, this.members)
    if (clean === parsed) return undefined
    this.onlyEdits = false
    return JSON.stringify(clean)
  }
}
