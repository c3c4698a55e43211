/**
 * One clean OTLP record to one OCSF event: an MCP message or any other span or log to API Activity (6003), an HTTP
 * request to HTTP Activity (4002).
 */
import { apiActivity, type Common, type Extra, httpActivity } from '../core/build.ts'
import { type Api, type OcsfEvent, type Resource, SEVERITY, type SeverityId } from '../core/event.ts'
import type { CleanRecord } from '../core/ports.ts'
import type { NormaliseMeta } from '../core/source.ts'
import { hasContent, shapeOf, withoutContent } from './otlp-content.ts'
import type { Vocabulary } from './otlp-facts.ts'
import { actorOf, calleeOf, callerOf, httpRequest, httpResponse, isHttp } from './otlp-http.ts'
import { isToClient, mcpAction, mcpActivity, mcpFields, mcpMethod } from './otlp-mcp.ts'
import type { Attributes, OtlpValue } from './otlp-record.ts'
import { isMap, spanIdentity, textOf, traceOf, type View, viewOf } from './otlp-view.ts'

export type RecordKind = 'mcp' | 'http' | 'other'

export interface EventOptions {
  readonly keepContent: boolean
  readonly include: ReadonlySet<RecordKind>
  readonly names: Vocabulary
}

const ERROR = 2

/** The event of a record; undefined if its kind is not included. Throws KW_RECORD_UNMAPPED. */
export function eventOf(
  record: CleanRecord,
  meta: NormaliseMeta,
  options: EventOptions
): OcsfEvent | undefined {
  const view = viewOf(record, options.names, meta.receivedAt)
  const method = mcpMethod(view.facts, view.name)
  const kind: RecordKind = method !== undefined ? 'mcp' : isHttp(view) ? 'http' : 'other'
  if (!options.include.has(kind)) return undefined
  const raw = options.keepContent ? record.raw : rawWithoutContent(record.raw, view)
  const common = commonOf(view, raw, options.keepContent)
  const event =
    method !== undefined
      ? mcpEvent(view, method, common)
      : kind === 'http'
        ? httpEvent(view, common)
        : otherEvent(view, common)
  if (record.truncated === true || view.data['truncated'] === true || view.facts.cut)
    event.unmapped.keywatch.truncated = true
  return event
}

/** What every class has. `keywatch` and status are completed by the class's own function. */
function commonOf(view: View, raw: string, keepContent: boolean): Common & { keywatch: Extra } {
  const { data, facts, isSpan } = view
  const keywatch: Extra = {}
  const environment = facts.text('environment')
  if (environment !== undefined) keywatch.environment = environment
  if (view.doubted !== undefined) keywatch.clock_skew = true
  const vendor = vendorOf(view)
  if (vendor !== undefined) keywatch.vendor = vendor
  const severity = severityOf(data['severityNumber'])
  const failed = isFailure(view)
  const detail = failed ? detailOf(view) : undefined
  return {
    time: view.time,
    originalTime: view.doubted,
    id: isSpan ? spanIdentity(view) : facts.text('eventId'),
    message: messageOf(view, keepContent),
    severity: isSpan ? undefined : severity,
    status: failed ? 'failure' : undefined,
    statusCode: statusCodeOf(view),
    statusDetail: detail,
    logName: isSpan ? 'otlp/traces' : 'otlp/logs',
    correlation: textOf(data['traceId']),
    raw,
    keywatch
  }
}

/** A few members without a better place. */
function vendorOf({ data, facts, kind, resource }: View): Record<string, string> | undefined {
  const found: Record<string, string> = {}
  if (kind !== '') found['span_kind'] = kind
  const level = textOf(data['severityText'])
  if (level !== undefined) found['severity_text'] = facts.short(level)
  const scope = data['scope']
  const scopeName = isMap(scope) ? textOf(scope['name']) : undefined
  if (scopeName !== undefined) found['scope'] = facts.short(scopeName)
  const version = textOf(resource['service.version'])
  if (version !== undefined) found['service_version'] = facts.short(version)
  const route = facts.text('route')
  if (route !== undefined) found['http_route'] = route
  const agent = facts.text('agent')
  if (agent !== undefined) found['agent'] = agent
  return Object.keys(found).length === 0 ? undefined : found
}

