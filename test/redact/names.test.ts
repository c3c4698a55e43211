/** What a name says, in every spelling; and that the scanner wakes for each name that says something. */
import { describe, expect, it } from 'vitest'
import { classifyName, isReference, KIND, normaliseName, queryType } from '../../src/redact/key-class.ts'
import { Scanner } from '../../src/redact/scan.ts'

const SENSITIVE: [string, string][] = [
  ...[
    'password',
    'Password',
    'PASSWORD',
    'db_password',
    'dbPassword',
    'user.password',
    'passwd',
    'pwd',
    'DB_PASS',
    'password2',
    'new_password',
    'passwordConfirmation',
    'smtp-pass'
  ].map((name): [string, string] => [name, 'password']),
  ['passphrase', 'passphrase'],
  ...[
    'token',
    'authToken',
    'access_token',
    'x-access-token',
    'ACCESS_TOKEN',
    'idToken',
    'token_value',
    'token2',
    'access_tokens',
    'jwt',
    'github.token'
  ].map((name): [string, string] => [name, 'token']),
  ['refreshToken', 'refresh-token'],
  ['x-amz-security-token', 'session-token'],
  ['csrf_token', 'csrf-token'],
  ...[
    'apiKey',
    'api_key',
    'API-KEY',
    'APIKEY',
    'x-api-key',
    'X_API_KEY',
    'xApiKey',
    'OPENAI_API_KEY',
    'secretKey',
    'subscription-key',
    'ocp-apim-subscription-key',
    'private-token',
    'DD-API-KEY'
  ].map((name): [string, string] => [name, 'api-key']),
  ...['aws_secret_access_key', 'AccountKey', 'SharedAccessKey'].map((name): [string, string] => [
    name,
    'access-key'
  ]),
  ...['private_key', 'signingKey', 'encryption-key'].map((name): [string, string] => [name, 'private-key']),
  ...['client_secret', 'clientSecret', 'CONSUMER_SECRET'].map((name): [string, string] => [
    name,
    'client-secret'
  ]),
  ...['secret', 'webhook_secret', 'secret_value'].map((name): [string, string] => [name, 'secret']),
  ...['otp', 'totp', 'mfa_code', 'verificationCode'].map((name): [string, string] => [name, 'otp']),
  ...['code_verifier', 'device_code', 'authorization_code'].map((name): [string, string] => [
    name,
    'oauth-code'
  ]),
  ['pin', 'pin'],
  ['cvv', 'card-code'],
  ['client_assertion', 'assertion'],
  ['SAMLResponse', 'assertion'],
  ['credentials', 'credential'],
  ['password_hash', 'password-hash'],
  ...[
    'Authorization',
    'proxy-authorization',
    'HTTP_AUTHORIZATION',
    'http.request.header.authorization',
    'x-forwarded-authorization'
  ].map((name): [string, string] => [name, 'authorization']),
  ...['cookie', 'Set-Cookie', 'http_cookie'].map((name): [string, string] => [name, 'cookie']),
  ...[
    'mcp-session-id',
    'Mcp-Session-Id',
    'mcp.session.id',
    'mcpSessionId',
    'http.request.header.mcp-session-id'
  ].map((name): [string, string] => [name, 'mcp-session'])
]

const PLAIN =
  'token_type tokenizer max_tokens prompt_tokens gen_ai.usage.input_tokens nextPageToken next_token continuationToken progressToken client_request_token key_id access_key_id secretName secret_arn password_policy tokenCount token_ttl author authority authentication passenger compass primary_key sort_key cache_key public_key kms_key hashed_token traceparent etag status code signature_algorithm name value id secret_version password_expires_at tokens_used secret_manager'.split(
    ' '
  )

const scanner = new Scanner()

describe('names', () => {
  it.each(SENSITIVE)('%s is sensitive, of type %s', (name, type) => {
    const found = classifyName(name)
    expect(found.kind).toBeGreaterThanOrEqual(KIND.auth)
    expect(found.type).toBe(type)
  })

  it.each(SENSITIVE)('%s wakes the scanner in text and in JSON', name => {
    expect(scanner.clean(`{"${name}":"x"}`)).toBe(false)
    expect(scanner.clean(`${name}=x`)).toBe(false)
  })

  it.each(PLAIN)('%s says nothing', name => {
    const { kind } = classifyName(name)
    expect([KIND.none, KIND.safe, KIND.value]).toContain(kind)
  })

  it('are the same in every spelling', () => {
    for (const name of [
      'X-Api-Key',
      'xApiKey',
      'x_api_key',
      'x.api.key',
      'X API KEY',
      '\uff38-\uff21\uff50\uff49-\uff2b\uff45\uff59',
      'x-\u200bapi-key'
    ])
      expect(normaliseName(name)).toBe('x_api_key')
  })

  it.each([
    ['access_token', 'token'],
    ['sig', 'url-signature'],
    ['X-Amz-Signature', 'url-signature'],
    ['code', 'oauth-code'],
    ['client_secret', 'client-secret'],
    ['state', undefined],
    ['page', undefined],
    ['session', undefined]
  ])('as query parameter, %s is %s', (name, type) => {
    expect(queryType(name)).toBe(type)
  })

  it.each([
    ['prod/db', true],
    ['arn:aws:secretsmanager:x:1:secret:a', true],
    ['DB_PASSWORD', true],
    ['hunter2', false],
    ['wJalrXUtnFEMI/K7MDENG/bPxRfiCY', false],
    [`a/${'f'.repeat(40)}`, false]
  ])('%s is a reference: %s', (value, yes) => {
    expect(isReference(value)).toBe(yes)
  })
})
