/**
 * What of a header's value is the credential?
 *
 *   credentials = auth-scheme [ 1*SP ( token68 / #auth-param ) ]                       (RFC 9110, 11.4)
 *   cookie-string = cookie-pair *( ";" SP cookie-pair )                                 (RFC 6265, 4.2.1)
 *   basic = base64( user-id ":" password )                                              (RFC 7617)
 *
 * Everything after a known scheme goes, whatever it looks like and however short; of an unknown scheme, all of it.
 */

import { isVoid } from './placeholder.ts'
import { type Finding, finding, RANK } from './spans.ts'

/** Schemes whose name may stay readable. */
const SCHEMES =
  'bearer|basic|token|digest|negotiate|ntlm|apikey|api-key|bot|ssws|splunk|geniekey|zoho-oauthtoken|sharedkey|sharedkeylite|sharedaccesssignature|aws4-hmac-sha256|aws4-ecdsa-p256-sha256|aws|hawk|dpop|oauth|mac|signature|hoba|vapid|privatetoken|gnap|scram-sha-1|scram-sha-256|goog4-rsa-sha256|key|jwt|user|klaviyo-api-key|discogs|secret'
const SCHEME = new RegExp(`^\\s*(${SCHEMES})(?:[ \\t]+|%20|\\+|:[ \\t]*)`, 'i')
const BARE_SCHEME = new RegExp(`^\\s*(?:${SCHEMES}):?\\s*$`, 'i')
/** `Foo credentials`: of a scheme nobody knows the word goes too, but is no part of the secret. */
const UNKNOWN_SCHEME = /^\s*[A-Za-z][A-Za-z-]{1,31}[ \t]+(?=\S)/
const ONE_PARAM = /^(?:token|access_token|oauth_token|key|apikey|api_key|credential)\s*=\s*"?([^",\s]+)"?$/i

/** The password of `Basic` credentials, or the user if there is no password (tokens sent as user). */
export function basicSecret(encoded: string): string | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(encoded)) return undefined
  const pair = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  if (colon === -1) return undefined
  const password = pair.slice(colon + 1)
  // GitHub takes the token as user with this word as password.
  return password === '' || password === 'x-oauth-basic' ? pair.slice(0, colon) : password
}

/** Removes a scheme in front; Basic is decoded to its password. For canonical forms. */
export function withoutScheme(value: string): string {
  const known = SCHEME.exec(value)
  if (!known) return value
  const rest = value.slice(known[0].length).trim()
  if (rest === '') return value
  if ((known[1] ?? '').toLowerCase() === 'basic') return basicSecret(rest) ?? rest
  return ONE_PARAM.exec(rest)?.[1] ?? rest
}

const TYPES: Readonly<Record<string, string>> = {
  basic: 'basic-auth',
  bearer: 'bearer-token',
  digest: 'digest-auth',
  'aws4-hmac-sha256': 'aws-signature'
}

const BEARER = 'Bearer '

/** Most headers, without a look at the other schemes. */
function bearerFinding(value: string, at: number): Finding | undefined {
  const rest = value.slice(BEARER.length)
  const trimmed = rest.trim()
  if (isVoid(trimmed)) return undefined
  const secret = trimmed.includes('=') ? (ONE_PARAM.exec(trimmed)?.[1] ?? rest) : rest
  return finding(at + BEARER.length, at + value.length, secret, 'bearer-token', RANK.placed)
}

/** The credential of an Authorization header's value. `at` is added to positions. None if there is none. */
export function authFinding(value: string, at: number): Finding | undefined {
  if (value.length < 1) return undefined
  const end = at + value.length
  if (value.startsWith(BEARER) && value.charCodeAt(BEARER.length) > 32) return bearerFinding(value, at)
  if (BARE_SCHEME.test(value) || isVoid(value.trim())) return undefined
  const known = SCHEME.exec(value)
  if (!known) {
    const unknown = UNKNOWN_SCHEME.exec(value)
    const secret = unknown ? value.slice(unknown[0].length) : value
    return finding(at, end, secret, 'authorization', RANK.placed)
  }
  const rest = value.slice(known[0].length)
  if (isVoid(rest.trim())) return undefined
  const scheme = (known[1] ?? '').toLowerCase()
  const secret =
    scheme === 'basic' ? (basicSecret(rest.trim()) ?? rest) : (ONE_PARAM.exec(rest.trim())?.[1] ?? rest)
  return finding(at + known[0].length, end, secret, TYPES[scheme] ?? 'authorization', RANK.placed)
}

const ATTRIBUTE =
  /^(?:expires|max-age|domain|path|samesite|secure|httponly|priority|partitioned|version|comment)$/i

/** Each value of a Cookie header, or with `set` the one value of Set-Cookie; names and attributes stay. */
export function cookieFindings(value: string, at: number, set: boolean, out: Finding[]): void {
  let from = 0
  while (from < value.length) {
    let to = value.indexOf(';', from)
    if (to === -1) to = value.length
    const offset = value.slice(from, to).indexOf('=')
    const equals = from + offset
    const hasName = offset !== -1
    let start = hasName ? equals + 1 : from
    let end = to
    while (start < end && isEdge(value.charCodeAt(start))) start++
    while (end > start && isEdge(value.charCodeAt(end - 1))) end--
    const name = hasName ? value.slice(from, equals).trim() : ''
    const one = value.slice(start, end)
    const attribute = set && from > 0 && ATTRIBUTE.test(hasName ? name : one)
    if (!attribute && !isVoid(one)) out.push(finding(at + start, at + end, one, 'cookie', RANK.named))
    from = to + 1
  }
}

const isEdge = (unit: number) => unit === 32 || unit === 9 || unit === 34
