/**
 * One MCP exchange and how each observer writes it down: the edge proxy (nginx `combined`), the gateway (JSON), the server
 * (an OpenTelemetry span and a log record, attributes of semantic-conventions-genai `docs/gen-ai/mcp.md`), and what a
 * secret manager says of a change (Doppler's activity log document). Times are milliseconds since 1970.
 */
import type { Header } from './credentials.ts'
import type { Server } from './fleet.ts'

export const CHANNELS = ['access-log', 'gateway', 'doppler', 'otlp-logs', 'otlp-traces'] as const
/** Who reports: each has a body format of its own. */
export type Channel = (typeof CHANNELS)[number]

export interface TrafficRecord {
  readonly channel: Channel
  readonly time: number
  /** A log line, or the JSON text of one event, webhook body, span or log record. */
  readonly text: string
  /** OTLP: the server that wrote it. */
  readonly server?: string
}

export interface Exchange {
  /** When the answer went out. */
  readonly time: number
  readonly durationMs: number
  readonly address: string
  readonly userAgent: string
  readonly client: string
  /** Who the credential belongs to; absent where nobody could be told. */
  readonly user?: string
  readonly team?: string
  readonly server: Pick<Server, 'name' | 'host' | 'path' | 'environment'>
  readonly httpMethod: 'GET' | 'POST'
  /** Path and query; default the server's path. */
  readonly target?: string
  readonly method: string
  readonly tool?: string
  readonly status: number
  readonly bytes: number
  /** JSON-RPC error code of an answer that HTTP calls a success. */
  readonly rpcError?: number
  readonly header?: Header
  readonly session?: string
  readonly requestId: string
  readonly rpcId: number
  /** 32 and 16 hex digits. */
  readonly traceId: string
  readonly spanId: string
  readonly arguments?: string
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `22/Nov/2026:04:31:14 +0000`. */
function clfTime(ms: number): string {
  const iso = new Date(ms).toISOString()
  const month = MONTHS[Number(iso.slice(5, 7)) - 1] ?? ''
  return `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`
}

/** A line of nginx `combined` for any request. */
export function accessLine(request: {
  readonly time: number
  readonly address: string
  readonly httpMethod: string
  readonly target: string
  readonly status: number
  readonly bytes: number
  readonly userAgent: string
}): TrafficRecord {
  const { time, address, httpMethod, target, status, bytes, userAgent } = request
  const text = `${address} - - [${clfTime(time)}] "${httpMethod} ${target} HTTP/1.1" ${status} ${bytes} "-" "${userAgent}"`
  return { channel: 'access-log', time, text }
}

const targetOf = (exchange: Exchange): string => exchange.target ?? exchange.server.path

/** The edge proxy's line. */
export const edgeRecord = (exchange: Exchange): TrafficRecord =>
  accessLine({ ...exchange, target: targetOf(exchange) })

/** What was called: `tools/call search_issues`. */
const operation = ({ method, tool }: Exchange): string => (tool === undefined ? method : `${method} ${tool}`)

/** The gateway's event. */
export function gatewayRecord(exchange: Exchange): TrafficRecord {
  const { time, server, status, durationMs, address, header, session } = exchange
  const text = JSON.stringify({
    time: new Date(time).toISOString(),
    msg: `${exchange.httpMethod} ${operation(exchange)} -> ${status} in ${durationMs}ms`,
    request: {
      id: exchange.requestId,
      method: exchange.httpMethod,
      path: targetOf(exchange),
      remote_addr: address,
      user_agent: exchange.userAgent,
      headers: {
        host: server.host,
        ...(header && { [header.name]: header.value }),
        'content-type': 'application/json',
        ...(session !== undefined && { 'mcp-session-id': session }),
        'x-forwarded-for': address
      }
    },
    response: { status, bytes: exchange.bytes, duration_ms: durationMs },
    mcp: {
      server: server.name,
      method: exchange.method,
      ...(exchange.tool !== undefined && { tool: exchange.tool }),
      jsonrpc_id: exchange.rpcId,
      client: exchange.client,
      ...(exchange.rpcError !== undefined && { error: exchange.rpcError })
    },
    ...(exchange.user !== undefined && { actor: { user: exchange.user, team: exchange.team } })
  })
  return { channel: 'gateway', time, text }
}

const text = (key: string, value: string) => ({ key, value: { stringValue: value } })
const int = (key: string, value: number) => ({ key, value: { intValue: String(value) } })
const list = (key: string, value: string) => ({
  key,
  value: { arrayValue: { values: [{ stringValue: value }] } }
})

function messageAttributes(exchange: Exchange) {
  const { tool, session, rpcError, user } = exchange
  return [
    text('mcp.method.name', exchange.method),
    ...(tool === undefined
      ? []
      : [text('gen_ai.operation.name', 'execute_tool'), text('gen_ai.tool.name', tool)]),
    text('jsonrpc.request.id', String(exchange.rpcId)),
    ...(session === undefined ? [] : [text('mcp.session.id', session)]),
    ...(rpcError === undefined
      ? []
      : [text('rpc.response.status_code', String(rpcError)), text('error.type', String(rpcError))]),
    ...(user === undefined ? [] : [text('user.id', user)])
  ]
}

/** `ms` as nanoseconds; JSON has them as text. */
const nanos = (ms: number): string => `${ms}000000`

/** The server's span: of what was let through to it. */
export function spanRecord(exchange: Exchange): TrafficRecord {
  const { time, durationMs, server, header } = exchange
  const span = {
    traceId: exchange.traceId,
    spanId: exchange.spanId,
    name: operation(exchange),
    kind: 2,
    startTimeUnixNano: nanos(time - durationMs),
    endTimeUnixNano: nanos(time),
    attributes: [
      ...messageAttributes(exchange),
      text('network.transport', 'tcp'),
      text('network.protocol.name', 'http'),
      text('client.address', exchange.address),
      text('server.address', server.host),
      int('server.port', 443),
      int('http.response.status_code', exchange.status),
      text('user_agent.original', exchange.userAgent),
      ...(header === undefined ? [] : [list(`http.request.header.${header.name}`, header.value)]),
      ...(exchange.arguments === undefined ? [] : [text('gen_ai.tool.call.arguments', exchange.arguments)])
    ],
    status: exchange.rpcError === undefined ? {} : { code: 2 }
  }
  // An event's time is that of the span's start.
  return { channel: 'otlp-traces', time: time - durationMs, text: JSON.stringify(span), server: server.name }
}

/** A line of the server's own log. */
export function logRecord(exchange: Exchange): TrafficRecord {
  const { time, rpcError, server } = exchange
  const failed = rpcError !== undefined
  const record = {
    timeUnixNano: nanos(time),
    observedTimeUnixNano: nanos(time),
    severityNumber: failed ? 13 : 9,
    severityText: failed ? 'WARN' : 'INFO',
    body: {
      stringValue: `${operation(exchange)} ${failed ? `failed with ${rpcError}` : 'finished'} in ${exchange.durationMs}ms`
    },
    attributes: [...messageAttributes(exchange), text('client.address', exchange.address)],
    traceId: exchange.traceId,
    spanId: exchange.spanId
  }
  return { channel: 'otlp-logs', time, text: JSON.stringify(record), server: server.name }
}

export interface SecretChange {
  readonly time: number
  readonly slug: string
  readonly user: string
  readonly project: string
  readonly config: string
  readonly secret: string
}

/** A document of Doppler's activity log, which has an actor and a time (its plain webhook has neither). */
export function changeRecord({ time, slug, user, project, config, secret }: SecretChange): TrafficRecord {
  const text = JSON.stringify({
    source: 'doppler',
    slug,
    type: 'enclave.project.config.secrets.update',
    title: `Activity Log: ${slug}`,
    text: `Modified secrets in <strong>${project}/${config}</strong>`,
    createdAt: new Date(time).toISOString(),
    user: { name: user.split('@')[0], email: user, username: user },
    workplace: { id: 'fake-workplace', name: 'Example Company' },
    metadata: { projectId: project, projectName: project, configName: config, diff: { updated: [secret] } }
  })
  return { channel: 'doppler', time, text }
}
