/**
 * Under which names do access logs keep the same thing? One table: canonical field -> the names that
 * proxies, gateways and the OpenTelemetry conventions use for it, best first. A dot is a nested object or a
 * flat key with the dot in it; both are found. A record is walked once, each of its keys looked up once,
 * and what the table does not know is left alone, so no key of a record can reach a prototype.
 */
import { isObject } from './json.ts'

const ALIASES = {
  time: 'msec time timestamp @timestamp ts time_iso8601 time_local datetime date event_time start_time StartUTC',
  message: 'msg message',
  method:
    'request.method request_method method http_method http.request.method http.method httpMethod requestMethod RequestMethod verb',
  uri: 'request.uri request_uri request.path request.url uri path url url.full url.path http.target http.url request_path RequestPath',
  query: 'request.query query_string query args url.query request.query_string',
  requestLine: 'request request_line',
  protocol:
    'request.protocol server_protocol protocol request.proto proto http_version RequestProtocol network.protocol.version',
  scheme: 'request.scheme scheme url.scheme RequestScheme',
  status:
    'response.status response.status_code status status_code statusCode http.response.status_code http.status_code http_status response_code response.code DownstreamStatus',
  bytes:
    'response.bytes body_bytes_sent bytes_sent bytes response.size response_size size http.response.body.size DownstreamContentSize',
  durationMs:
    'response.duration_ms duration_ms latency_ms elapsed_ms response_time_ms durationMs latencyMs request.duration_ms',
  durationS: 'request_time response.duration_s duration_s',
  address:
    'request.remote_addr remote_addr client_ip clientIp clientIP remote_ip request.remote_ip request.client_ip client.address client.ip source.ip remote_address request.remote_address ClientHost src_ip http.client_ip network.peer.address net.peer.ip ip',
  port: 'remote_port request.remote_port client.port source.port',
  userAgent:
    'request.user_agent request.headers.user-agent http_user_agent user_agent userAgent user_agent.original http.user_agent agent',
  referrer: 'request.headers.referer http_referer referer referrer request.referer http.request.referrer',
  forwarded: 'request.headers.x-forwarded-for http_x_forwarded_for x_forwarded_for xff forwarded_for',
  host: 'request.headers.host request.host host http_host server_name server.address url.domain vhost RequestHost',
  requestId:
    'request.id request_id req_id requestId x_request_id request.headers.x-request-id http.request.id',
  user: 'actor.user actor.user.name actor.user.email actor.user.id actor.name actor.email actor.id remote_user user user.name user.email user.id username user_name request.remote_user enduser.id',
  team: 'actor.team actor.user.team team',
  environment: 'environment deployment.environment.name deployment.environment',
  traceId: 'trace_id traceId trace.id traceID',
  traceparent: 'traceparent request.headers.traceparent',
  mcpMethod:
    'mcp.method mcp.method.name mcp.method_name mcp_method request.headers.mcp-method rpc_method jsonrpc_method',
  mcpName: 'mcp.name mcp_name request.headers.mcp-name params.name params.uri',
  tool: 'mcp.tool mcp.tool.name mcp.tool_name mcp_tool gen_ai.tool.name tool.name tool_name tool',
  prompt: 'mcp.prompt mcp.prompt.name mcp_prompt gen_ai.prompt.name',
  resource: 'mcp.resource mcp.resource.uri mcp.resource_uri mcp.resource.id mcp_resource',
  rpcId: 'mcp.jsonrpc_id mcp.request_id mcp.request.id jsonrpc.request.id jsonrpc_id rpc_id mcp.id',
  session: 'mcp.session mcp.session.id mcp.session_id mcp_session_id request.headers.mcp-session-id',
  protocolVersion:
    'mcp.protocol_version mcp.protocol.version mcp_protocol_version request.headers.mcp-protocol-version',
  transport: 'mcp.transport mcp_transport',
  mcpError: 'mcp.error mcp.error.code mcp.error_code jsonrpc_error_code rpc.jsonrpc.error_code error.code',
  isError: 'mcp.is_error mcp.isError mcp.result.isError',
  server: 'mcp.server mcp.server.name mcp.server_name mcp_server mcp_server_name mcp.backend.name mcp.target',
  client: 'mcp.client mcp.client.name mcp.client_name mcp_client mcp_client_name',
  clientVersion: 'mcp.client.version mcp.client_version mcp_client_version'
} as const

export type AccessField = keyof typeof ALIASES
const FIELDS = Object.keys(ALIASES)

