/**
 * Where does an address hold a credential?
 *
 *   authority = [ userinfo "@" ] host [ ":" port ]      userinfo = user [ ":" password ]      (RFC 3986, 3.2)
 *
 * Passwords in the wild hold `@` and `:` unescaped, so the last `@` before the path ends the userinfo and the first
 * `:` the user. Go's MySQL form `user:password@tcp(host)` has no scheme. Queries are assignments.ts's matter.
 */
import { isVoid } from './placeholder.ts'
import { type Finding, finding, RANK } from './spans.ts'

/** Userinfo is not looked for farther than this after `://`. */
const AUTHORITY_MAX = 2048

const endsAuthority = (unit: number) =>
  unit <= 32 ||
  unit === 47 ||
  unit === 63 ||
  unit === 35 ||
  unit === 34 ||
  unit === 60 ||
  unit === 62 ||
  unit === 96 ||
  unit === 92

/** User names that are no tokens: short, an address, or plain words. */
const PLAIN_USER = /^(?:[A-Za-z][A-Za-z._-]{0,31}|[\w.+-]{1,64}(?:@|%40)[\w.-]{1,80}|[A-Za-z][\w.-]{0,14})$/
/** Where the password is only a filler and the user is the token. */
const FILLER = /^(?:x-oauth-basic|x-token-auth|api|x|)$/i

/** Userinfo of the address whose `://` starts at `at`. */
export function userinfo(text: string, at: number, out: Finding[]): void {
  const start = at + 3
  const limit = Math.min(text.length, start + AUTHORITY_MAX)
  let end = start
  let last = -1
  for (; end < limit && !endsAuthority(text.charCodeAt(end)); end++)
    if (text.charCodeAt(end) === 64) last = end
  if (last <= start) return
  pair(text, start, last, out)
}

function pair(text: string, start: number, at: number, out: Finding[]): void {
  const colon = text.indexOf(':', start)
  const user = text.slice(start, colon === -1 || colon > at ? at : colon)
  const password = colon === -1 || colon >= at ? '' : text.slice(colon + 1, at)
  if (FILLER.test(password)) {
    if (user.length >= 4 && !PLAIN_USER.test(user) && !isVoid(user))
      out.push(finding(start, start + user.length, user, 'url-user', RANK.placed))
    return
  }
  if (!isVoid(password)) out.push(finding(colon + 1, at, password, 'password', RANK.placed))
}

const isBracket = (unit: number) => unit === 39 || unit === 40

/** `user:password@tcp(` whose `@` is at `at`. */
export function driverLogin(text: string, at: number, out: Finding[]): void {
  let start = at
  const limit = Math.max(0, at - 256)
  while (
    start > limit &&
    !endsAuthority(text.charCodeAt(start - 1)) &&
    !isBracket(text.charCodeAt(start - 1))
  )
    start--
  if (start < at) pair(text, start, at, out)
}

/** The password of a text that is an address with userinfo; undefined for any other text. For canonical forms. */
export function addressSecret(text: string): string | undefined {
  const at = text.indexOf('://')
  if (at < 1 || at > 40 || /\s/.test(text)) return undefined
  const found: Finding[] = []
  userinfo(text, at, found)
  return found[0]?.value
}
