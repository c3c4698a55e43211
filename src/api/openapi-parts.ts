/** The building blocks of the OpenAPI document: parameters, error answers, and the kinds of operation there are. */
import { CLASS_UIDS } from '../core/event.ts'
import type { Scope } from '../core/settings.ts'
import { EXAMPLES, type SCHEMAS } from './openapi-schemas.ts'

interface Parameter {
  readonly name: string
  readonly in: 'query' | 'path'
  readonly description: string
  readonly schema: object
  readonly required?: boolean
  readonly example?: unknown
}
export interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  /** Empty: open. One scope otherwise. */
  readonly security: readonly { readonly bearer: readonly Scope[] }[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: object
  readonly responses: Readonly<Record<string, object>>
}

const open: Operation['security'] = []
export const needs = (scope: Scope): Operation['security'] => [{ bearer: [scope] }]

export const query = (name: string, description: string, schema: object, example?: unknown): Parameter => ({
  name,
  in: 'query',
  description,
  schema,
  ...(example === undefined ? {} : { example })
})
export const path = (name: string, description: string, example: string): Parameter => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string' },
  example
})

export const text = { type: 'string' }
const TIME = 'ISO 8601 (UTC where no offset is given), milliseconds since 1970, or relative (-15m, -1h, -7d).'
export const RANGE = [
  query('from', `Not earlier than. ${TIME}`, text, '-1h'),
  query('to', `Earlier than. ${TIME}`, text, '2026-11-22T00:00:00Z')
]
export const PAGE = [
  query('limit', 'Rows per page; the configuration sets the most.', {
    type: 'integer',
    minimum: 1,
    default: 100
  }),
  query('cursor', '`next` of the page before.', text, EXAMPLES.cursor)
]
export const FILTERS = [
  query('class', `Class uid or name: ${Object.keys(CLASS_UIDS).join(', ')}.`, text, 'api_activity'),
  query('actor', 'Name, id or e-mail of who did it; `*` at either end stands for anything.', text, 'alice'),
  query(
    'server',
    'Name of the MCP server or host; `*` at either end stands for anything.',
    text,
    'github-mcp-server'
  ),
  query('ip', 'Source address.', text, '192.0.2.10'),
  query(
    'credential',
    'Fingerprint; may be given several times: any of them.',
    { type: 'array', items: text },
    [EXAMPLES.fingerprint]
  ),
  query('source', 'Id of the source in the configuration.', text, 'edge'),
  query('action', 'Normalised action.', text, 'secret.updated'),
  query(
    'secret',
    'Name or path of a secret in its manager; `*` at either end stands for anything.',
    text,
    'prod/db'
  ),
  query('status', 'HTTP status code.', { type: 'integer', minimum: 0, maximum: 999 }, 401)
]
export const TEXT = query(
  'text',
  'Substring of any value, ignoring case. Scans the journal newest first, a bounded part per request: go on with `next`.',
  text,
  'create_issue'
)

const ref = (name: keyof typeof SCHEMAS) => ({ $ref: `#/components/schemas/${name}` })
export const json = (name: keyof typeof SCHEMAS, description: string) => ({
  description,
  content: { 'application/json': { schema: ref(name) } }
})
const ERRORS: Readonly<Record<string, string>> = {
  400: 'A parameter or the body is wrong.',
  401: 'No token, or an unknown one.',
  403: 'The token lacks the scope; or, without tokens, the Host or Origin is foreign.',
  404: 'There is no such thing.',
  405: 'The path does not take this method.',
  413: 'The body is too large.',
  415: 'The content type or content encoding is not taken.',
  429: 'Too many; see Retry-After.',
  503: 'Not now; nothing was accepted. See Retry-After.'
}
export const errors = (...statuses: number[]) =>
  Object.fromEntries(statuses.map(status => [String(status), json('Error', ERRORS[status] ?? '')]))

export const entry = (operationId: string, what: string): Operation => ({
  operationId,
  summary: `One ${what}`,
  tags: ['query'],
  security: needs('read'),
  parameters: [path('id', `metadata.uid of the ${what}`, EXAMPLES.uid)],
  responses: { 200: json('Event', `The ${what}.`), ...errors(400, 401, 403, 404, 429) }
})

export const intake = (
  operationId: string,
  summary: string,
  description: string,
  parameters: Parameter[]
): Operation => ({
  operationId,
  summary,
  description: `${description} Answered only when everything is durable. Content-Encoding gzip, deflate, zstd or none.`,
  tags: ['intake'],
  security: needs('ingest'),
  parameters,
  requestBody: { required: true, content: { '*/*': { schema: { type: 'string', format: 'binary' } } } },
  responses: {
    200: json('IntakeResult', 'Durable.'),
    ...errors(400, 401, 403, 404, 405, 413, 415, 429, 503)
  }
})
export const SOURCE = path('id', 'Id of the source in the configuration', 'doppler-prod')
export const OWN_AUTH = 'A source with its own signature or secret needs no token.'
export const otlp = (signal: string) =>
  intake(
    `send_otlp_${signal}`,
    `OTLP/HTTP ${signal}`,
    `Protobuf or JSON; answers and errors in the encoding of the request. ${OWN_AUTH}`,
    []
  )

export const health = (operationId: string, summary: string, more: object = {}): Operation => ({
  operationId,
  summary,
  tags: ['operation'],
  security: open,
  responses: { 200: json('Health', 'Yes.'), ...more }
})

export const page = (operationId: string, summary: string, parameters: Parameter[]): Operation => ({
  operationId,
  summary,
  tags: ['query'],
  security: needs('read'),
  parameters,
  responses: { 200: json('EventPage', 'Newest first.'), ...errors(400, 401, 403, 429) }
})

export const file = (
  operationId: string,
  summary: string,
  type: string,
  parameters: Parameter[] = []
): Operation => ({
  operationId,
  summary,
  tags: ['operation'],
  security: open,
  parameters,
  responses: { 200: { description: 'The file.', content: { [type]: {} } } }
})
