/** The shapes of the API's answers, as OpenAPI 3.1 (JSON Schema 2020-12) components with examples. */
import { ERROR_CODES } from '../core/errors.ts'
import { CLASS_UIDS, OCSF_VERSION } from '../core/event.ts'

const FINGERPRINT = 'kwfp1.k1.Zm9vYmFyYmF6cXV4cXV1eA'
const UID = '018f6c1e-9d1c-7c4a-8b1d-0d5c6f1e2a3b'

export const EXAMPLES = {
  fingerprint: FINGERPRINT,
  uid: UID,
  cursor: 'ZTE3OTUzNDgwMDAwMDAuNDE',
  event: {
    class_uid: CLASS_UIDS.api_activity,
    category_uid: 6,
    activity_id: 99,
    activity_name: 'tools/call',
    type_uid: 600399,
    severity_id: 1,
    time: 1795348000000,
    metadata: {
      version: OCSF_VERSION,
      uid: UID,
      product: { name: 'Keywatch', vendor_name: 'Keywatch', version: '0.1.0' },
      profiles: [],
      logged_time: 1795348000120
    },
    actor: { user: { name: 'alice' } },
    api: { operation: 'tools/call' },
    src_endpoint: { ip: '192.0.2.10' },
    unmapped: {
      keywatch: {
        source: 'edge',
        source_type: 'mcp',
        action: 'mcp.tools/call',
        credentials: [
          {
            fingerprint: FINGERPRINT,
            type: 'github-pat',
            where: 'request.headers.authorization',
            use: 'presented'
          }
        ],
        mcp: { method: 'tools/call', tool: 'create_issue', server: { name: 'github-mcp-server' } }
      }
    }
  },
  summary: {
    fingerprint: FINGERPRINT,
    types: ['github-pat'],
    events: 12,
    presented: 11,
    exposed: 1,
    firstSeen: 1795000000000,
    lastSeen: 1795348000000,
    servers: ['github-mcp-server'],
    actors: ['alice'],
    ips: ['192.0.2.10'],
    sources: ['edge']
  },
  error: { error: { code: 'KW_QUERY_INVALID', message: 'from must not be later than to.' } },
  intake: { accepted: 100, quarantined: 0, duplicates: 0 }
} as const

const text = { type: 'string' } as const
const count = { type: 'integer', minimum: 0 } as const
const texts = { type: 'array', items: text } as const
const time = { type: 'integer', description: 'Milliseconds since 1970.' } as const
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const next = {
  type: ['string', 'null'],
  description: 'Give it back as `cursor` for the next page. Null: there is none.'
} as const

const object = (properties: Record<string, object>, required = Object.keys(properties)) => ({
  type: 'object',
  properties,
  required
})

export const SCHEMAS = {
  Event: {
    type: 'object',
    description: `One OCSF ${OCSF_VERSION} event; Keywatch's own fields stand under unmapped.keywatch.`,
    properties: {
      class_uid: { type: 'integer', enum: Object.values(CLASS_UIDS) },
      time,
      metadata: object({ uid: text, version: { const: OCSF_VERSION } }),
      unmapped: object({ keywatch: { type: 'object' } })
    },
    required: ['class_uid', 'time', 'metadata', 'unmapped'],
    examples: [EXAMPLES.event]
  },
  Unreadable: {
    ...object({ error: ref('ErrorDetail'), sequence: count, time }),
    description: 'Stands where the index knows an entry that the journal cannot read.'
  },
  EventPage: {
    ...object(
      {
        items: { type: 'array', items: { anyOf: [ref('Event'), ref('Unreadable')] } },
        next,
        scanned: {
          ...count,
          description: 'With `text`: events looked at. An empty page may have a next one.'
        },
        unreadable: { ...count, description: 'With `text`: events that the journal could not read.' }
      },
      ['items', 'next']
    ),
    examples: [{ items: [EXAMPLES.event], next: EXAMPLES.cursor }]
  },
  CredentialSummary: {
    ...object({
      fingerprint: text,
      types: texts,
      events: count,
      presented: count,
      exposed: count,
      firstSeen: time,
      lastSeen: time,
      servers: texts,
      actors: texts,
      ips: texts,
      sources: texts
    }),
    examples: [EXAMPLES.summary]
  },
  Lookup: {
    ...object({
      fingerprints: { ...texts, description: 'Of the secret, newest key first.' },
      items: { type: 'array', items: ref('CredentialSummary') },
      events: { type: 'array', items: { anyOf: [ref('Event'), ref('Unreadable')] } },
      next: { ...next, description: 'Goes on at /api/v1/events with the fingerprints as `credential`.' }
    }),
    examples: [
      {
        fingerprints: [FINGERPRINT],
        items: [EXAMPLES.summary],
        events: [EXAMPLES.event],
        next: null
      }
    ]
  },
  ErrorDetail: object({
    code: { type: 'string', enum: Object.keys(ERROR_CODES) },
    message: { ...text, description: 'For people; quotes nothing of the request.' }
  }),
  Error: { ...object({ error: ref('ErrorDetail') }), examples: [EXAMPLES.error] },
  IntakeResult: {
    ...object({ accepted: count, quarantined: count, duplicates: count }),
    examples: [EXAMPLES.intake]
  },
  Health: { ...object({ status: text }), examples: [{ status: 'ok' }] }
} as const
