/** What must stay as it is, to the byte: an audit log without names, ids and digests is worth nothing. */
import { describe, expect, it } from 'vitest'
import { fake } from '../../src/redact/rules/rule.ts'
import { redactor } from './support.ts'

const uuid = '4bf92f35-77b3-4da6-a3ce-929d0e0e4736'
const sha256 = fake(64, 'hex')

const HARMLESS: [string, unknown][] = [
  [
    'trace and span ids',
    {
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      span_id: '00f067aa0ba902b7',
      traceparent: `00-${fake(32, 'hex')}-${fake(16, 'hex')}-01`
    }
  ],
  ['uuids', { id: uuid, request_id: uuid, 'x-request-id': uuid, session_id: uuid }],
  [
    'digests',
    {
      sha256,
      digest: `sha256:${sha256}`,
      image: `ghcr.io/acme/app@sha256:${sha256}`,
      integrity: `sha512-${fake(86)}==`
    }
  ],
  ['etags', { etag: `W/"${fake(27)}"`, 'if-none-match': `"${fake(32, 'hex')}"` }],
  [
    'cursors',
    {
      cursor: fake(40),
      nextCursor: fake(40),
      next_page_token: fake(40),
      nextPageToken: 'CAUQAA',
      continuationToken: fake(60),
      progressToken: 7
    }
  ],
  [
    'counts of tokens',
    {
      max_tokens: 100,
      'gen_ai.usage.input_tokens': 12,
      'gen_ai.usage.output_tokens': 7,
      prompt_tokens: 3,
      completion_tokens: 4,
      total_tokens: 7,
      maxTokens: '100',
      tokens: 150
    }
  ],
  [
    'types of tokens',
    {
      token_type: 'Bearer',
      tokenType: 'bearer',
      grant_type: 'client_credentials',
      auth_method: 'token',
      token_endpoint: 'https://idp.example.com/token',
      expires_in: 3600,
      token_ttl: '1h'
    }
  ],
  [
    'words that only sound so',
    {
      author: 'jane',
      authority: 'acme',
      tokenizer: 'cl100k_base',
      keyboard: 'qwerty',
      monkey: 'see',
      passed: true,
      bypass: false,
      compass: 'north',
      passenger: 'bob',
      secretary: 'alice'
    }
  ],
  [
    'names of secrets',
    {
      secretName: 'prod/db',
      secret_name: 'prod/db',
      secret: 'prod/db',
      secrets: ['DB_PASSWORD', 'STRIPE_KEY'],
      secretId: 'prod/db',
      secret_path: '/prod/db',
      key_id: 'k-17',
      keyName: 'signing',
      public_key: 'ssh-ed25519 AAAAC3Nza'
    }
  ],
  [
    'resource names',
    {
      arn: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf',
      secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf',
      name: 'projects/p/secrets/db-password/versions/3'
    }
  ],
  [
    'addresses without credentials',
    {
      url: 'https://example.com:8443/a/b?page=2&lang=en#top',
      'url.full': 'https://mcp.example.com/mcp?name=a%20b',
      redirect: 'ssh://git@github.com/acme/app.git',
      path: '/v1/secret/data/prod/db'
    }
  ],
  [
    'messages',
    {
      msg: 'invalid token: signature mismatch',
      error: 'token: expired',
      note: 'Bearer token required',
      help: 'the password is incorrect',
      challenge: 'Bearer realm="mcp", error="invalid_token"'
    }
  ],
  [
    'versions and agents',
    {
      'user-agent': 'claude-code/1.0.1 (node 20)',
      package: 'sk-learn',
      runtime: 'node 24.1.0',
      tz: 'Asia/Tokyo'
    }
  ],
  [
    'masked values',
    {
      password: '***',
      token: '[REDACTED]',
      apiKey: '<redacted>',
      secret: ['$', '{SECRET}'].join(''),
      client_token: `hmac-sha256:${fake(64, 'hex')}`,
      authorization: '-',
      cookie: ''
    }
  ],
  ['status codes', { path: '/x?code=404', status_code: 200, code: 'ERR_BAD', key: 'name', value: 'jane' }],
  [
    'pairs that are no credentials',
    {
      attributes: [
        { key: 'service.name', value: { stringValue: 'mcp' } },
        { key: 'gen_ai.usage.input_tokens', value: { intValue: '12' } }
      ]
    }
  ],
  ['booleans and nulls', { password: null, token: false, secret: true, api_key: null }],
  [
    'e-mails and addresses',
    { user: 'jane@example.com', ip: '203.0.113.9', host: 'mcp-1.internal', 'user.email': 'a.b@example.com' }
  ],
  [
    'audit fields',
    {
      action: 'secret.read',
      type: 'secret_manager.token.created',
      'cloud.secret.version': 3,
      authentication: { method: 'oidc', result: 'SUCCESS' },
      token: { id: 't-1', type: 'service', name: 'ci', expires_at: '2026-12-01T00:00:00Z', scopes: ['read'] }
    }
  ]
]

describe('harmless records', () => {
  it.each(HARMLESS)('keeps %s as they are', (_, data) => {
    const raw = JSON.stringify(data)
    const found = redactor.record({ data, raw, kind: 'json' })
    expect(found.raw).toBe(raw)
    expect(found.data).toBe(data)
    expect(found.credentials).toEqual([])
    expect(found.truncated).toBeUndefined()
  })

  const LINES = [
    '203.0.113.9 - jane [22/Nov/2026:04:00:00 +0000] "GET /assets/app-1f2e3d.js?v=17&lang=en HTTP/1.1" 200 512 "https://example.com/a?b=c" "Mozilla/5.0 (X11; Linux x86_64)"',
    '2026-11-22T04:00:00Z INFO tokenizer loaded max_tokens=100 token_type=Bearer author=jane secretName=prod/db',
    'GET /v1/secret/data/prod/db 200 key=name sort_key=a primary_key=id cache-key: none',
    'fetched https://example.com/a%20b?next_page_token=abc in 12ms (basic plan, basic usage)',
    `commit ${fake(40, 'hex')} by jane, tree ${fake(40, 'hex')}`
  ]
  it.each(LINES)('keeps the line %s', line => {
    expect(redactor.text(line)).toBe(line)
    const data = { message: line }
    expect(redactor.record({ data, raw: line, kind: 'line' })).toEqual({ data, raw: line, credentials: [] })
  })
})
