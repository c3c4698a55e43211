/**
 * Which claims of a JWT are kept? Those that say what the token is good for (RFC 7519, 4.1; RFC 8693 scope;
 * OpenID Connect azp): never an e-mail or name beyond `sub`. What an attacker wrote into them is text like any
 * other, so each passes `clean`. The signature is not checked: the claims are what the token says of itself.
 */
import type { JwtClaims } from '../core/credential.ts'

const TEXT_MAX = 256
const AUDIENCES_MAX = 16
/** A longer header or payload is not read. */
const PART_MAX = 8192

type Json = Readonly<Record<string, unknown>>

function read(part: string): Json | undefined {
  if (part.length > PART_MAX) return undefined
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    return undefined
  }
}

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value])

/** The claims of a compact JWT; undefined if neither header nor payload can be read. `clean` redacts a text. */
export function jwtClaims(token: string, clean: (text: string) => string): JwtClaims | undefined {
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  const header = first === -1 ? undefined : read(token.slice(0, first))
  if (!header) return undefined
  const payload = read(token.slice(first + 1, second === -1 ? undefined : second)) ?? {}
  const claims: JwtClaims = {}
  const text = (value: unknown) =>
    typeof value === 'string' && value !== '' ? clean(value.slice(0, TEXT_MAX)).slice(0, TEXT_MAX) : undefined
  const set = (name: 'alg' | 'kid' | 'iss' | 'sub' | 'jti' | 'azp' | 'client_id', value: unknown) => {
    const found = text(value)
    if (found !== undefined) claims[name] = found
  }
  const time = (name: 'exp' | 'iat' | 'nbf') => {
    const value = payload[name]
    if (typeof value === 'number' && Number.isFinite(value)) claims[name] = value
  }
  set('alg', header['alg'])
  set('kid', header['kid'])
  set('iss', payload['iss'])
  set('sub', payload['sub'])
  const audience = list(payload['aud']).slice(0, AUDIENCES_MAX).map(text)
  const named = audience.filter(one => one !== undefined)
  if (named.length > 0) claims.aud = named
  time('exp')
  time('iat')
  time('nbf')
  set('jti', payload['jti'])
  const scope = text(
    list(payload['scope'] ?? payload['scp'])
      .filter(one => typeof one === 'string')
      .join(' ')
  )
  if (scope !== undefined) claims.scope = scope
  set('azp', payload['azp'])
  set('client_id', payload['client_id'])
  return claims
}
