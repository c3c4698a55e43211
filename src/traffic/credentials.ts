/**
 * What do the credentials of the made-up fleet look like? Like real ones, so that every format is recognised, and
 * with FAKE in each, so that nobody takes one for real. Formats: the vendors' public descriptions; a GitHub token
 * ends in six base62 digits of the CRC-32 of what stands before; a JWT is RFC 7519, for one server (RFC 8707),
 * renewed every hour.
 */
import { crc32 } from 'node:zlib'
import { BASE62, type Random } from './random.ts'
import { HOUR_MS } from './rhythm.ts'

export const FORMATS = [
  'github-pat',
  'jwt',
  'slack-token',
  'basic',
  'anthropic-key',
  'gitlab-token',
  'doppler-token',
  'github-fine-grained-pat'
] as const
export type Format = (typeof FORMATS)[number]

export interface Header {
  /** Lower-case name. */
  readonly name: string
  readonly value: string
}

export interface Credential {
  /** `c07`: for our own bookkeeping. */
  readonly id: string
  readonly format: Format
  /** The secret itself as it is at a time, for a server (a JWT names both). */
  secretAt(ms: number, audience: string): string
  /** The header that presents it. */
  headerAt(ms: number, audience: string): Header
}

/** Seconds by which a JWT outlives its hour. */
const OVERLAP_S = 300
/** Tokens of one client kept at a time: a few servers, this hour's and the last one's. */
const REMEMBERED = 8
const JWT_SECONDS = 3600 + OVERLAP_S

function base62(value: number, width: number): string {
  let text = ''
  for (let left = value; left > 0; left = Math.floor(left / 62)) text = BASE62.charAt(left % 62) + text
  return text.padStart(width, '0')
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

function secretOf(format: Exclude<Format, 'jwt' | 'basic'>, random: Random): string {
  switch (format) {
    case 'github-pat': {
      const body = `FAKE${random.text(26)}`
      return `ghp_${body}${base62(crc32(body), 6)}`
    }
    case 'github-fine-grained-pat':
      return `github_pat_11FAKE${random.text(16)}_${random.text(59)}`
    case 'slack-token':
      return `xoxb-000000${random.digits(6)}-000000${random.digits(6)}-FAKE${random.text(20)}`
    case 'anthropic-key':
      return `sk-ant-api03-FAKE${random.text(89)}AA`
    case 'gitlab-token':
      return `glpat-FAKE${random.text(16)}`
    case 'doppler-token':
      return `dp.st.prd.FAKE${random.text(39)}`
  }
}

/** A JWT whose hour begins at an offset of its own, so that not all are renewed at once. */
function jwts(id: string, subject: string, random: Random) {
  const offsetMs = random.below(3600) * 1000
  const key = random.fork('jwt')
  const made = new Map<string, string>()
  return (ms: number, audience: string): string => {
    const hour = Math.floor((ms - offsetMs) / HOUR_MS)
    const label = `${audience}/${hour}`
    const known = made.get(label)
    if (known !== undefined) return known
    const iat = (hour * HOUR_MS + offsetMs) / 1000
    const own = key.fork(label)
    const header = part({ alg: 'RS256', typ: 'JWT', kid: 'FAKE-2026' })
    const claims = {
      iss: 'https://login.example.com',
      sub: subject,
      aud: audience,
      iat,
      exp: iat + JWT_SECONDS,
      jti: own.uuid(),
      client_id: id
    }
    const token = `${header}.${part(claims)}.FAKE${own.text(338)}`
    if (made.size >= REMEMBERED) made.clear()
    made.set(label, token)
    return token
  }
}

/** The credential number `index` of its owner. `random`: its own stream. */
export function createCredential(index: number, subject: string, random: Random): Credential {
  const id = `c${String(index).padStart(2, '0')}`
  const format = FORMATS[index % FORMATS.length] ?? 'github-pat'
  if (format === 'jwt') {
    const secretAt = jwts(id, subject, random)
    return {
      id,
      format,
      secretAt,
      headerAt: (ms, audience) => ({ name: 'authorization', value: `Bearer ${secretAt(ms, audience)}` })
    }
  }
  if (format === 'basic') {
    const secret = `FAKE${random.text(28)}`
    const value = `Basic ${Buffer.from(`svc-${id}:${secret}`).toString('base64')}`
    return { id, format, secretAt: () => secret, headerAt: () => ({ name: 'authorization', value }) }
  }
  const secret = secretOf(format, random)
  const header: Header =
    format === 'anthropic-key'
      ? { name: 'x-api-key', value: secret }
      : { name: 'authorization', value: `Bearer ${secret}` }
  return { id, format, secretAt: () => secret, headerAt: () => header }
}
