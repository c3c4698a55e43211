/**
 * What stands in the place of one leaf of a record? Its name decides first: under a sensitive one, the value or the
 * part of it that the header's grammar calls a credential. Under any other, only what its text gives away (scan.ts).
 */
import { authFinding, cookieFindings } from './auth-header.ts'
import { isReference, type KeyClass, KIND } from './key-class.ts'
import type { Ledger, Place } from './ledger.ts'
import { isVoid } from './placeholder.ts'
import { type Scanner, TooCostly } from './scan.ts'
import { type Finding, finding, RANK } from './spans.ts'

/** True for the classes of names whose values are credentials. */
export const isSensitive = (kind: number): boolean =>
  kind >= KIND.auth && kind !== KIND.value && kind !== KIND.jwk && kind !== KIND.user

/** Where a leaf stands: the walk. */
export interface LeafPlace extends Place {
  /** The class of the name that gives the leaf away; undefined if only its text does. */
  found: KeyClass | undefined
  /** The clean form of a text that is JSON and holds credentials; undefined for any other. Throws TooMany. */
  nested(text: string): string | undefined
}

/** The leaves of one walk. */
export class Leaves {
  readonly #scanner: Scanner
  readonly #ledger: Ledger
  readonly #stringMax: number
  readonly #place: LeafPlace

  constructor(scanner: Scanner, ledger: Ledger, stringMax: number, place: LeafPlace) {
    this.#scanner = scanner
    this.#ledger = ledger
    this.#stringMax = stringMax
    this.#place = place
  }

  /** A number or what stands in its place: only its name can give it away. */
  number(value: number | bigint, found: KeyClass): unknown {
    if (!isSensitive(found.kind) || found.plural) return value
    if ((found.kind === KIND.weak || found.type === 'token') && Math.abs(Number(value)) < 1000) return value
    this.#place.found = found
    return this.#ledger.replace(String(value), found.type, undefined, this.#place)
  }

  /** A string under the name `key` of the class `found`, or what stands in its place. */
  string(value: string, found: KeyClass, key: string): string {
    if (value.length > this.#stringMax) return this.#ledger.giveUp()
    this.#place.found = found
    const bytes = key === 'bytesValue' || key === 'bytes_value'
    if (!isSensitive(found.kind)) {
      if (bytes) return this.#bytes(value)
      if (this.#scanner.clean(value)) return value
      return this.text(value, found.kind === KIND.user ? found : undefined)
    }
    if (bytes) {
      const inner = Buffer.from(value, 'base64').toString('utf8')
      return isVoid(inner) ? value : this.#ledger.replace(inner, found.type, undefined, this.#place)
    }
    return this.#sensitive(value, found)
  }

  /** Base64 under no sensitive name: as what its bytes say, JSON member by member, else whole; or as any text. */
  #bytes(value: string): string {
    const inner = Buffer.from(value, 'base64').toString('utf8')
    if (this.#scanner.clean(inner)) return this.#rest(value)
    try {
      const nested = this.#nested(inner)
      if (nested !== undefined) return Buffer.from(nested).toString('base64')
      const findings = this.#scanner
        .scan(inner)
        .filter(one => one.neutral === undefined)
        .map(one => finding(0, value.length, one.value, one.type, one.rank, one.rule))
      return findings.length === 0 ? this.#rest(value) : this.#ledger.apply(value, findings, this.#place)
    } catch (error) {
      if (error instanceof TooCostly) return this.#ledger.giveUp()
      throw error
    }
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
      return findings.length === 0 ? this.#rest(value) : this.#ledger.apply(value, findings, this.#place)
    }
    if (isVoid(value) || (found.kind === KIND.weak && (isReference(value) || found.plural)))
      return this.#rest(value)
    return this.#ledger.replace(value, found.type, undefined, this.#place)
  }

  /** Of a header with several parts (AWS, comma lists) the known tokens are listed; else the whole is one. */
  #authorization(value: string, one: Finding): string {
    const scheme = value.slice(0, one.start)
    if (one.type !== 'basic-auth' && /[\s,]/.test(one.value)) {
      const inner = this.#scanner.scan(one.value).filter(each => each.rank === RANK.format)
      const marks = inner.map(each => this.#ledger.replace(each.value, each.type, each.rule, this.#place))
      if (marks[0] !== undefined) return scheme + marks[0]
    }
    return scheme + this.#ledger.replace(one.value, one.type, undefined, this.#place)
  }

  #rest(value: string): string {
    return this.#scanner.clean(value) ? value : this.text(value, undefined)
  }

  /** A string that only its text can give away. */
  text(value: string, found: KeyClass | undefined): string {
    this.#place.found = found
    try {
      const nested = this.#nested(value)
      if (nested !== undefined) return nested
      const findings = this.#scanner.scan(value)
      return findings.length === 0 ? value : this.#ledger.apply(value, findings, this.#place)
    } catch (error) {
      if (error instanceof TooCostly) return this.#ledger.giveUp()
      throw error
    }
  }

  #nested(value: string): string | undefined {
    return /^\s*[[{]/.test(value) && /[\]}]\s*$/.test(value) ? this.#place.nested(value) : undefined
  }
}
