/**
 * Which event is one clean record of an access log? With an MCP method it is API Activity (6003): a call of
 * a tool, a read of a resource. Without, it is HTTP Activity (4002). The request id of a proxy never becomes
 * the event's id: clients choose it (`X-Request-ID`), and equal ids would make events vanish at the sinks.
 */
import { isIP } from 'node:net'
import { type ApiActivity, apiActivity, type Extra, endpoint, httpActivity } from '../core/build.ts'
import { KeywatchError } from '../core/errors.ts'
import type {
  Actor,
  HttpRequest,
  HttpResponse,
  McpFields,
  OcsfEvent,
  Resource,
  Trace
} from '../core/event.ts'
import type { CleanRecord } from '../core/ports.ts'
import type { NormaliseMeta } from '../core/source.ts'
import type { AccessFields } from './access-fields.ts'
import { splitRequest } from './clf.ts'
import { isObject } from './json.ts'
import { parseTime } from './log-time.ts'
import { mcpActivity } from './otlp-mcp.ts'

type Url = NonNullable<HttpRequest['url']>

const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]{0,15}):\/\/([^/?#]*)/
const HOSTNAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?$/

/** The host without port and brackets, if it is one; else undefined: any client can send any Host. */
function hostName(host: string | undefined): string | undefined {
  if (host === undefined) return undefined
  const port = host.lastIndexOf(':')
  const bare = port > 0 && !host.endsWith(']') && host.indexOf(':') === port ? host.slice(0, port) : host
  return HOSTNAME.test(bare) ? bare : undefined
}

function urlOf(target: string | undefined, fields: AccessFields, host: string | undefined): Url | undefined {
  if (target === undefined) return undefined
  const url: Url = {}
  let rest = target
  const absolute = target.charCodeAt(0) === 0x2f ? null : ABSOLUTE.exec(target)
  if (absolute) {
    url.url_string = target
    url.scheme = absolute[1] ?? ''
    rest = target.slice(absolute[0].length)
  } else {
    const scheme = fields.text('scheme')
    if (scheme !== undefined) url.scheme = scheme
  }
  const named = absolute ? hostName(absolute[2]?.slice(absolute[2].lastIndexOf('@') + 1)) : host
  if (named !== undefined) url.hostname = named
  const mark = rest.indexOf('?')
  url.path = mark === -1 ? rest : rest.slice(0, mark)
  const query = mark === -1 ? fields.text('query') : rest.slice(mark + 1)
  if (query !== undefined && query !== '') url.query_string = query
  return url
}

/** The addresses of X-Forwarded-For that are addresses, in order; ports, brackets and zones taken off. */
function forwardedList(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined
  if (isIP(text) === 4) return [text]
  const found: string[] = []
  for (const part of text.split(',', 32)) {
    const trimmed = part.trim()
    const bare = trimmed.startsWith('[') ? trimmed.slice(1).split(']')[0] : trimmed
    const address = endpoint(isIP(bare ?? '') === 0 ? bare?.split(':')[0] : bare)?.ip
    // The longest address that OCSF's ip_t takes.
    if (address !== undefined && address.length <= 40) found.push(address)
  }
  return found.length > 0 ? found : undefined
}

interface Exchange {
  readonly request: HttpRequest | undefined
  /** The request field where it is no request line. */
  readonly malformed: string | undefined
  readonly host: string | undefined
}

function exchangeOf(fields: AccessFields): Exchange {
  const host = hostName(fields.text('host'))
  let method = fields.text('method')
  // The method of a JSON-RPC log is no HTTP method.
  if (method?.includes('/')) method = undefined
  let target = fields.text('uri')
  let protocol = fields.text('protocol')
  const whole = fields.text('requestLine')
  const split = whole === undefined ? undefined : splitRequest(whole)
  if (split) {
    method ??= split.method
    target ??= split.uri
    protocol ??= split.protocol
  }
  const malformed = method === undefined && target === undefined ? (whole ?? '') : undefined
  const request: HttpRequest = {}
  if (method !== undefined) request.http_method = method
  const url = urlOf(target, fields, host)
  if (url) request.url = url
  const agent = fields.text('userAgent')
  if (agent !== undefined) request.user_agent = agent
  const referrer = fields.text('referrer')
  if (referrer !== undefined) request.referrer = referrer
  if (protocol) request.version = protocol.startsWith('HTTP/') ? protocol.slice(5) : protocol
  const id = fields.text('requestId')
  if (id !== undefined) request.uid = id
  const forwarded = forwardedList(fields.text('forwarded'))
  if (forwarded) request.x_forwarded_for = forwarded
  for (const _ in request) return { request, malformed, host }
  return { request: undefined, malformed, host }
}

const TRACE_ID = /^[0-9a-f]{32}$/i

function traceOf(fields: AccessFields): Trace | undefined {
  const id = fields.text('traceId') ?? fields.text('traceparent')?.slice(3, 35)
  return id !== undefined && TRACE_ID.test(id) ? { uid: id.toLowerCase() } : undefined
}

const MCP_METHOD = /^[A-Za-z][A-Za-z0-9_.-]{0,31}(?:\/[A-Za-z0-9_.-]{1,63}){0,3}$/
/**
 * Undefined if the record says nothing of MCP. A JSON-RPC log has its method where HTTP has its own; a
 * request of a session without a method (the stream of a GET) has no method at all.
 */
function mcpOf(fields: AccessFields): McpFields | undefined {
  const named = fields.text('mcpMethod')
  const bare = named === undefined ? fields.text('method') : undefined
  const method = named ?? (bare?.includes('/') === true && MCP_METHOD.test(bare) ? bare : undefined)
  const session = fields.text('session')
  const server = fields.text('server')
  if (method === undefined && session === undefined && server === undefined) return undefined
  const mcp: McpFields = {}
  if (method !== undefined) mcp.method = method
  const name = fields.text('mcpName')
  const tool = fields.text('tool') ?? (method === 'tools/call' ? name : undefined)
  const prompt = fields.text('prompt') ?? (method === 'prompts/get' ? name : undefined)
  const resource = fields.text('resource') ?? (method?.startsWith('resources/') ? name : undefined)
  const id = fields.text('rpcId')
  const version = fields.text('protocolVersion')
  const transport = fields.text('transport')
  const error = fields.text('mcpError') ?? (fields.value('isError') === true ? 'tool_error' : undefined)
  const client = fields.text('client')
  const clientVersion = fields.text('clientVersion')
  if (tool !== undefined) mcp.tool = tool
  if (prompt !== undefined) mcp.prompt = prompt
  if (resource !== undefined) mcp.resource = resource
  if (id !== undefined) mcp.request_id = id
  if (session !== undefined) mcp.session = session
  if (version !== undefined) mcp.protocol_version = version
  if (transport !== undefined) mcp.transport = transport
  if (error !== undefined) mcp.error = error
  if (server !== undefined) mcp.server = { name: server }
  if (client !== undefined || clientVersion !== undefined) {
    mcp.client = {}
    if (client !== undefined) mcp.client.name = client
    if (clientVersion !== undefined) mcp.client.version = clientVersion
  }
  return mcp
}

/** 000, 499 and no status say that nobody knows how it ended. */
function outcome(status: number | undefined, error: string | undefined): 'success' | 'failure' | undefined {
  if (error !== undefined) return 'failure'
  if (status === undefined || status < 100 || status === 499) return undefined
  return status >= 400 ? 'failure' : 'success'
}

function ownFields(fields: AccessFields, mcp: McpFields | undefined, malformed?: string): Extra {
  const method = mcp?.method
  const own: Extra = {
    action: method === undefined ? 'http.request' : `mcp.${MCP_METHOD.test(method) ? method : 'other'}`
  }
  const environment = fields.text('environment')
  if (environment !== undefined) own.environment = environment
  if (mcp) own.mcp = mcp
  const team = fields.text('team')
  if (team !== undefined || malformed !== undefined) {
    own.vendor = {}
    if (team !== undefined) own.vendor['team'] = team
    if (malformed !== undefined) own.vendor['request'] = malformed
  }
  return own
}

function actorOf(fields: AccessFields, client: string | undefined): Actor | undefined {
  const user = fields.text('user')
  if (user === undefined && client === undefined) return undefined
  const actor: Actor = {}
  if (user !== undefined) actor.user = { name: user }
  if (client !== undefined) actor.app_name = client
  return actor
}

/** What a call was about. A list literal, because one that grows takes room for many. */
function resourcesOf(mcp: McpFields): Resource[] {
  const found: Resource[] = mcp.tool === undefined ? [] : [{ name: mcp.tool, type: 'mcp_tool' }]
  if (mcp.prompt !== undefined) found.push({ name: mcp.prompt, type: 'mcp_prompt' })
  if (mcp.resource !== undefined) found.push({ name: mcp.resource, type: 'mcp_resource' })
  return found
}

/** Completes the input in place. */
function mcpEvent(input: ApiActivity, mcp: McpFields, method: string, host: string | undefined): OcsfEvent {
  const { activity, activityName } = mcpActivity(method)
  input.activity = activity
  input.activityName = activityName
  input.resources = resourcesOf(mcp)
  const { api, response } = input
  const service = mcp.server?.name ?? host
  const uid = mcp.request_id ?? input.request?.uid
  if (service !== undefined) api.service = { name: service }
  if (uid !== undefined) api.request = { uid }
  if (response !== undefined) api.response = { code: response.code }
  if (mcp.error !== undefined) (api.response ??= {}).error = mcp.error
  return apiActivity(input)
}

/** `GET /mcp 200`: for people, where the record has no text of its own. */
function summary(
  request: HttpRequest | undefined,
  malformed: string | undefined,
  code: number | undefined
): string {
  const what = request?.http_method ?? (malformed === undefined ? 'request' : 'malformed request')
  const path = request?.url?.path
  return path === undefined ? `${what} ${code ?? '-'}` : `${what} ${path} ${code ?? '-'}`
}

/** An address longer than OCSF's ip_t takes stays a name. */
const addressOf = (text: string | undefined, port: number | undefined) =>
  text !== undefined && text.length > 40 && isIP(text) !== 0 ? { name: text } : endpoint(text, port)

/** A record that says none of this is no access log; a well-framed line always has an address. */
const TELLING = ['status', 'method', 'uri', 'requestLine', 'address'] as const

/**
 * The event of one clean record. `fields` is scratch space of the caller.
 * Throws KW_RECORD_UNMAPPED if the record is of something else, or its data is no object any more because
 * redaction replaced it whole.
 */
export function accessEvent(record: CleanRecord, meta: NormaliseMeta, fields: AccessFields): OcsfEvent {
  if (!isObject(record.data)) throw new KeywatchError('KW_RECORD_UNMAPPED', 'The record is not an object.')
  fields.load(record.data)
  const mcp = mcpOf(fields)
  if (mcp?.method === undefined && TELLING.every(field => fields.value(field) === undefined))
    throw new KeywatchError('KW_RECORD_UNMAPPED', 'The record has no request, status, address or MCP method.')
  const { request, malformed, host } = exchangeOf(fields)
  const status = fields.number('status')
  const seconds = fields.number('durationS')
  const duration = fields.number('durationMs') ?? (seconds === undefined ? undefined : seconds * 1000)
  const code = status !== undefined && status >= 0 && status < 1000 ? Math.trunc(status) : undefined
  const response: HttpResponse | undefined = code === undefined ? undefined : { code }
  const bytes = fields.number('bytes')
  if (response && bytes !== undefined && bytes >= 0) response.length = Math.trunc(bytes)
  if (response && duration !== undefined && duration >= 0) response.latency = Math.round(duration)
  const input: ApiActivity = {
    time: parseTime(fields.value('time')) ?? meta.receivedAt,
    raw: record.raw,
    status: outcome(code, mcp?.error),
    statusCode: code === undefined ? undefined : String(code),
    message: fields.text('message') ?? summary(request, malformed, code),
    keywatch: ownFields(fields, mcp, malformed === '' || mcp?.method ? undefined : malformed),
    request,
    response,
    src: addressOf(fields.text('address'), fields.number('port')),
    dst: host === undefined ? undefined : endpoint(host),
    actor: actorOf(fields, mcp?.client?.name),
    trace: traceOf(fields),
    duration,
    activity: 'other',
    activityName: undefined,
    api: { operation: mcp?.method ?? '' },
    resources: undefined
  }
  return mcp?.method === undefined ? httpActivity(input) : mcpEvent(input, mcp, mcp.method, host)
}
