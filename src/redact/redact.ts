/**
 * How does a record leave without its credentials? The redactor of the spine: one pure function of a record and the
 * keys, behind the port `Redactor`. It never throws: what it cannot scan is replaced whole.
 */
import type { CleanRecord, RawRecord, Redactor } from '../core/ports.ts'
import { canonical } from './canonical.ts'
import { Fingerprinter, type FingerprintKey } from './fingerprint.ts'
import { Ledger, type LedgerOptions, type Place } from './ledger.ts'
import { Names } from './names.ts'
import { Places } from './place.ts'
import { PLACEHOLDER, UNSCANNABLE } from './placeholder.ts'
import { cleanText, jsonText } from './raw.ts'
import { Scanner } from './scan.ts'
import { Walk, type WalkLimits } from './walk.ts'

export interface RedactorOptions {
  /** Newest first; at least one live. */
  readonly keys: readonly FingerprintKey[]
  /** Fingerprints of two tenants cannot be compared. Default `default`. */
  readonly tenant?: string
  /** Nesting of objects and arrays. Default 64. */
  readonly depthMax?: number
  /** Members of all objects of a record. Default 5,000. */
  readonly keysMax?: number
  /** UTF-16 units of one string. Default 1 MiB. */
  readonly stringMax?: number
  /** False: values that a person may have made up get no fingerprint. Default true. */
  readonly lowEntropyFingerprints?: boolean
  /** False: every text is searched literal by literal, to test the automaton against. Default true. */
  readonly prefilter?: boolean
}

const MIB = 1024 * 1024
const FAILED: CleanRecord = { data: UNSCANNABLE, raw: UNSCANNABLE, credentials: [], truncated: true }
const IN_RAW: Place = { use: () => 'exposed', where: () => 'raw' }
/** A value shorter than this is not replaced everywhere in a line: it would hit other words. */
const REPLACE_MIN = 6
/** Rounds until a text is stable; real ones need two. */
const ROUNDS_MAX = 6

class Engine implements Redactor {
  readonly #scanner: Scanner
  readonly #walk: Walk
  readonly #limits: WalkLimits
  readonly #ledger: LedgerOptions
  /** Of the record at hand. */
  readonly #book: Ledger

  constructor(options: RedactorOptions) {
    this.#scanner = new Scanner(options.prefilter ?? true)
    this.#limits = {
      depthMax: options.depthMax ?? 64,
      keysMax: options.keysMax ?? 5000,
      stringMax: options.stringMax ?? MIB
    }
    this.#ledger = {
      scanner: this.#scanner,
      fingerprinter: new Fingerprinter(options.keys, options.tenant ?? 'default'),
      lowEntropy: options.lowEntropyFingerprints ?? true
    }
    this.#book = new Ledger(this.#ledger)
    const names = new Names(this.#scanner)
    this.#walk = new Walk(this.#scanner, names, new Places(names), this.#book, this.#limits)
  }

  record(record: RawRecord): CleanRecord {
    try {
      return record.kind === 'line' && record.raw !== undefined
        ? this.#line(record.data, record.raw)
        : this.#json(record.data, record.raw)
    } catch {
      return FAILED
    } finally {
      this.#walk.forget()
      this.#book.reset()
    }
  }

  #json(data: unknown, raw: string | undefined): CleanRecord {
    const ledger = this.#book
    const walk = this.#walk
    const clean = walk.run(data)
    return answer(clean, cleanText(raw, clean, ledger.changed, walk), ledger)
  }

  #line(data: unknown, raw: string): CleanRecord {
    const ledger = this.#book
    ledger.replaced = []
    const clean = this.#walk.run(data)
    const { replaced } = ledger
    ledger.replaced = undefined
    ledger.secondary = true
    return answer(clean, this.#rawLine(raw, clean, ledger, replaced), ledger)
  }

  /** The line without credentials, and without whatever was taken out of the fields. */
  #rawLine(raw: string, clean: unknown, ledger: Ledger, replaced: NonNullable<Ledger['replaced']>): string {
    if (raw.length > this.#limits.stringMax) return ledger.giveUp()
    let text = raw
    if (!this.#scanner.clean(raw)) {
      const findings = this.#scanner.scan(raw)
      if (findings.length > 0) text = ledger.apply(raw, findings, IN_RAW)
    }
    for (const { value, mark, fingerprint } of replaced) {
      const shown = text.includes(value)
      if (shown && value.length >= REPLACE_MIN) text = text.replaceAll(value, () => mark)
      // Too short to replace, or written in a form that nobody foresaw: the fields say all that may be said.
      else if (shown || (fingerprint !== undefined && !text.includes(fingerprint))) return jsonText(clean)
    }
    return text
  }

  text(text: string): string {
    try {
      if (text.length > this.#limits.stringMax) return UNSCANNABLE
      // A replacement changes what its neighbours read like: again until nothing changes, so that it is idempotent.
      let current = text
      for (let round = 0; round < ROUNDS_MAX; round++) {
        if (this.#scanner.clean(current)) return current
        const next = this.#around(current)
        if (next === current) return current
        current = next
      }
      return UNSCANNABLE
    } catch {
      return UNSCANNABLE
    }
  }

  /** Redacts what stands between placeholders of keys that we hold; those stay. */
  #around(text: string): string {
    let result = ''
    let from = 0
    for (const own of text.matchAll(PLACEHOLDER)) {
      const keyId = own[1]
      if (keyId !== undefined && !this.#ledger.fingerprinter.holds(keyId)) continue
      result += this.#plain(text.slice(from, own.index)) + own[0]
      from = own.index + own[0].length
    }
    return result + this.#plain(text.slice(from))
  }

  #plain(text: string): string {
    const findings = this.#scanner.scan(text)
    return findings.length === 0 ? text : new Ledger(this.#ledger).apply(text, findings, IN_RAW)
  }

  fingerprints(secret: string): string[] {
    try {
      const form = canonical(secret, this.#scanner)
      if (form.guessable || (form.low && !this.#ledger.lowEntropy)) return []
      return this.#ledger.fingerprinter.all(form.secret, form.low)
    } catch {
      return []
    }
  }
}

function answer(data: unknown, raw: string, ledger: Ledger): CleanRecord {
  const credentials = ledger.credentials()
  return ledger.truncated ? { data, raw, credentials, truncated: true } : { data, raw, credentials }
}

/** A redactor for one tenant. Throws KW_CONFIG_INVALID if the keys cannot be used. */
export const createRedactor = (options: RedactorOptions): Redactor => new Engine(options)