interface Node {
  /** Index of the field that this name stands for; -1 for none. */
  slot: number
  /** 1 is the best name of its field. */
  rank: number
  children: Map<string, Node> | undefined
  /** Names below are HTTP header names: their case says nothing. */
  folded: boolean
}

const newNode = (): Node => ({ slot: -1, rank: 0, children: undefined, folded: false })

function plant(root: Node, path: readonly string[], slot: number, rank: number): void {
  let node = root
  for (const name of path) {
    node.children ??= new Map()
    let child = node.children.get(name)
    if (child === undefined) {
      child = newNode()
      child.folded = name === 'headers'
      node.children.set(name, child)
    }
    node = child
  }
  if (node.slot === -1) Object.assign(node, { slot, rank })
}

function tree(): Node {
  const root = newNode()
  for (const [slot, field] of FIELDS.entries()) {
    const names = ALIASES[field as AccessField].split(' ')
    for (const [at, name] of names.entries()) {
      plant(root, name.split('.'), slot, at + 1)
      if (name.includes('.')) plant(root, [name], slot, at + 1)
    }
  }
  return root
}

const ROOT = tree()
const SLOT: Readonly<Record<AccessField, number>> = Object.fromEntries(
  FIELDS.map((field, slot) => [field, slot])
) as Record<AccessField, number>

/** Keys of a record whose order is remembered, and how long one may be. */
const ORDER_MAX = 128
const KEY_LENGTH_MAX = 80

const NO_NAMES: ReadonlyMap<string, Node> = new Map()

/** A log writes a missing value as `-`, nginx with escape=json as nothing. */
const isMissing = (value: unknown) => value === '' || value === '-' || value === null || value === undefined

/** The fields of one record at a time: `load` it, then ask. Reused, so that a record costs no garbage. */
export class AccessFields {
  private readonly values: unknown[] = FIELDS.map(() => undefined)
  /** The keys met so far in this record. */
  private met = 0
  private readonly keys: (string | undefined)[] = new Array(ORDER_MAX).fill(undefined)
  private readonly parents: (Node | undefined)[] = new Array(ORDER_MAX).fill(undefined)
  private readonly nodes: (Node | undefined)[] = new Array(ORDER_MAX).fill(undefined)
  private readonly ranks = new Uint8Array(FIELDS.length)

  /** Takes over the fields of a record; those of the record before are forgotten. */
  load(data: Readonly<Record<string, unknown>>): void {
    this.values.fill(undefined)
    this.ranks.fill(0)
    this.met = 0
    this.walk(ROOT, data)
  }

  /** As deep as the table, however deep the record is. */
  private walk(node: Node, data: Readonly<Record<string, unknown>>): void {
    for (const key in data) {
      const at = this.met++
      let child: Node | undefined
      if (at < ORDER_MAX && this.keys[at] === key && this.parents[at] === node) child = this.nodes[at]
      else child = this.find(node, key, at)
      if (child === undefined) continue
      const value = data[key]
      if (isObject(value)) {
        if (child.children !== undefined) this.walk(child, value)
      } else if (child.slot !== -1) this.offer(child.slot, child.rank, value)
    }
  }

  /** What the table has for a key; remembered for the next record, which mostly has its keys in the same order. */
  private find(node: Node, key: string, at: number): Node | undefined {
    const names = node.children ?? NO_NAMES
    const child = names.get(key) ?? (node.folded ? names.get(key.toLowerCase()) : undefined)
    if (at < ORDER_MAX && key.length <= KEY_LENGTH_MAX) {
      this.keys[at] = key
      this.parents[at] = node
      this.nodes[at] = child
    }
    return child
  }

  private offer(slot: number, rank: number, given: unknown): void {
    // Header values may come as lists.
    const value: unknown = Array.isArray(given) ? given[0] : given
    if (isMissing(value) || typeof value === 'object') return
    const known = this.ranks[slot] ?? 0
    if (known !== 0 && known <= rank) return
    this.values[slot] = value
    this.ranks[slot] = rank
  }

  /** The value as it stands: text, number or boolean. */
  value(field: AccessField): unknown {
    return this.values[SLOT[field]]
  }

  /** The value as text; undefined if it is missing. */
  text(field: AccessField): string | undefined {
    const value = this.values[SLOT[field]]
    return typeof value === 'string' ? value : value === undefined ? undefined : String(value)
  }

  /** The value as a finite number, which a log may have quoted; undefined if it is none. */
  number(field: AccessField): number | undefined {
    const value = this.values[SLOT[field]]
    if (value === undefined || typeof value === 'boolean') return undefined
    const number = Number(value)
    return Number.isFinite(number) ? number : undefined
  }
}
