/**
 * The document at /openapi.json: OpenAPI 3.1, written by hand beside the routes. A test holds it against the
 * routes that are registered, both ways, and makes the matrix of scopes from it.
 */
import { PRODUCT } from '../core/build.ts'
import { LEVELS } from '../core/finding.ts'
import {
  entry,
  errors,
  FILTERS,
  file,
  health,
  intake,
  json,
  needs,
  type Operation,
  OWN_AUTH,
  otlp,
  PAGE,
  page,
  path,
  query,
  RANGE,
  SOURCE,
  TEXT,
  text
} from './openapi-parts.ts'
import { EXAMPLES, SCHEMAS } from './openapi-schemas.ts'

const PATHS: Readonly<Record<string, Readonly<Partial<Record<'get' | 'post', Operation>>>>> = {
  '/hooks/{id}': {
    post: intake('send_hook', 'Webhook of a secret manager or other service', OWN_AUTH, [SOURCE])
  },
  '/ingest/{id}': { post: intake('send_logs', 'NDJSON or raw lines of logs', OWN_AUTH, [SOURCE]) },
  '/v1/logs': { post: otlp('logs') },
  '/v1/traces': { post: otlp('traces') },
  '/v1/metrics': { post: otlp('metrics') },
  '/api/v1/events': { get: page('list_events', 'Events', [...RANGE, ...FILTERS, TEXT, ...PAGE]) },
  '/api/v1/events/{id}': { get: entry('get_event', 'event') },
  '/api/v1/findings': {
    get: page('list_findings', 'Findings of the detectors', [
      ...RANGE,
      query('rule', 'Id of the detector.', text),
      query('level', 'Level of the finding.', { type: 'string', enum: LEVELS }, 'high'),
      ...PAGE
    ])
  },
  '/api/v1/findings/{id}': { get: entry('get_finding', 'finding') },
  '/api/v1/credentials/{fingerprint}': {
    get: {
      operationId: 'get_credential',
      summary: 'Everything known of one credential',
      tags: ['query'],
      security: needs('read'),
      parameters: [path('fingerprint', 'kwfp1.<key id>.<22 characters>', EXAMPLES.fingerprint)],
      responses: { 200: json('CredentialSummary', 'Its use.'), ...errors(400, 401, 403, 404, 429) }
    }
  },
  '/api/v1/credentials/lookup': {
    post: {
      operationId: 'lookup_credential',
      summary: 'The same for a secret that you hold',
      description:
        'The secret is fingerprinted in memory and not kept. Each lookup is audited by its fingerprints.',
      tags: ['query'],
      security: needs('lookup'),
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: {
              type: 'object',
              properties: { secret: { type: 'string', minLength: 1 } },
              required: ['secret'],
              additionalProperties: false
            },
            example: { secret: 'the value itself' }
          }
        }
      },
      responses: { 200: json('Lookup', 'What is known.'), ...errors(400, 401, 403, 413, 415, 429) }
    }
  },
  '/api/v1/tail': {
    get: {
      operationId: 'tail',
      summary: 'Live events or findings',
      description:
        'Server-Sent Events from the head of the journal on: `event: event|finding`, `id:` the sequence, `data:` one OCSF event. A comment every 15 seconds.',
      tags: ['query'],
      security: needs('read'),
      parameters: [
        query('journal', 'Which journal.', {
          type: 'string',
          enum: ['events', 'findings'],
          default: 'events'
        }),
        ...FILTERS,
        TEXT
      ],
      responses: {
        200: { description: 'The stream.', content: { 'text/event-stream': { schema: text } } },
        ...errors(400, 401, 403, 429, 503)
      }
    }
  },
  '/api/v1/status': {
    get: {
      operationId: 'get_status',
      summary: 'State of journals, sources, detectors, sinks',
      tags: ['operation'],
      security: needs('read'),
      responses: {
        200: { description: 'The state.', content: { 'application/json': { schema: { type: 'object' } } } },
        ...errors(400, 401, 403, 429)
      }
    }
  },
  '/metrics': {
    get: {
      operationId: 'get_metrics',
      summary: 'Prometheus metrics',
      tags: ['operation'],
      security: needs('read'),
      responses: {
        200: { description: 'Text format 0.0.4.', content: { 'text/plain': { schema: text } } },
        ...errors(401, 403, 429)
      }
    }
  },
  '/healthz': { get: health('get_health', 'Is the process alive?') },
  '/readyz': { get: health('get_readiness', 'Will intake accept?', { 503: json('Health', 'No.') }) },
  '/openapi.json': { get: file('get_openapi', 'This document', 'application/json') },
  '/': { get: file('get_console', 'The console', 'text/html') },
  '/console/{file}': {
    get: file('get_console_file', 'A file of the console', '*/*', [path('file', 'Name', 'console.css')])
  }
}

export const openapiDocument = {
  openapi: '3.1.0',
  info: {
    title: PRODUCT.name,
    version: PRODUCT.version,
    description:
      'Audit log of the credentials that MCP servers use. Lists answer {"items", "next"}; errors {"error": {"code", "message"}}.',
    license: { name: 'Apache-2.0', identifier: 'Apache-2.0' }
  },
  servers: [{ url: '/' }],
  tags: [{ name: 'intake' }, { name: 'query' }, { name: 'operation' }],
  paths: PATHS,
  components: {
    securitySchemes: {
      bearer: {
        type: 'http',
        scheme: 'bearer',
        description:
          'Scopes: ingest, read, lookup, admin (all of them). Without configured tokens, none is needed on loopback.'
      }
    },
    schemas: SCHEMAS
  }
}
