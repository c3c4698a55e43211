/**
 * Is a record an MCP message, and which? The method is written out (`mcp.method.name`), or follows from a span name
 * (Envoy AI Gateway `CallTool`, Docker MCP gateway `mcp.tool.call`), or from what the record is about.
 * Methods: modelcontextprotocol.io/specification, revisions 2024-11-05 to 2026-07-28.
 */
import type { McpFields } from '../core/event.ts'
import type { Facts } from './otlp-facts.ts'

const METHODS: ReadonlySet<string> = new Set(
  (
    'initialize ping server/discover tools/list tools/call resources/list resources/read resources/templates/list ' +
    'resources/subscribe resources/unsubscribe subscriptions/listen prompts/list prompts/get completion/complete ' +
    'logging/setLevel roots/list sampling/createMessage elicitation/create tasks/get tasks/list tasks/result tasks/cancel'
  ).split(' ')
)

/** Sent by the server to the client: there the roles of the two ends are exchanged. */
const TO_CLIENT: ReadonlySet<string> = new Set(['sampling/createMessage', 'elicitation/create', 'roots/list'])

const READS: ReadonlySet<string> = new Set([
  'server/discover',
  'tools/list',
  'resources/list',
  'resources/read',
  'resources/templates/list',
  'prompts/list',
  'prompts/get',
  'roots/list',
  'tasks/get',
  'tasks/list',
  'tasks/result'
])

const SPAN_NAMES: ReadonlyMap<string, string> = new Map([
  // Envoy AI Gateway, internal/tracing/mcp.go
  ['Initialize', 'initialize'],
  ['ListTools', 'tools/list'],
  ['CallTool', 'tools/call'],
  ['ListPrompts', 'prompts/list'],
  ['GetPrompt', 'prompts/get'],
  ['ListResources', 'resources/list'],
  ['ReadResource', 'resources/read'],
  ['ListResourceTemplates', 'resources/templates/list'],
  ['Subscribe', 'resources/subscribe'],
  ['Unsubscribe', 'resources/unsubscribe'],
  ['SetLoggingLevel', 'logging/setLevel'],
  ['Complete', 'completion/complete'],
  ['Ping', 'ping'],
  // Docker MCP gateway, pkg/telemetry/telemetry.go
  ['mcp.initialize', 'initialize'],
  ['mcp.tool.call', 'tools/call'],
  ['mcp.prompt.get', 'prompts/get'],
  ['mcp.resource.read', 'resources/read'],
  ['mcp.list.tools', 'tools/list'],
  ['mcp.list.prompts', 'prompts/list'],
  ['mcp.list.resources', 'resources/list'],
  ['mcp.list.resource_templates', 'resources/templates/list']
])

/**
 * The JSON-RPC method of a record, or undefined if the record is not an MCP message. The `Mcp-Method` header of an HTTP
 * span is as good as the message: where both are sent, both are events, as with a proxy's log beside a server's.
 */
export function mcpMethod(facts: Facts, name: string): string | undefined {
  const written = facts.text('method')
  if (written !== undefined) return written
  const header = facts.text('headerMethod')
  if (header !== undefined) return header
  const plain = facts.text('plainMethod')
  if (plain !== undefined && METHODS.has(plain)) return plain
  const dialect = facts.mcp || facts.text('networkProtocol') === 'mcp'
  if (!dialect && !name.startsWith('mcp.')) return undefined
  const named = SPAN_NAMES.get(name)
  if (named !== undefined) return named
  // An HTTP span may carry a session or a target without being the message itself.
  if (!dialect || facts.text('httpMethod') !== undefined) return undefined
  if (facts.text('tool') !== undefined || facts.text('plainTool') !== undefined) return 'tools/call'
  if (facts.text('prompt') !== undefined) return 'prompts/get'
  return facts.text('resource') === undefined ? undefined : 'resources/read'
}

const METHOD = /^[A-Za-z][A-Za-z0-9_.-]{0,31}(?:\/[A-Za-z0-9_.-]{1,63}){0,3}$/
/** `mcp.<method>`; `mcp.other` where the sender's text cannot be a method. */
export const mcpAction = (method: string): string => `mcp.${METHOD.test(method) ? method : 'other'}`

/** True if the server is the one that asks. */
export const isToClient = (method: string): boolean => TO_CLIENT.has(method)

/** Activity of a method: reads, or another with its name. */
export function mcpActivity(method: string): { activity: 'read' | 'other'; activityName?: string } {
  if (READS.has(method)) return { activity: 'read' }
  return { activity: 'other', activityName: method.startsWith('notifications/') ? 'Notify' : 'Invoke' }
}

function transport(facts: Facts): string | undefined {
  const told = facts.text('transport')
  if (told !== undefined) return told
  if (facts.text('networkTransport') === 'pipe') return 'stdio'
  return facts.text('networkProtocol') === 'http' ? 'http' : undefined
}

/** `unmapped.keywatch.mcp` of a record; undefined if nothing in it is about MCP. `method`: as mcpMethod found it. */
export function mcpFields(
  facts: Facts,
  method: string | undefined,
  server: string | undefined
): McpFields | undefined {
  const session = facts.text('session')
  if (method === undefined && session === undefined && !facts.mcp) return undefined
  const target = facts.text('headerName')
  const fields: McpFields = {}
  if (method !== undefined) fields.method = method
  const tool = facts.text('tool') ?? facts.text('plainTool') ?? (method === 'tools/call' ? target : undefined)
  if (tool !== undefined) fields.tool = tool
  const prompt = facts.text('prompt') ?? (method === 'prompts/get' ? target : undefined)
  if (prompt !== undefined) fields.prompt = prompt
  const resource = facts.text('resource') ?? (method === 'resources/read' ? target : undefined)
  if (resource !== undefined) fields.resource = resource
  const requestId = facts.text('requestId')
  if (requestId !== undefined) fields.request_id = requestId
  if (session !== undefined) fields.session = session
  const version = facts.text('protocolVersion')
  if (version !== undefined) fields.protocol_version = version
  const way = transport(facts)
  if (way !== undefined) fields.transport = way
  const error = facts.text('rpcStatus') ?? facts.text('errorType')
  if (error !== undefined && error !== '0') fields.error = error
  if (server !== undefined) fields.server = { name: server }
  const client = facts.text('clientName')
  if (client !== undefined) {
    const clientVersion = facts.text('clientVersion')
    fields.client = clientVersion === undefined ? { name: client } : { name: client, version: clientVersion }
  }
  return fields
}
