/**
 * Which leaves of a record hold credentials, and what does the record look like without them? An iterative walk over
 * parsed data that never changes its input: only what lies on the way to a change is copied. Names of members decide
 * first (key-class.ts), then the text of each leaf (scan.ts); strings that are JSON are walked too.
 */
import { authFinding, cookieFindings } from './auth-header.ts'
import { assign, bufferText, bytesText, type Frame, finish, isPlain, type Node } from './frame.ts'
import { isReference, type KeyClass, KIND } from './key-class.ts'
import type { Ledger, Place } from './ledger.ts'
import type { NameFacts, Names } from './names.ts'
import { pathOf, useOf } from './place.ts'
import { isVoid } from './placeholder.ts'
import { type Scanner, TooCostly } from './scan.ts'
import { type Finding, RANK } from './spans.ts'

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

const isSensitive = (kind: number) =>
  kind >= KIND.auth && kind !== KIND.value && kind !== KIND.jwk && kind !== KIND.user

/** Walks one record, or one JSON text inside it. Made once per record and level. */
export class Walk implements Place {
  /** Members seen on this level: the spine of the check that raw text and data tell the same. */
  members = 0
  readonly #scanner: Scanner
  readonly #names: Names
  readonly #ledger: Ledger
  readonly #limits: WalkLimits
  readonly #level: number
  readonly #prefix: string
  readonly #frames: Frame[] = []
  #found: KeyClass | undefined

  constructor(scanner: Scanner, names: Names, ledger: Ledger, limits: WalkLimits, level = 0, prefix = '') {
    this.#scanner = scanner
    this.#names = names
    this.#ledger = ledger
    this.#limits = limits
    this.#level = level
    this.#prefix = prefix
  }

  where(): string {
    return pathOf(this.#frames, this.#names, this.#prefix)
  }

  use(): 'presented' | 'exposed' {
    return this.#level > 0 ? 'exposed' : useOf(this.#frames, this.#names, this.#found)
  }

  /** The same value if nothing was found, else a copy without credentials. Throws TooMany. */
  run(root: unknown): unknown {
    const first = this.#child(root, NONE, '')
    if (this.#frames.length === 0) return first
    for (;;) {
      const frame = this.#frames.at(-1)!
      if (frame.index < frame.length) {
        this.#step(frame)
        continue
      }
      const result = finish(frame)
      this.#frames.pop()
      const parent = this.#frames.at(-1)
      if (!parent) return result
      if (result !== frame.node) assign(parent, result)
    }
  }

  #step(frame: Frame): void {
    const at = frame.index++
    let value: unknown
    let after: unknown
    const depth = this.#frames.length
    if (frame.keys === undefined) {
      const list = frame.node as readonly unknown[]
      value = list[at]
      frame.label = at
      after = this.#child(value, this.#elementClass(frame, list, at), '')
    } else {
      const key = frame.keys[at]!
      const node = frame.node as Node
      value = node[key]
      const facts = this.#names.of(key)
      frame.label = key
      frame.pair = ''
      if (facts.dirty) this.#rename(frame, key)
      after = this.#child(value, this.#memberClass(frame, node, facts), key)
    }
    // A pushed child reports when it is finished.
    if (this.#frames.length === depth && after !== value) assign(frame, after)
  }

  /** A member's class: its own, that of the pair it is half of, or that of what it stands in. */
  #memberClass(frame: Frame, node: Node, facts: NameFacts): KeyClass {
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
    const label = this.#frames.at(-2)?.label
    return typeof label === 'string' && /headers?$/i.test(label)
  }

  #rename(frame: Frame, key: string): void {
    const clean = this.#text(key, undefined)
    frame.label = '*'
    frame.renames ??= new Map()
    frame.renames.set(key, clean)
  }

