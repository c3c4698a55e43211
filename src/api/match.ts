/**
 * Whether one event fits the simple filters of the query API: for the tail, which sees events before any
 * index does. The same fields and wildcards as the store's: who acted (a person before a program), what was
 * spoken to (the MCP server before the API's service before the host), `*` at either end of a name.
 */
import { CLASS_UIDS, type ClassName, type OcsfEvent, type User } from '../core/event.ts'
import type { EventQuery } from '../core/store.ts'

/** The filters of a query without its page and its times. */
export type EventFilter = Omit<EventQuery, 'limit' | 'before' | 'from' | 'to' | 'uid'>

const identities = (user: User | undefined) =>
  [user?.name, user?.uid, user?.email_addr].filter(value => value !== undefined)

function actorsOf({ actor, user }: OcsfEvent): readonly (string | undefined)[] {
  for (const person of [actor?.user, user]) {
    const found = identities(person)
    if (found.length > 0) return found
  }
  return actor?.app_name === undefined
    ? [actor?.app_uid ?? actor?.invoked_by]
    : [actor.app_name, actor.app_uid]
}

function serverOf({
  unmapped,
  dst_endpoint: dst,
  api,
  service,
  http_request
}: OcsfEvent): string | undefined {
  const named = unmapped.keywatch.mcp?.server?.name ?? api?.service?.name ?? service?.name
  return named ?? dst?.hostname ?? dst?.svc_name ?? dst?.name ?? dst?.ip ?? http_request?.url?.hostname
}

const secretsOf = ({ unmapped: { keywatch } }: OcsfEvent) => [
  keywatch.secret?.name,
  keywatch.secret?.path,
  ...(keywatch.secret?.names ?? [])
]

const fingerprints = (event: OcsfEvent) =>
  (event.unmapped.keywatch.credentials ?? []).flatMap(one => [one.fingerprint, ...(one.also ?? [])])

const is = (value: string | number | undefined, wanted: string | number | undefined) =>
  wanted === undefined || value === wanted

/** Equality, or with `*` at either end: starts with, ends with, contains. A missing value fits nothing. */
function like(values: readonly (string | undefined)[], pattern: string): boolean {
  const open = pattern.length > 1 && pattern.startsWith('*')
  const end = pattern.endsWith('*')
  const text = pattern.slice(open ? 1 : 0, end ? -1 : undefined)
  return values.some(value => {
    if (value === undefined) return false
    if (open && end) return value.includes(text)
    if (open) return value.endsWith(text)
    return end ? value.startsWith(text) : value === text
  })
}

/** True if all given filters hold. */
export function matches(event: OcsfEvent, filter: EventFilter): boolean {
  const { keywatch } = event.unmapped
  // The parser lets only names of CLASS_UIDS through.
  const classUid = filter.class === undefined ? undefined : CLASS_UIDS[filter.class as ClassName]
  return (
    is(event.class_uid, classUid) &&
    is(keywatch.source, filter.source) &&
    is(keywatch.action, filter.action) &&
    is(event.http_response?.code ?? event.api?.response?.code, filter.statusCode) &&
    is(event.src_endpoint?.ip, filter.ip) &&
    (filter.actor === undefined || like(actorsOf(event), filter.actor)) &&
    (filter.server === undefined || like([serverOf(event)], filter.server)) &&
    (filter.secret === undefined || like(secretsOf(event), filter.secret)) &&
    (filter.credentials === undefined ||
      fingerprints(event).some(one => one !== undefined && filter.credentials?.includes(one)))
  )
}

/**
 * True if any value (not key) within holds the text, ignoring case. `lower` is already lower-case.
 * A stack of its own, because an event may be nested as deep as the configuration allows.
 */
export function containsText(value: unknown, lower: string): boolean {
  const waiting: unknown[] = [value]
  while (waiting.length > 0) {
    const one = waiting.pop()
    if (typeof one === 'string') {
      if (one.toLowerCase().includes(lower)) return true
    } else if (typeof one === 'number') {
      if (String(one).includes(lower)) return true
    } else if (typeof one === 'object' && one !== null) {
      for (const inner of Object.values(one)) waiting.push(inner)
    }
  }
  return false
}
