/**
 * The HTTP and network side of an OTLP record: request, response, both ends
 * (semantic-conventions `docs/http/http-spans.md`, `docs/general/attributes.md`, and their names before 1.21).
 */
import { endpoint } from '../core/build.ts'
import type { Actor, Endpoint, HttpRequest, HttpResponse } from '../core/event.ts'
import { textOf, type View } from './otlp-view.ts'

/** True if the record is about one HTTP request: a method, and where it went or how it ended. */
export const isHttp = ({ facts }: View): boolean =>
  facts.text('httpMethod') !== undefined &&
  (facts.integer('httpStatus') !== undefined ||
    facts.text('url') !== undefined ||
    facts.text('path') !== undefined)

/** `https://host/path?query` in its parts; no parser of URLs, because placeholders stand in it. */
function partsOf(url: string): { scheme?: string; host?: string; path?: string; query?: string } {
  const colon = url.indexOf('://')
  const mark = url.indexOf('?')
  const stop = mark < 0 ? url.length : mark
  if (colon < 0 || colon > stop)
    return { path: url.slice(0, stop), ...(mark < 0 ? {} : { query: url.slice(mark + 1) }) }
  const slash = url.indexOf('/', colon + 3)
  const authority = url.slice(colon + 3, slash < 0 || slash > stop ? stop : slash)
  const host = authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d+$/, '')
  return {
    scheme: url.slice(0, colon),
    host,
    path: slash < 0 || slash > stop ? '/' : url.slice(slash, stop),
    ...(mark < 0 ? {} : { query: url.slice(mark + 1) })
  }
}

/** The request of a record; undefined if it names neither a method nor a URL nor a user agent. */
export function httpRequest({ facts }: View): HttpRequest | undefined {
  const method = facts.text('httpMethod')
  const full = facts.text('url')
  const target = facts.text('path')
  const agent = facts.text('userAgent')
  if (method === undefined && full === undefined && agent === undefined) return undefined
  const request: HttpRequest = {}
  if (method !== undefined) request.http_method = method
  if (full !== undefined || target !== undefined) {
    const url: NonNullable<HttpRequest['url']> = {}
    const parts = partsOf(full ?? target ?? '')
    const below = target === undefined ? parts : partsOf(target)
    if (full !== undefined) url.url_string = full
    if (below.path !== undefined && below.path !== '') url.path = below.path
    const query = facts.text('query') ?? below.query ?? parts.query
    if (query !== undefined) url.query_string = query.startsWith('?') ? query.slice(1) : query
    const scheme = facts.text('scheme') ?? parts.scheme
    if (scheme !== undefined) url.scheme = scheme
    const host = addressOf(parts.host ?? facts.text('serverAddress'), undefined)?.hostname
    if (host !== undefined) url.hostname = host
    request.url = url
  }
  if (agent !== undefined) request.user_agent = agent
  const version = facts.text('networkVersion')
  if (method !== undefined && version !== undefined) request.version = version
  const forwarded = facts.text('forwarded')
  if (forwarded !== undefined) request.x_forwarded_for = forwarded.split(',').map(hop => hop.trim())
  return request
}

/** The response of a record; undefined without a status code. */
export function httpResponse({ facts }: View): HttpResponse | undefined {
  const code = facts.integer('httpStatus')
  if (code === undefined) return undefined
  const response: HttpResponse = { code }
  const length = facts.integer('responseSize')
  if (length !== undefined && length >= 0) response.length = length
  return response
}

/** OCSF's ip_t has at most 40 characters: an address in a longer notation stays a name. */
const IP_MAX = 40
const WITH_PORT = /^(\[[^\]]+\]|[^:]+):(\d{1,5})$/

/** An endpoint of an address that may carry its port (`src.addr` of agentgateway, `http.host`). */
function addressOf(address: string | undefined, port: number | undefined): Endpoint | undefined {
  const parts = address === undefined ? null : WITH_PORT.exec(address)
  const found = parts === null ? endpoint(address, port) : endpoint(parts[1], port ?? Number(parts[2]))
  if (found?.ip === undefined || found.ip.length <= IP_MAX) return found
  const { ip, ...rest } = found
  return { name: ip, ...rest }
}

/** Who called: an address, else the service that wrote a CLIENT span. */
export function callerOf({ facts, byCaller, service, resource }: View): Endpoint | undefined {
  if (!byCaller) {
    const port = facts.integer('clientPort')
    const address = facts.text('clientAddress')
    return address === undefined
      ? addressOf(facts.text('peerAddress'), facts.integer('peerPort'))
      : addressOf(address, port)
  }
  const host = textOf(resource['host.name'])
  const found = addressOf(
    facts.text('clientAddress') ?? (host && facts.short(host)),
    facts.integer('clientPort')
  )
  if (service === undefined) return found
  return { ...found, svc_name: service }
}

/** Who was called: an address, else the service that wrote the record. `server`: its name, if known. */
export function calleeOf(
  { facts, byCaller, service }: View,
  server: string | undefined
): Endpoint | undefined {
  const address = facts.text('serverAddress') ?? (byCaller ? facts.text('peerAddress') : undefined)
  const port = facts.integer('serverPort') ?? (byCaller ? facts.integer('peerPort') : undefined)
  const found = addressOf(address, port)
  const name = byCaller ? server : service
  return name === undefined ? found : { ...found, svc_name: name }
}

/** The user and session of a record, with the application that acted. */
export function actorOf({ facts }: View, app: string | undefined): Actor {
  const actor: Actor = {}
  const uid = facts.text('userId')
  const name = facts.text('userName')
  const email = facts.text('userEmail')
  if (uid !== undefined || name !== undefined || email !== undefined) {
    actor.user = {}
    const shown = name ?? email
    if (uid !== undefined) actor.user.uid = uid
    if (shown !== undefined) actor.user.name = shown
    if (email?.includes('@')) actor.user.email_addr = email
  }
  const session = facts.text('sessionId')
  if (session !== undefined) actor.session = { uid: session }
  if (app !== undefined) actor.app_name = app
  return actor
}
