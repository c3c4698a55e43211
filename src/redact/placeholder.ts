/**
 * What stands where a credential stood, and how is a forged one told from ours?
 *
 *   placeholder = "[REDACTED:" type [ ":" fingerprint ] "]"        type = 1*64( a-z 0-9 - )
 *
 * A look-alike in the input could fake a correlation. It is neutralised: `[REDACTED:` becomes `(REDACTED:` and
 * `kwfp1.` becomes `kwfp1-`, so that no search for a fingerprint finds it.
 */

export const UNSCANNABLE = '[REDACTED:unscannable]'

/** `fingerprint` is absent where it could be guessed back. */
export const placeholder = (type: string, fingerprint: string | undefined): string =>
  fingerprint === undefined ? `[REDACTED:${type}]` : `${opening(type)}${fingerprint}]`

/** Types are names of our rules: a few dozen. */
const openings = new Map<string, string>()

function opening(type: string): string {
  let known = openings.get(type)
  if (known === undefined) {
    known = `[REDACTED:${type}:`
    openings.set(type, known)
  }
  return known
}

/** A well-formed placeholder; group 1 is the key id, undefined if it has no fingerprint. */
export const PLACEHOLDER =
  /\[REDACTED:[a-z0-9-]{1,64}(?::kwfp1\.([A-Za-z0-9_-]{1,32})\.[A-Za-z0-9_-]{22})?\](?![A-Za-z0-9])/g

/** What other redactors leave behind, references and empty marks: no credential, so nothing to replace. */
const VOID =
  /^(?:|-|null|nil|none|undefined|true|false|\*{2,}|x{3,}|\.{3}|\*{0,3}redacted\*{0,3}|[[<(]{1,3}(?:redacted|filtered|masked|hidden|removed|secret|sensitive)[\])>]{1,3}|\$\{[A-Za-z_][\w.:-]{0,60}\}|\{\{ ?[A-Za-z_.][\w.-]{0,60} ?\}\}|hmac-sha256:[0-9a-f]{64})$/i

/** First characters of those, lower-cased: a look at the rest is rarely needed. */
const VOID_START = new Set([...('-nutfx.*[<($' + '{rh')].map(letter => letter.charCodeAt(0) | 0x20))

/** True if a value under a sensitive name is no credential: empty, masked elsewhere, or already an HMAC (Vault). */
export const isVoid = (value: string): boolean =>
  value.length < 80 && (value === '' || VOID_START.has(value.charCodeAt(0) | 0x20)) && VOID.test(value)
