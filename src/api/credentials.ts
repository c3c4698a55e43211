/**
 * What is known of one credential: by its fingerprint, or by the secret itself, which is fingerprinted in
 * memory and then forgotten. The secret stands only in a POST body: never in a URL, a log or an answer.
 */
import { readBody } from '../lib/body.ts'
import { ApiError, notFound, ok, refusalAnswer } from './answers.ts'
import { headerValues } from './auth.ts'
import type { ApiDeps, ApiRoute, Call } from './deps.ts'
import { FINGERPRINT } from './events.ts'
import { sayContinue } from './intake.ts'
import { createLimiter, type Limiter } from './limiter.ts'
import { freshen, listPage } from './pages.ts'
import { Params } from './params.ts'

const BODY_BYTES_MAX = 64 * 1024
const EVENTS_MAX = 100
/** Twenty lookups at once, then one each two seconds: enough for a person, little for a guesser. */
const LOOKUP_BURST = 20
const LOOKUP_REFILL_MS = 2000

const badBody = (message: string) => new ApiError(400, 'KW_BODY_UNPARSEABLE', message)

/** The one string `secret` of a JSON object; anything else is a 400 that quotes nothing. */
export function secretOf(body: Buffer): string {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw badBody('The body must be JSON in UTF-8.')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw badBody('The body must be a JSON object.')
  // Own keys only: `__proto__` from JSON.parse is an own key and counts as an unknown one.
  const keys = Object.keys(parsed)
  const secret = Object.hasOwn(parsed, 'secret') && 'secret' in parsed ? parsed.secret : undefined
  if (keys.length !== 1 || typeof secret !== 'string' || secret === '')
    throw badBody('The body must have one member, secret, a string that is not empty.')
  return secret
}

async function read(call: Call): Promise<Buffer> {
  const types = headerValues(call.raw, 'content-type')
  const type = types.length === 1 ? types[0]?.split(';', 1)[0]?.trim().toLowerCase() : undefined
  // A page of another origin can post text/plain without asking first, but not application/json.
  if (type !== 'application/json')
    throw new ApiError(415, 'KW_BODY_TYPE', 'The content type must be application/json.')
  if (headerValues(call.raw, 'content-encoding').length > 0)
    throw new ApiError(415, 'KW_BODY_ENCODING', 'This path takes no content encoding.')
  const length = call.raw.headers['content-length']
  const outcome = await readBody({
    stream: call.raw,
    encoding: undefined,
    length: length === undefined ? undefined : Number(length),
    limits: { sent: BODY_BYTES_MAX, inflated: BODY_BYTES_MAX },
    reserve: () => true,
    start: () => sayContinue(call.raw, call.response),
    slot: task => task()
  })
  if (outcome.kind === 'body') return outcome.body
  if (outcome.kind === 'refused')
    throw new ApiError(outcome.refusal.status, outcome.refusal.code, outcome.refusal.reason)
  throw badBody('The body broke off.')
}

async function lookup(deps: ApiDeps, limiter: Limiter, call: Call) {
  new Params(call.query, [])
  const { address, name } = call.caller
  if (!limiter.take(address))
    return refusalAnswer({
      status: 429,
      code: 'KW_API_THROTTLED',
      reason: 'Too many lookups came from this address.',
      retryAfterS: limiter.wait(address)
    })
  const fingerprints = deps.redactor.fingerprints(secretOf(await read(call)))
  await freshen(deps, 'events')
  const known = fingerprints.length > 0
  const items = known ? await deps.store.credential(fingerprints) : []
  const page = known
    ? await listPage(deps, 'events', Math.min(EVENTS_MAX, deps.limits.page), limit =>
        deps.store.events({ credentials: fingerprints, limit })
      )
    : { items: [], next: null }
  deps.audit?.({
    action: 'credential.lookup',
    caller: name,
    address,
    time: deps.clock.now(),
    fingerprints,
    found: items.length
  })
  return ok({ fingerprints, items, events: page.items, next: page.next })
}

async function summary(deps: ApiDeps, call: Call) {
  new Params(call.query, [])
  const fingerprint = call.params['fingerprint'] ?? ''
  if (!FINGERPRINT.test(fingerprint)) throw notFound('This is no fingerprint (kwfp1.…).')
  await freshen(deps, 'events')
  const found = await deps.store.credential([fingerprint])
  if (found[0] === undefined) throw notFound('No event lists a credential with this fingerprint.')
  return ok(found[0])
}

export function credentialRoutes(deps: ApiDeps): ApiRoute[] {
  const limiter = createLimiter({ clock: deps.clock, burst: LOOKUP_BURST, refillMs: LOOKUP_REFILL_MS })
  return [
    {
      method: 'GET',
      path: '/api/v1/credentials/:fingerprint',
      scope: 'read',
      handle: call => summary(deps, call)
    },
    {
      method: 'POST',
      path: '/api/v1/credentials/lookup',
      scope: 'lookup',
      handle: call => lookup(deps, limiter, call)
    }
  ]
}