/** OpenTelemetry severity numbers: 1 to 12 up to INFO, 13 WARN, 17 ERROR, 21 FATAL. */
function severityOf(number: OtlpValue | undefined): SeverityId | undefined {
  if (typeof number !== 'number' || number < 1 || number > 24) return undefined
  if (number < 13) return SEVERITY.informational
  if (number < 17) return SEVERITY.low
  return number < 21 ? SEVERITY.medium : SEVERITY.high
}

const statusOf = ({ data }: View): Attributes | undefined => {
  const status = data['status']
  return isMap(status) ? status : undefined
}

/**
 * An MCP server span leaves its status unset when the caller is at fault (an unknown tool), so the JSON-RPC code
 * counts, not the span's status alone.
 */
function isFailure(view: View): boolean {
  const { data, facts, isSpan } = view
  if (statusOf(view)?.['code'] === ERROR || facts.text('errorType') !== undefined) return true
  const rpc = facts.text('rpcStatus')
  if (rpc !== undefined && rpc !== '0') return true
  if ((facts.integer('httpStatus') ?? 0) >= 400) return true
  if (isSpan) return false
  const severity = data['severityNumber']
  return typeof severity === 'number' && severity >= 17 && severity <= 24
}

function statusCodeOf({ facts }: View): string | undefined {
  const rpc = facts.text('rpcStatus')
  return rpc !== undefined && rpc !== '0' ? rpc : (facts.text('httpStatus') ?? facts.text('errorType'))
}

function detailOf(view: View): string | undefined {
  const { facts } = view
  const told = textOf(statusOf(view)?.['message'])
  return told === undefined
    ? (facts.text('errorMessage') ?? facts.text('errorType') ?? facts.text('exceptionType'))
    : facts.short(told)
}

/** Bodies of `gen_ai.*` events are what was said to or by a model. */
const isTalk = (view: View): boolean => !view.isSpan && view.name.startsWith('gen_ai.')

function messageOf(view: View, keepContent: boolean): string | undefined {
  const { data, facts, isSpan, name } = view
  const body = data['body']
  if (isSpan || (isTalk(view) && !keepContent)) return name === '' ? undefined : name
  const told = isMap(body) ? (textOf(body['message']) ?? textOf(body['msg'])) : textOf(body)
  return told === undefined ? name || undefined : facts.short(told)
}

/** The record's text without content; as it is where it has none, which costs no second text. */
function rawWithoutContent(raw: string, view: View): string {
  const { data, attributes } = view
  const body = data['body']
  const talk = isTalk(view) && body !== undefined
  const bodyHas = !talk && isMap(body) && hasContent(body)
  const events = data['events']
  const eventsHave = Array.isArray(events) && events.some(eventHasContent)
  if (!talk && !bodyHas && !eventsHave && !hasContent(attributes)) return raw
  const kept: Attributes = { ...data }
  if (data['attributes'] !== undefined) kept['attributes'] = withoutContent(attributes)
  if (talk) kept['body'] = shapeOf(body)
  else if (bodyHas) kept['body'] = withoutContent(body)
  if (eventsHave) kept['events'] = events.map(withoutEventContent)
  return JSON.stringify(kept)
}

const attributesOf = (event: OtlpValue): Attributes | undefined =>
  isMap(event) && isMap(event['attributes']) ? event['attributes'] : undefined

function eventHasContent(event: OtlpValue): boolean {
  const found = attributesOf(event)
  return found !== undefined && hasContent(found)
}

function withoutEventContent(event: OtlpValue): OtlpValue {
  const found = attributesOf(event)
  return found === undefined || !isMap(event) ? event : { ...event, attributes: withoutContent(found) }
}

