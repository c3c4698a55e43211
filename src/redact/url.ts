/**
 * Where does an address hold a credential?
 *
 *   authority = [ userinfo "@" ] host [ ":" port ]      userinfo = user [ ":" password ]      (RFC 3986, 3.2)
 *
 * Passwords in the wild hold `@` and `:` unescaped, so the last `@` before the path ends the userinfo and the first
 * `:` the user. They hold `/` too (base64 does): after a scheme of databases and brokers the userinfo goes on to the
 * last `@` of the address, after any other only if `user:` stands first and a host after it, so that `host:8080/@x`
 * and `host/@x` stay. Go's MySQL form `user:password@tcp(host)` has no scheme. Queries are assignments.ts's matter.
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

/** Schemes whose addresses are logins. */
const DRIVER =
  /(?:postgres(?:ql)?|mysqlx?|mariadb|mssql|sqlserver|oracle|mongodb|rediss?|valkeys?|amqps?|kafka|nats|mqtts?|stomp|pulsar|clickhouse|cockroach(?:db)?|cassandra|couchbases?|neo4j|bolt|snowflake|ldaps?|smtps?)(?:\+[a-z0-9]{1,12})?:\/\/$/i
/** Before a `/`, this is a port and no beginning of a password. */
const PORT = /^\d{1,5}$/
const HOST =
  /(?:[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?(?![^\s/?#"'`<>,;)\]}\\])/y

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
  if (end < limit && text.charCodeAt(end) === 47) last = pastSlash(text, start, end, limit, last)
  if (last <= start) return
  pair(text, start, last, out)
}

/** The last `@` of an address whose first `/` is at `slash` and may belong to a password; else `last`. */
function pastSlash(text: string, start: number, slash: number, limit: number, last: number): number {
  const driver = DRIVER.test(text.slice(Math.max(0, start - 24), start))
  if (!driver && last >= start) return last
  const colon = text.indexOf(':', start)
  if (colon === -1 || colon >= slash || text.charCodeAt(start) === 91) return last
  // What stands before the slash is a host with its port: what comes after it is a path.
  const port = last < start ? colon : text.indexOf(':', last)
  if (port !== -1 && port < slash && PORT.test(text.slice(port + 1, slash))) return last
  let at = -1
  let end = slash
  for (; end < limit && (text.charCodeAt(end) === 47 || !endsAuthority(text.charCodeAt(end))); end++) {
    const unit = text.charCodeAt(end)
    if (unit === 39 || (unit === 58 && text.startsWith('//', end + 1))) break
    if (unit === 64) at = end
  }
  if (at === -1) return last
  HOST.lastIndex = at + 1
  const host = HOST.exec(text)
  return host && (driver || /[.:]|^localhost$/.test(host[0])) ? at : last
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
    (!endsAuthority(text.charCodeAt(start - 1)) ||
      (text.charCodeAt(start - 1) === 47 && start > 1 && text.charCodeAt(start - 2) !== 47)) &&
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
