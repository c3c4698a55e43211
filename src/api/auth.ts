/**
 * Who may call: bearer tokens with scopes (RFC 6750), or, without any token configured, whoever reaches a
 * loopback listener under a loopback name. The name matters: a web page that rebinds its DNS name to
 * 127.0.0.1 reaches the socket, but its requests carry the page's name in Host.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Clock, Log, Refusal } from '../core/ports.ts'
import type { Scope, Token } from '../core/settings.ts'
import { addressKey, createLimiter, touch } from './limiter.ts'

/** An accepted caller. `name` is the token's name in the configuration; `local` without tokens. */
export interface Caller {
  readonly name: string
  readonly address: string
}

export type Admission =
  | { readonly caller: Caller }
  | { readonly refusal: Refusal; readonly headers: Readonly<Record<string, string>> }

export interface Auth {
  /** Constant time in the token. Counts wrong tokens per address. */
  admit(request: IncomingMessage, scope: Scope): Admission
  /** Refused requests since the start: wrong or missing token, missing scope, foreign Host or Origin. */
  failures(): number
}

interface KnownToken {
  readonly name: string
  readonly digest: Buffer
  readonly scopes: ReadonlySet<Scope>
}

/** Ten wrong tokens at once, then one each six seconds. */
const FAILURE_BURST = 10
const FAILURE_REFILL_MS = 6000
const KNOWN_ADDRESSES_MAX = 10_000
/** RFC 6750 `b64token`; long enough for a JWT. */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,4096}=*) *$/i
const REALM = 'Bearer realm="keywatch"'

/** The peer's address; an IPv4 address in IPv6 clothes is undressed. */
export function remoteAddressOf(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

/** All values of a header as sent, in order. Node keeps only the first of a doubled Host or Authorization. */
export function headerValues(request: IncomingMessage, name: string): string[] {
  const found: string[] = []
  const raw = request.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const key = raw[i]
    if (key !== undefined && key.length === name.length && key.toLowerCase() === name)
      found.push(raw[i + 1] ?? '')
  }
  return found
}

const LOOPBACK_NAME = /^(localhost|[a-z0-9-]{1,63}\.localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i

/** True for `localhost`, `*.localhost`, 127.0.0.0/8 and `[::1]`, each with or without a port. */
export const isLoopbackHost = (host: string) => LOOPBACK_NAME.test(host)

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

const otherOrigin: Refusal = {
  status: 403,
  code: 'KW_AUTH_REQUIRED',
  reason: 'The request comes from a page of another origin.'
}

/** The refusal of a request that a web page of another origin could have caused; undefined if all is well. */
function foreign(request: IncomingMessage): Refusal | undefined {
  const hosts = headerValues(request, 'host')
  const host = hosts[0] ?? ''
  if (hosts.length !== 1 || !isLoopbackHost(host))
    return {
      status: 403,
      code: 'KW_AUTH_REQUIRED',
      reason:
        'Without configured tokens only requests to a loopback name (localhost, 127.0.0.1, [::1]) are answered. Configure tokens to use another name.'
    }
  // A browser says where a request comes from. Following a link is fine; loading our paths into a page is not.
  const site = request.headers['sec-fetch-site']
  if ((site === 'cross-site' || site === 'same-site') && request.headers['sec-fetch-mode'] !== 'navigate')
    return otherOrigin
  if (SAFE_METHODS.has(request.method ?? '')) return undefined
  for (const origin of headerValues(request, 'origin')) {
    if (origin.toLowerCase() === `http://${host.toLowerCase()}`) continue
    return otherOrigin
  }
  return undefined
}

const refuse = (refusal: Refusal, headers: Readonly<Record<string, string>> = {}): Admission => ({
  refusal,
  headers
})
const missing = refuse(
  {
    status: 401,
    code: 'KW_AUTH_REQUIRED',
    reason: 'This path needs exactly one header Authorization: Bearer <token>.'
  },
  { 'www-authenticate': REALM }
)
const wrong = refuse(
  { status: 401, code: 'KW_AUTH_REQUIRED', reason: 'The token is not known.' },
  { 'www-authenticate': `${REALM}, error="invalid_token"` }
)
const lacking = (scope: Scope) =>
  refuse(
    { status: 403, code: 'KW_AUTH_SCOPE', reason: `The token lacks the scope ${scope}.` },
    { 'www-authenticate': `${REALM}, error="insufficient_scope", scope="${scope}"` }
  )
const throttled = (seconds: number) =>
  refuse({
    status: 429,
    code: 'KW_API_THROTTLED',
    reason: 'Too many wrong tokens came from this address.',
    retryAfterS: seconds
  })

export function createAuth(deps: {
  readonly tokens: readonly Token[]
  readonly clock: Clock
  readonly log: Log
}): Auth {
  const known: KnownToken[] = deps.tokens.map(token => ({
    name: token.name,
    digest: Buffer.from(token.sha256, 'hex'),
    scopes: new Set(token.scopes)
  }))
  const limiter = createLimiter({ clock: deps.clock, burst: FAILURE_BURST, refillMs: FAILURE_REFILL_MS })
  // Address -> names of tokens that were right from there. While an address is throttled these go on
  // working: behind a proxy all senders share one address, and one bad sender must not stop the others.
  const trusted = new Map<string, Set<string>>()
  let failures = 0

  /** Compares with every token, whichever matches, so that timing does not tell which. */
  const find = (presented: string): KnownToken | undefined => {
    const digest = createHash('sha256').update(presented).digest()
    let found: KnownToken | undefined
    for (const token of known) {
      if (token.digest.length === digest.length && timingSafeEqual(token.digest, digest)) found ??= token
    }
    return found
  }

  const failed = (admission: Admission): Admission => {
    failures++
    return admission
  }

  const byToken = (request: IncomingMessage, address: string, scope: Scope): Admission => {
    const values = headerValues(request, 'authorization')
    const presented = values.length === 1 ? BEARER.exec(values[0] ?? '')?.[1] : undefined
    if (presented === undefined) return failed(missing)
    const token = find(presented)
    const key = addressKey(address)
    const wait = limiter.wait(address)
    if (wait > 0 && (token === undefined || !trusted.get(key)?.has(token.name)))
      return failed(throttled(wait))
    if (token === undefined) {
      limiter.take(address)
      deps.log.warn({ address }, 'A request with an unknown token was refused')
      return failed(wrong)
    }
    const names = trusted.get(key)
    if (names === undefined) touch(trusted, key, new Set([token.name]), KNOWN_ADDRESSES_MAX)
    else names.add(token.name)
    if (!token.scopes.has(scope) && !token.scopes.has('admin')) return failed(lacking(scope))
    return { caller: { name: token.name, address } }
  }

  return {
    admit(request, scope) {
      const address = remoteAddressOf(request)
      if (known.length > 0) return byToken(request, address, scope)
      const refusal = foreign(request)
      return refusal === undefined ? { caller: { name: 'local', address } } : failed(refuse(refusal))
    },
    failures: () => failures
  }
}
