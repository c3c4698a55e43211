/**
 * Which credentials stand in free text without a name: `Bearer …`, `Basic …`, `curl -u user:password`,
 * `IDENTIFIED BY '…'`, and private keys (RFC 7468, OpenSSH, PGP, PuTTY), whole, cut off, or with `\n` written out?
 */
import { basicSecret } from './auth-header.ts'
import { isVoid } from './placeholder.ts'
import { type Finding, finding, RANK } from './spans.ts'

const BEARER = /bearer[ \t]{1,8}(["']?)([A-Za-z0-9._~+/=:|-]+)/iy
/** What follows the word in sentences and challenges. */
const BEARER_WORD =
  /^(?:tokens?|auth|authentication|authorization|scheme|realm|error|scope|is|was|not|required|format|header|headers|credentials?|method|type|or|and|in|of|for|the|a|an|with|from|missing|invalid|expired|jwt|challenge|only|to|may|must|has|via|that|which|security|string|value|key|flow|access|prefix|methods)(?:=.*|[.,:;-].*)?$/i
const BASIC = /basic[ \t]{1,8}([A-Za-z0-9+/_-]+={0,2})/iy
const LOGIN = /(?: -u ?|--user[ =]|sshpass -p ?)(["']?)([^\s"':]{0,128}):?([^\s"']*)\1/y
const SQL = /identified by(?: password)?\s{1,8}(?:values\s{1,8})?(["'])([^"']{1,400})\1?/iy

/** `Bearer x` in text; any length, unless a word of a sentence follows. */
export function bearer(text: string, at: number, out: Finding[]): void {
  BEARER.lastIndex = at
  const found = BEARER.exec(text)
  const value = (found?.[2] ?? '').replace(/[.:]+$/, '')
  // `token_type=Bearer author=jane`: the next assignment is no token.
  const assigns = /^[A-Za-z_-]{1,24}=[^=]/.test(value)
  if (!found || value === '' || assigns || BEARER_WORD.test(value) || isVoid(value)) return
  const start = at + found[0].length - (found[2] ?? '').length
  out.push(finding(start, start + value.length, value, 'bearer-token', RANK.placed))
}

/** `Basic x` in text, if x decodes to `user:password`. */
export function basic(text: string, at: number, out: Finding[]): void {
  BASIC.lastIndex = at
  const found = BASIC.exec(text)
  const encoded = found?.[1]
  if (!found || encoded === undefined) return
  const secret = basicSecret(encoded)
  if (secret === undefined || !isText(secret)) return
  const end = at + found[0].length
  out.push(finding(end - encoded.length, end, secret, 'basic-auth', RANK.placed))
}

const isText = (text: string) => !/[\u0000-\u0008\u000e-\u001f\ufffd]/.test(text)

/** Command lines: the password of `-u user:password`, or all of `sshpass -p password`. */
export function login(text: string, at: number, out: Finding[]): void {
  LOGIN.lastIndex = at
  const found = LOGIN.exec(text)
  if (!found) return
  const [whole, quote = '', user = '', password = ''] = found
  const end = at + whole.length - quote.length
  const single = whole.startsWith('sshpass')
  const value = single
    ? text.slice(end - user.length - (password === '' ? 0 : password.length + 1), end)
    : password
  if (value === '' || isVoid(value)) return
  out.push(finding(end - value.length, end, value, 'password', RANK.placed))
}

/** SQL: `CREATE USER … IDENTIFIED BY 'x'`. */
export function sqlPassword(text: string, at: number, out: Finding[]): void {
  SQL.lastIndex = at
  const found = SQL.exec(text)
  const value = found?.[2]
  if (!found || value === undefined || isVoid(value)) return
  const start = at + found[0].lastIndexOf(value)
  out.push(finding(start, start + value.length, value, 'password', RANK.placed))
}

const PEM_BEGIN = /-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----/iy
const PEM_END = /-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----/iy
/** What a private key's body and its headers are made of, escapes of line ends and comment signs included. */
const PEM_BODY = /[A-Za-z0-9+/=\s\\:,._()*#>|-]*/y
const PUTTY = /Private-Lines:[ \t]*\d{1,4}[A-Za-z0-9+/=\s\\]*/iy

/** A private key from its first dash. Without an end mark: as far as it reads like one. Returns where it ends. */
export function privateKey(text: string, at: number, out: Finding[]): number {
  PUTTY.lastIndex = at
  const putty = PUTTY.exec(text)
  if (putty) {
    out.push(finding(at, at + putty[0].length, putty[0], 'private-key', RANK.format))
    return at + putty[0].length
  }
  PEM_BEGIN.lastIndex = at
  const begin = PEM_BEGIN.exec(text)
  if (!begin) return at
  const from = at + begin[0].length
  // Up to the next key only: otherwise each of many cut-off keys would search the whole rest.
  const next = text.indexOf('-----BEGIN ', from)
  const body = text.slice(from, next === -1 ? undefined : next)
  const close = body.indexOf('-----END ')
  PEM_END.lastIndex = close
  const closed = close === -1 ? null : PEM_END.exec(body)
  PEM_BODY.lastIndex = 0
  const end = from + (closed ? close + closed[0].length : (PEM_BODY.exec(body)?.[0].length ?? 0))
  out.push(finding(at, end, text.slice(at, end), 'private-key', RANK.format))
  return end
}

/** The bytes that a private key in PEM stands for, whatever its line ends: what its fingerprint is made of. */
export function pemBytes(text: string): Buffer | undefined {
  const begin = /-----BEGIN [A-Z0-9 ]{0,60}-----/i.exec(text)
  if (!begin) return undefined
  const end = text.indexOf('-----END', begin.index + begin[0].length)
  const body = text
    .slice(begin.index + begin[0].length, end === -1 ? undefined : end)
    .replace(/\\+[nrt]/g, '\n')
    .replace(/^[ \t]*[A-Za-z-]{2,20}:.*$/gm, '')
    .replace(/[^A-Za-z0-9+/]/g, '')
  return Buffer.from(body, 'base64')
}

const SECRET_40 =
  /(?<![A-Za-z0-9/+=])(?=[^\s]{0,39}[a-z])(?=[^\s]{0,39}[A-Z])(?=[^\s]{0,39}[0-9])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/

/** AWS secret keys have no mark of their own, but stand beside their id. */
export function neighbourSecret(text: string, from: number, out: Finding[]): void {
  const found = SECRET_40.exec(text.slice(from, from + 160))
  if (found) {
    const start = from + found.index
    out.push(finding(start, start + 40, found[0], 'aws-secret-access-key', RANK.format))
  }
}
