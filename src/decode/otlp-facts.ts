/**
 * Which attribute names mean the same: the one table of dialects. First name: the OpenTelemetry conventions
 * (semantic-conventions-genai `docs/gen-ai/mcp.md`, in development; semantic-conventions `docs/http`), then their earlier
 * names, then those of ToolHive, Envoy AI Gateway, Docker MCP gateway, agentgateway, LiteLLM, ContextForge.
 * An emitter may send two vocabularies on one span (ToolHive does by default): the earlier name in a row wins.
 *
 * One pass over the attributes with one Map lookup each is cheaper than asking for every name of every row.
 */
import type { Attributes } from './otlp-record.ts'

const NAMES = {
  method: ['mcp.method.name', 'mcp.method'],
  tool: ['gen_ai.tool.name', 'mcp.tool.name'],
  prompt: ['gen_ai.prompt.name', 'mcp.prompt.name'],
  resource: ['mcp.resource.uri', 'mcp.resource.id'],
  requestId: ['jsonrpc.request.id', 'mcp.request.id', 'rpc.jsonrpc.request_id'],
  session: ['mcp.session.id', 'http.request.header.mcp-session-id', 'Mcp-Session-Id', 'mcp_session_id'],
  protocolVersion: ['mcp.protocol.version', 'http.request.header.mcp-protocol-version'],
  transport: ['mcp.transport'],
  server: ['mcp.server.name', 'mcp.backend.name', 'mcp.target', 'mcp_server_name'],
  clientName: ['mcp.client.name'],
  clientVersion: ['mcp.client.version'],
  rpcStatus: ['rpc.response.status_code', 'rpc.jsonrpc.error_code', 'mcp.error.code'],
  errorType: ['error.type'],
  errorMessage: ['exception.message', 'rpc.jsonrpc.error_message', 'mcp.error.message', 'error.message'],
  exceptionType: ['exception.type'],
  genAiOperation: ['gen_ai.operation.name'],
  agent: ['gen_ai.agent.name'],

  /** Names too plain to prove MCP: they count only in a record that is MCP without them. */
  plainMethod: ['method'],
  plainTool: ['tool.name'],
  /** Headers of MCP 2026-07-28, where an HTTP instrumentation was told to record them. */
  headerMethod: ['http.request.header.mcp-method'],
  headerName: ['http.request.header.mcp-name'],

  httpMethod: ['http.request.method', 'http.method'],
  httpStatus: ['http.response.status_code', 'http.status_code', 'http.status'],
  url: ['url.full', 'http.url', 'url.original'],
  path: ['url.path', 'http.target', 'http.path'],
  query: ['url.query'],
  scheme: ['url.scheme', 'http.scheme'],
  route: ['http.route'],
  userAgent: ['user_agent.original', 'http.user_agent', 'http.request.header.user-agent'],
  forwarded: ['http.request.header.x-forwarded-for'],
  responseSize: ['http.response.body.size', 'http.response_content_length', 'http.response.size'],
  networkTransport: ['network.transport', 'net.transport'],
  networkProtocol: ['network.protocol.name', 'net.protocol.name', 'protocol'],
  networkVersion: ['network.protocol.version', 'net.protocol.version', 'http.flavor', 'http.version'],

  serverAddress: ['server.address', 'net.host.name', 'http.host', 'destination.address'],
  serverPort: ['server.port', 'net.host.port', 'destination.port'],
  clientAddress: ['client.address', 'http.client_ip', 'source.address', 'client.ip', 'src.addr'],
  clientPort: ['client.port', 'source.port'],
  /** The other end of the connection, whichever side wrote the record. */
  peerAddress: ['network.peer.address', 'net.sock.peer.addr', 'net.peer.ip', 'net.peer.name'],
  peerPort: ['network.peer.port', 'net.sock.peer.port', 'net.peer.port'],

  userId: ['user.id', 'enduser.id', 'enduser.pseudo.id', 'jwt.sub'],
  userName: ['user.name', 'user.full_name', 'agentgateway.user', 'user'],
  userEmail: ['user.email'],
  sessionId: ['session.id'],
  eventName: ['event.name'],
  eventId: ['event.id', 'log.record.uid'],
  environment: ['deployment.environment.name', 'deployment.environment']
} as const satisfies Record<string, readonly string[]>

export type Fact = keyof typeof NAMES
const FACTS = Object.keys(NAMES) as Fact[] // the keys of NAMES are its type's keys
/** The first name of every row: what an operator's own name can be said to mean. */
export const CANONICAL: readonly string[] = FACTS.map(fact => NAMES[fact][0])

const RANKS = 16

/** Attribute name → place of its fact and rank of the name, in one number. */
export type Vocabulary = ReadonlyMap<string, number>

/** The table with an operator's own names (name → canonical name) added behind those that are built in. */
export function vocabulary(extra: Readonly<Record<string, string>> = {}): Vocabulary {
  const found = new Map<string, number>()
  FACTS.forEach((fact, place) => {
    NAMES[fact].forEach((name, rank) => {
      found.set(name, place * RANKS + rank)
    })
  })
  for (const [name, canonical] of Object.entries(extra)) {
    const entry = found.get(canonical)
    if (entry !== undefined) found.set(name, entry + RANKS - 2)
  }
  return found
}

/** Longest text that an event's field takes from a record. */
export const TEXT_MAX = 1024

const PLACE = Object.fromEntries(FACTS.map((fact, place) => [fact, place])) as Record<Fact, number> // all facts

/** What one record says, whatever names it used. */
export class Facts {
  readonly #values: unknown[] = new Array<unknown>(FACTS.length).fill(undefined)
  readonly #ranks = new Uint8Array(FACTS.length).fill(RANKS)
  /** A name that only MCP has was seen. */
  mcp = false
  /** A text was cut to TEXT_MAX. */
  cut = false

  /** Takes the facts of these attributes; a name of lower rank, or what came first, wins. */
  gather(attributes: Attributes, names: Vocabulary): void {
    for (const name in attributes) {
      const entry = names.get(name)
      if (entry === undefined) continue
      const place = entry >> 4
      const rank = entry & (RANKS - 1)
      if (rank >= this.#ranks[place]!) continue
      this.#values[place] = attributes[name]
      this.#ranks[place] = rank
      if (name.startsWith('mcp.')) this.mcp = true
    }
  }

  /** Sets a fact that is not known yet. */
  offer(fact: Fact, value: unknown): void {
    const place = PLACE[fact]
    if (value !== undefined && this.#ranks[place] === RANKS) {
      this.#values[place] = value
      this.#ranks[place] = RANKS - 1
    }
  }

  /** A fact as text: scalars, or the first item of a list, cut to TEXT_MAX. Undefined if absent or empty. */
  text(fact: Fact): string | undefined {
    let value = this.#values[PLACE[fact]]
    if (Array.isArray(value)) value = value[0]
    if (typeof value === 'number' || typeof value === 'boolean') return String(value)
    if (typeof value !== 'string' || value === '') return undefined
    return this.short(value)
  }

  /** Any text, cut to TEXT_MAX. */
  short(value: string): string {
    if (value.length <= TEXT_MAX) return value
    this.cut = true
    return value.slice(0, TEXT_MAX)
  }

  /** A fact as an integer, also where it was sent as text. */
  integer(fact: Fact): number | undefined {
    let value = this.#values[PLACE[fact]]
    if (Array.isArray(value)) value = value[0]
    if (typeof value === 'string' && /^-?\d{1,15}$/.test(value)) value = Number(value)
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined
  }
}