function durationOf({ start, end }: View): number | undefined {
  return start !== undefined && end !== undefined && end >= start ? end - start : undefined
}

/** The MCP server that a record is about: named, else the service that answered, else the address called. */
function serverOf({ facts, byCaller, service }: View, method: string | undefined): string | undefined {
  const named = facts.text('server')
  if (named !== undefined) return named
  // The server calls and the client answers for sampling, elicitation and roots.
  const reversed = method !== undefined && isToClient(method)
  if (byCaller !== reversed) return reversed ? undefined : facts.text('serverAddress')
  return service
}

function resourcesOf(mcp: NonNullable<Extra['mcp']>): Resource[] {
  const found: Resource[] = []
  if (mcp.tool !== undefined) found.push({ name: mcp.tool, type: 'mcp_tool' })
  if (mcp.prompt !== undefined) found.push({ name: mcp.prompt, type: 'mcp_prompt' })
  if (mcp.resource !== undefined) found.push({ name: mcp.resource, type: 'mcp_resource' })
  return found
}

function mcpEvent(view: View, method: string, common: Common & { keywatch: Extra }): OcsfEvent {
  const { facts } = view
  const server = serverOf(view, method)
  const mcp = mcpFields(facts, method, server)
  common.keywatch.action = mcpAction(method)
  if (mcp !== undefined) common.keywatch.mcp = mcp
  const api: Api = { operation: method }
  if (server !== undefined) api.service = { name: server }
  if (mcp?.request_id !== undefined) api.request = { uid: mcp.request_id }
  const code = facts.integer('rpcStatus')
  if (common.status === 'failure') {
    api.response = {}
    if (code !== undefined) api.response.code = code
    if (mcp?.error !== undefined) api.response.error = mcp.error
    if (common.statusDetail !== undefined) api.response.error_message = common.statusDetail
  }
  return apiActivity({
    ...common,
    status: common.status ?? 'success',
    ...mcpActivity(method),
    api,
    actor: actorOf(view, mcp?.client?.name ?? (view.byCaller ? view.service : undefined)),
    src: callerOf(view),
    dst: calleeOf(view, server),
    resources: mcp === undefined ? undefined : resourcesOf(mcp),
    trace: traceOf(view),
    request: httpRequest(view),
    response: httpResponse(view),
    duration: durationOf(view)
  })
}

function httpEvent(view: View, common: Common & { keywatch: Extra }): OcsfEvent {
  const response = httpResponse(view)
  const mcp = mcpFields(view.facts, undefined, view.facts.text('server'))
  common.keywatch.action = 'http.request'
  if (mcp !== undefined) common.keywatch.mcp = mcp
  return httpActivity({
    ...common,
    status: common.status ?? (response === undefined ? undefined : 'success'),
    request: httpRequest(view),
    response,
    src: callerOf(view),
    dst: calleeOf(view, undefined),
    actor: actorOf(view, view.byCaller ? view.service : undefined),
    trace: traceOf(view),
    duration: durationOf(view)
  })
}

function otherEvent(view: View, common: Common & { keywatch: Extra }): OcsfEvent {
  const { isSpan, name, service } = view
  const mcp = mcpFields(view.facts, undefined, view.facts.text('server'))
  common.keywatch.action = isSpan ? 'otel.span' : 'otel.log'
  if (mcp !== undefined) common.keywatch.mcp = mcp
  const api: Api = { operation: name === '' ? (isSpan ? 'span' : 'log') : name }
  if (service !== undefined) api.service = { name: service }
  return apiActivity({
    ...common,
    status: common.status ?? (isSpan ? 'success' : undefined),
    activity: 'other',
    activityName: isSpan ? 'Span' : 'Log',
    api,
    actor: actorOf(view, view.byCaller ? service : undefined),
    src: callerOf(view),
    dst: calleeOf(view, undefined),
    trace: traceOf(view),
    request: httpRequest(view),
    response: httpResponse(view),
    duration: durationOf(view)
  })
}
