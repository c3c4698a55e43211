/**
 * Builders for the OCSF classes of Keywatch (research: which class for what). Each fills what the class
 * requires, so that a source cannot make an invalid event by leaving something out.
 * The spine fills `metadata.uid`, `metadata.logged_time` and `unmapped.keywatch.source*`.
 */
import { isIP } from 'node:net'
import {
  type Actor,
  type Api,
  CLASS_UIDS,
  type Endpoint,
  type Entity,
  type HttpRequest,
  type HttpResponse,
  type KeywatchFields,
  OCSF_VERSION,
  type OcsfEvent,
  type Resource,
  SEVERITY,
  type SeverityId,
  STATUS,
  type Trace,
  type User
} from './event.ts'

export const PRODUCT = { name: 'Keywatch', vendor_name: 'Keywatch', version: '0.1.0' } as const

/** Keywatch's own fields, without those that the spine fills. */
export type Extra = Omit<KeywatchFields, 'source' | 'source_type'>

/** What every builder takes. `id`: the vendor's own event id, if it has one: makes the event id deterministic. */
export interface Common {
  /** Milliseconds since 1970, the source's clock. */
  time: number
  id?: string | undefined
  message?: string | undefined
  severity?: SeverityId | undefined
  status?: 'success' | 'failure' | undefined
  statusCode?: string | undefined
  statusDetail?: string | undefined
  logName?: string | undefined
  correlation?: string | undefined
  originalTime?: string | undefined
  raw?: string | undefined
  keywatch?: Extra | undefined
}

function base(classUid: number, activity: number, profiles: string[], common: Common): OcsfEvent {
  const event: OcsfEvent = {
    class_uid: classUid,
    category_uid: Math.floor(classUid / 1000),
    activity_id: activity,
    type_uid: classUid * 100 + activity,
    severity_id: common.severity ?? (common.status === 'failure' ? SEVERITY.low : SEVERITY.informational),
    time: common.time,
    metadata: { version: OCSF_VERSION, uid: '', product: PRODUCT, profiles, logged_time: 0 },
    unmapped: { keywatch: { source: '', source_type: '', ...common.keywatch } }
  }
  if (common.status !== undefined) event.status_id = STATUS[common.status]
  if (common.statusCode !== undefined) event.status_code = common.statusCode
  if (common.statusDetail !== undefined) event.status_detail = common.statusDetail
  if (common.message !== undefined) event.message = common.message
  if (common.id !== undefined) event.metadata.original_event_uid = common.id
  if (common.logName !== undefined) event.metadata.log_name = common.logName
  if (common.correlation !== undefined) event.metadata.correlation_uid = common.correlation
  if (common.originalTime !== undefined) event.metadata.original_time = common.originalTime
  if (common.raw !== undefined) event.raw_data = common.raw
  return event
}

/** OCSF hostname_t (RFC 1123, IDNA in ASCII form). */
const HOSTNAME =
  /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?)*$/

/** An address as OCSF wants it: `ip` only if it is one, `hostname` only if it can be one, else `name`. */
export function endpoint(address: string | undefined, port?: number | undefined): Endpoint | undefined {
  if (address === undefined || address === '' || address === '-') return undefined
  const bare = address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address
  const unzoned = bare.includes('%') ? bare.slice(0, bare.indexOf('%')) : bare
  const found: Endpoint =
    isIP(unzoned) !== 0 ? { ip: unzoned } : HOSTNAME.test(bare) ? { hostname: bare } : { name: bare }
  if (port !== undefined && Number.isInteger(port) && port > 0 && port < 65536) found.port = port
  return found
}

const UNKNOWN_ENDPOINT: Endpoint = { name: 'unknown' }

const hasActor = (actor: Actor | undefined): actor is Actor =>
  actor !== undefined &&
  (actor.user !== undefined ||
    actor.app_name !== undefined ||
    actor.app_uid !== undefined ||
    actor.invoked_by !== undefined ||
    actor.session !== undefined)

export const API_ACTIVITY = { create: 1, read: 2, update: 3, delete: 4, other: 99 } as const

export interface ApiActivity extends Common {
  activity: keyof typeof API_ACTIVITY
  /** Name of the activity where it is `other`. */
  activityName?: string | undefined
  api: Api
  actor?: Actor | undefined
  src?: Endpoint | undefined
  dst?: Endpoint | undefined
  resources?: Resource[] | undefined
  trace?: Trace | undefined
  request?: HttpRequest | undefined
  response?: HttpResponse | undefined
  /** Milliseconds. */
  duration?: number | undefined
}

