/**
 * Which bytes of a credential are fingerprinted, so that the same secret gives the same fingerprint wherever it
 * stood and however it was written? Used alike at ingest and at lookup:
 *
 *   1. drop invisible characters and terminal colours, white space and one pair of quotes around it;
 *   2. undo percent-encoding, JSON and \u escapes and HTML entities, until nothing changes, three times at most;
 *   3. drop an authentication scheme; of `Basic`, take the password; of an address with userinfo, the password;
 *   4. of a private key in PEM, the bytes of its base64 body;
 *   5. of base64 with a known token inside, that token.
 *
 * Case is never folded and `=` padding is kept.
 */
import { withoutScheme } from './auth-header.ts'
import { pemBytes } from './loose.ts'
import type { TokenRule } from './rules/rule.ts'
import type { Scanner } from './scan.ts'
import { RANK } from './spans.ts'
import { addressSecret } from './url.ts'
import { decodedView, visible } from './views.ts'

export interface Canonical {
  readonly secret: string | Buffer
  /** The rule whose token it is as a whole. */
  readonly rule: TokenRule | undefined
  /** A short number: no fingerprint, because all of them can be tried. */
  readonly guessable: boolean
  /** A person may have made it up: fingerprint under the separate key. */
  readonly low: boolean
}

/** True if every character is one that no step changes: most tokens are. */
function isPlain(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i)
    // Blanks and controls, " % & ' \ ` and everything beyond ASCII need a look.
    if (unit <= 34 || (unit >= 37 && unit <= 39) || unit === 92 || unit === 96 || unit >= 127)
      return unit === 33
  }
  return true
}

const unquote = (text: string): string => {
  const first = text.charAt(0)
  return text.length > 1 && (first === '"' || first === "'" || first === '`') && text.endsWith(first)
    ? text.slice(1, -1)
    : text
}

function decodeFully(value: string): string {
  let text = unquote(visible(value).trim())
  for (let layer = 0; layer < 3; layer++) {
    const view = decodedView(text)
    if (!view) break
    text = unquote(view.text.trim())
  }
  return text
}

function plainForm(value: string): string | Buffer {
  if (isPlain(value)) return value.includes('://') ? (addressSecret(value) ?? value) : value
  let text = decodeFully(value)
  const key = text.includes('-----BEGIN') ? pemBytes(text) : undefined
  if (key) return key
  const bare = withoutScheme(text)
  if (bare !== text) text = decodeFully(bare)
  const inner = addressSecret(text)
  return inner === undefined ? text : decodeFully(inner)
}

/** Below this length a value counts as made by a person. */
const HIGH_ENTROPY_LENGTH = 16

/** True if the value can have been thought up: short, without digits, or with blanks. Depends on the value alone. */
export function isLowEntropy(value: string): boolean {
  if (value.length < HIGH_ENTROPY_LENGTH || /\s/.test(value)) return true
  let digits = 0
  let capitals = 0
  for (let i = 0; i < value.length; i++) {
    const unit = value.charCodeAt(i)
    if (unit >= 48 && unit <= 57 && ++digits === 2) return false
    if (unit >= 65 && unit <= 90) capitals++
  }
  if (/^[0-9a-f-]{32,}$/i.test(value)) return false
  return capitals * 4 < value.length || capitals * 4 > value.length * 3
}

/** The canonical form of a value. `rule`: already known to be a whole token of this rule. */
export function canonical(value: string, scanner: Scanner, rule?: TokenRule): Canonical {
  const secret = plainForm(value)
  if (typeof secret !== 'string') return { secret, rule, guessable: false, low: false }
  const known = rule ?? scanner.formatOf(secret)
  if (known) return { secret, rule: known, guessable: false, low: false }
  if (secret.length >= HIGH_ENTROPY_LENGTH && secret.length < 8192 && !scanner.clean(secret)) {
    const inside = insideBase64(secret, scanner)
    if (inside) return inside
  }
  return { secret, rule: undefined, guessable: /^\d{1,10}$/.test(secret), low: isLowEntropy(secret) }
}

/** The one known token that the value is a wrapping of. */
function insideBase64(secret: string, scanner: Scanner): Canonical | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(secret)) return undefined
  const found = scanner
    .scan(secret)
    .filter(one => one.rank === RANK.format && one.end - one.start === secret.length && one.value !== secret)
  const only = found[0]
  if (!only || found.some(one => one.value !== only.value)) return undefined
  return { secret: plainForm(only.value), rule: only.rule, guessable: false, low: false }
}