  /** What stands in a value's place: itself, or something clean. Objects are pushed and answered later. */
  #child(value: unknown, found: KeyClass, key: string): unknown {
    switch (typeof value) {
      case 'string':
        return this.#string(value, found, key)
      case 'number':
      case 'bigint':
        return this.#number(value, found)
      case 'object':
        return value === null ? null : this.#object(value, found)
      case 'boolean':
      case 'undefined':
        return value
      default:
        return this.#ledger.giveUp()
    }
  }

  #number(value: number | bigint, found: KeyClass): unknown {
    if (!isSensitive(found.kind) || found.plural) return value
    if ((found.kind === KIND.weak || found.type === 'token') && Math.abs(Number(value)) < 1000) return value
    this.#found = found
    return this.#ledger.replace(String(value), found.type, undefined, this)
  }

  #object(value: object, found: KeyClass): unknown {
    const isList = Array.isArray(value)
    if (!isList && !isPlain(value)) {
      if (value instanceof Uint8Array) return this.#bytes(value, bytesText(value), found)
      return value instanceof Date ? value : this.#ledger.giveUp()
    }
    if (this.#frames.length >= this.#limits.depthMax) return this.#ledger.giveUp()
    const keys = isList ? undefined : Object.keys(value)
    if (keys) {
      const buffer = bufferText(value as Node, keys)
      if (buffer !== undefined) return this.#bytes(value, buffer, found)
      this.members += keys.length
      if (this.members > this.#limits.keysMax) throw new TooMany()
    }
    this.#frames.push({
      node: value as Node | unknown[],
      keys,
      length: keys ? keys.length : (value as unknown[]).length,
      index: 0,
      inherited: found.kind === KIND.safe || found.kind === KIND.user ? NONE : found,
      copy: undefined,
      renames: undefined,
      label: '',
      pair: ''
    })
    return value
  }

  #bytes(value: object, text: string, found: KeyClass): unknown {
    const clean = this.#string(text, found, '')
    return clean === text ? value : clean
  }

  #string(value: string, found: KeyClass, key: string): string {
    if (value.length > this.#limits.stringMax) return this.#ledger.giveUp()
    this.#found = found
    if (!isSensitive(found.kind)) {
      if (this.#scanner.clean(value)) return value
      return this.#text(value, found.kind === KIND.user ? found : undefined)
    }
    if (key === 'bytesValue' || key === 'bytes_value') {
      const inner = Buffer.from(value, 'base64').toString('utf8')
      return isVoid(inner) ? value : this.#ledger.replace(inner, found.type, undefined, this)
    }
    return this.#sensitive(value, found)
  }

  /** A string under a sensitive name. */
  #sensitive(value: string, found: KeyClass): string {
    if (found.kind === KIND.auth) {
      const one = authFinding(value, 0)
      return one ? this.#authorization(value, one) : this.#rest(value)
    }
    if (found.kind === KIND.cookie || found.kind === KIND.setCookie) {
      const findings: Finding[] = []
      cookieFindings(value, 0, found.kind === KIND.setCookie, findings)
      return findings.length === 0 ? this.#rest(value) : this.#ledger.apply(value, findings, this)
    }
    if (isVoid(value) || (found.kind === KIND.weak && (isReference(value) || found.plural)))
      return this.#rest(value)
    return this.#ledger.replace(value, found.type, undefined, this)
  }

  /** Of a header with several parts (AWS, comma lists) the known tokens are listed; else the whole is one. */
  #authorization(value: string, one: Finding): string {
    const scheme = value.slice(0, one.start)
    if (one.type !== 'basic-auth' && /[\s,]/.test(one.value)) {
      const inner = this.#scanner.scan(one.value).filter(each => each.rank === RANK.format)
      const marks = inner.map(each => this.#ledger.replace(each.value, each.type, each.rule, this))
      if (marks[0] !== undefined) return scheme + marks[0]
    }
    return scheme + this.#ledger.replace(one.value, one.type, undefined, this)
  }

  #rest(value: string): string {
    return this.#scanner.clean(value) ? value : this.#text(value, undefined)
  }

  /** A string that only its text can give away. */
  #text(value: string, found: KeyClass | undefined): string {
    this.#found = found
    try {
      const nested = this.#nested(value)
      if (nested !== undefined) return nested
      const findings = this.#scanner.scan(value)
      return findings.length === 0 ? value : this.#ledger.apply(value, findings, this)
    } catch (error) {
      if (error instanceof TooCostly) return this.#ledger.giveUp()
      throw error
    }
  }

  /** The clean form of a string that is JSON and holds credentials; undefined if it is not or holds none. */
  #nested(value: string): string | undefined {
    if (this.#level >= JSON_LEVELS || !/^\s*[[{]/.test(value) || !/[\]}]\s*$/.test(value)) return undefined
    let parsed: unknown
    try {
      parsed = JSON.parse(value)
    } catch {
      return undefined
    }
    const inner = new Walk(
      this.#scanner,
      this.#names,
      this.#ledger,
      this.#limits,
      this.#level + 1,
      this.where()
    )
    inner.members = this.members
    const clean = inner.run(parsed)
    return clean === parsed ? undefined : JSON.stringify(clean)
  }
}