/** 6003: MCP calls, secret reads and lists, anything done through an API. */
export function apiActivity(input: ApiActivity): OcsfEvent {
  const event = base(
    CLASS_UIDS.api_activity,
    API_ACTIVITY[input.activity],
    input.trace ? ['trace'] : [],
    input
  )
  if (input.activity === 'other') event.activity_name = input.activityName ?? 'Invoke'
  event.actor = hasActor(input.actor) ? input.actor : { app_name: 'unknown' }
  event.api = input.api
  event.src_endpoint = input.src ?? UNKNOWN_ENDPOINT
  if (input.dst) event.dst_endpoint = input.dst
  if (input.resources && input.resources.length > 0) event.resources = input.resources
  if (input.trace) event.trace = input.trace
  if (input.request) event.http_request = input.request
  if (input.response) event.http_response = input.response
  if (input.duration !== undefined) event.duration = Math.round(input.duration)
  return event
}

const HTTP_ACTIVITY: ReadonlyMap<string, number> = new Map([
  ['CONNECT', 1],
  ['DELETE', 2],
  ['GET', 3],
  ['HEAD', 4],
  ['OPTIONS', 5],
  ['POST', 6],
  ['PUT', 7],
  ['TRACE', 8],
  ['PATCH', 9]
])

export interface HttpActivity extends Common {
  request?: HttpRequest | undefined
  response?: HttpResponse | undefined
  src?: Endpoint | undefined
  dst?: Endpoint | undefined
  actor?: Actor | undefined
  trace?: Trace | undefined
  duration?: number | undefined
}

/** 4002: one line of a proxy's or web server's access log, an HTTP server span. */
export function httpActivity(input: HttpActivity): OcsfEvent {
  const method = input.request?.http_method
  const activity = (method === undefined ? undefined : HTTP_ACTIVITY.get(method.toUpperCase())) ?? 99
  const profiles: string[] = []
  if (input.trace) profiles.push('trace')
  if (hasActor(input.actor)) profiles.push('host')
  const event = base(CLASS_UIDS.http_activity, activity, profiles, input)
  if (activity === 99) event.activity_name = method ?? 'Unparseable request'
  if (hasActor(input.actor)) event.actor = input.actor
  if (input.src) event.src_endpoint = input.src
  if (input.dst) event.dst_endpoint = input.dst
  if (input.request) event.http_request = input.request
  event.http_response = input.response ?? { code: 0 }
  if (input.trace) event.trace = input.trace
  if (input.duration !== undefined) event.duration = Math.round(input.duration)
  return event
}

export const ENTITY_ACTIVITY = {
  create: 1,
  read: 2,
  update: 3,
  delete: 4,
  enable: 8,
  disable: 9,
  other: 99
} as const

export interface EntityManagement extends Common {
  activity: keyof typeof ENTITY_ACTIVITY
  activityName?: string | undefined
  entity: Entity
  actor?: Actor | undefined
  src?: Endpoint | undefined
  comment?: string | undefined
}

/** 3004: a secret was created, changed, rotated, deleted. */
export function entityManagement(input: EntityManagement): OcsfEvent {
  const event = base(CLASS_UIDS.entity_management, ENTITY_ACTIVITY[input.activity], [], input)
  if (input.activity === 'other') event.activity_name = input.activityName ?? 'Other'
  event.entity = input.entity
  if (hasActor(input.actor)) event.actor = input.actor
  if (input.src) event.src_endpoint = input.src
  if (input.comment !== undefined) event.comment = input.comment
  return event
}

export const AUTH_ACTIVITY = { logon: 1, logoff: 2, ticket: 3, renew: 5, other: 99 } as const

export interface Authentication extends Common {
  activity: keyof typeof AUTH_ACTIVITY
  user: User
  service: { name: string }
  actor?: Actor | undefined
  src?: Endpoint | undefined
}

/** 3002: login to a secret manager, an OAuth token issued. */
export function authentication(input: Authentication): OcsfEvent {
  const event = base(CLASS_UIDS.authentication, AUTH_ACTIVITY[input.activity], [], input)
  if (input.activity === 'other') event.activity_name = 'Other'
  event.user = input.user
  event.service = input.service
  if (hasActor(input.actor)) event.actor = input.actor
  if (input.src) event.src_endpoint = input.src
  return event
}

/** 6008, activity 2 (Translation Error): a record that could not become an event. */
export function translationError(input: Common): OcsfEvent {
  return base(CLASS_UIDS.application_error, 2, [], { severity: SEVERITY.low, status: 'failure', ...input })
}

/** 6002, activity 99: Keywatch about itself (checkpoint, configuration change). */
export function lifecycle(activityName: string, input: Common): OcsfEvent {
  const event = base(CLASS_UIDS.application_lifecycle, 99, [], input)
  event.activity_name = activityName
  event.app = PRODUCT
  return event
}
