/**
 * What was found in one record: each credential once, and the placeholder for each place. The only part of the
 * redactor that has a raw value and the keys in hand together; it keeps neither.
 */
import type { Credential, CredentialUse } from '../core/credential.ts'
import { canonical } from './canonical.ts'
import { jwtClaims } from './claims.ts'
import type { Fingerprinter } from './fingerprint.ts'
import { placeholder, UNSCANNABLE } from './placeholder.ts'
import type { TokenRule } from './rules/rule.ts'
import type { Scanner } from './scan.ts'
import { type Finding, merge } from './spans.ts'

/** Fingerprints per record: what is found beyond is redacted, but without one and unlisted. */
const FINGERPRINTS_MAX = 256

/** Where a value stands; asked only when a credential is listed for the first time. */
export interface Place {
  use(): CredentialUse
  where(): string
}

export interface LedgerOptions {
  readonly scanner: Scanner
  readonly fingerprinter: Fingerprinter
  /** False: low-entropy values get no fingerprint at all. */
  readonly lowEntropy: boolean
}

export class Ledger {
  /** True if a limit was hit and something was replaced whole. */
  truncated = false
  /** What was replaced and by what, if someone must find the same values in another text. */
  replaced: { value: string; mark: string; fingerprint: string | undefined }[] | undefined
  /** A second text of the same record: what is listed already is not listed again, whatever its use. */
  secondary = false
  /** True once a placeholder or a neutralised look-alike was put anywhere. */
  changed = false
  readonly #options: LedgerOptions
  /** Places replaced. */
  #count = 0
  /** The first `#listed` are this record's. */
  readonly #credentials: Credential[] = []
  #listed = 0

  constructor(options: LedgerOptions) {
    this.#options = options
  }

  /** Empty again, for the next record. */
  reset(): void {
    this.truncated = false
    this.replaced = undefined
    this.secondary = false
    this.changed = false
    this.#count = 0
    this.#listed = 0
  }

  /** What was listed, each once. */
  credentials(): Credential[] {
    return this.#listed === 0 ? [] : this.#credentials.slice(0, this.#listed)
  }

  /** Lists the credential and returns what stands in its place. `type`: if its format says nothing better. */
  replace(value: string, type: string, rule: TokenRule | undefined, place: Place, param = ''): string {
    this.changed = true
    if (++this.#count > FINGERPRINTS_MAX) return placeholder(type, undefined)
    const { scanner, fingerprinter, lowEntropy } = this.#options
    const form = canonical(value, scanner, rule)
    const label =
      form.rule?.label && typeof form.secret === 'string' ? form.rule.label(form.secret) : undefined
    const named = type === 'mcp-session' ? type : (label?.type ?? form.rule?.type ?? type)
    const none = form.guessable || (form.low && !lowEntropy)
    const fingerprint = none ? undefined : fingerprinter.primary(form.secret, form.low)
    const use = place.use()
    const where = fingerprint === undefined ? place.where() + param : ''
    if (!this.#lists(fingerprint, named, use, where)) {
      const at = param === '' ? place.where() : place.where() + this.#param(param)
      const entry: Credential =
        fingerprint === undefined
          ? { type: named, where: at, use }
          : { type: named, where: at, use, fingerprint }
      if (fingerprint !== undefined) {
        const also = fingerprinter.also(form.secret, form.low)
        if (also) entry.also = also
        if (form.low) entry.low_entropy = true
      }
      if (label?.account !== undefined) entry.account = label.account
      if (form.rule?.type === 'jwt' && typeof form.secret === 'string') {
        const claims = jwtClaims(form.secret, text => this.#cleanClaim(text))
        if (claims) entry.claims = claims
      }
      this.#credentials[this.#listed++] = entry
    }
    const mark = placeholder(named, fingerprint)
    this.replaced?.push({ value, mark, fingerprint })
    return mark
  }

  /** Listed already: by fingerprint and use; without a fingerprint by type, use and place. At most 256 are listed. */
  #lists(fingerprint: string | undefined, type: string, use: CredentialUse, where: string): boolean {
    for (let i = 0; i < this.#listed; i++) {
      const one = this.#credentials[i]!
      if (one.fingerprint !== fingerprint) continue
      if (
        fingerprint !== undefined
          ? one.use === use || this.secondary
          : one.type === type && one.use === use && one.where === where
      )
        return true
    }
    return false
  }

  /** Replaces a whole field that could not be scanned. */
  giveUp(): string {
    this.changed = true
    this.truncated = true
    return UNSCANNABLE
  }

  /** The text with the findings replaced. */
  apply(text: string, findings: Finding[], place: Place): string {
    let result = ''
    let from = 0
    for (const span of merge(findings)) {
      const first = span.best[0]!
      result += text.slice(from, span.start)
      from = span.end
      if (first.neutral !== undefined) {
        this.changed = true
        result += first.neutral
        continue
      }
      let mark = ''
      for (const one of span.best) {
        const made = this.replace(one.value, one.type, one.rule, place, one.param)
        if (mark === '') mark = made
      }
      result += mark
    }
    return from === 0 ? text : result + text.slice(from)
  }

  /** A parameter's name is the sender's text: it may be a credential itself. */
  #param(param: string): string {
    return param === '' || this.#options.scanner.clean(param) ? param : this.#cleanParam(param)
  }

  #cleanParam(param: string): string {
    const only = this.#options.scanner.scan(`${param}=`)
    return only.length === 0 ? param : '?*'
  }

  #cleanClaim(text: string): string {
    const { scanner } = this.#options
    if (scanner.clean(text)) return text
    const findings = scanner.scan(text)
    return findings.length === 0 ? text : '[REDACTED:claim]'
  }
}
