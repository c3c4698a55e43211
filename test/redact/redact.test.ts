/** The contract of the redactor: what comes back, how credentials are listed, and that nothing makes it fail open. */
import { createHmac, hkdfSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Credential } from '../../src/core/credential.ts'
import { fake } from '../../src/redact/rules/rule.ts'
import { json, KEY, redactor, redactorWith, survives } from './support.ts'

const GITHUB = `ghp_${fake(36)}`
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The documented formula, written a second time. */
function expected(secret: string | Buffer, info = 'fp', master = KEY.master, id = KEY.id): string {
  const key = Buffer.from(hkdfSync('sha256', master, 'default', info, 32))
  const mac = createHmac('sha256', key).update('keywatch/fp/v1\0').update(secret).digest()
  return `kwfp1.${id}.${mac.subarray(0, 16).toString('base64url')}`
}

describe('record', () => {
  it('returns the same object and the same text if nothing is found', () => {
    const data = { a: [1, { b: 'x' }] }
    const raw = '{ "a" : [1,{"b":"x"}] }'
    const found = redactor.record({ data, raw, kind: 'json' })
    expect(found.data).toBe(data)
    expect(found.raw).toBe(raw)
  })

  it('makes the text of clean data if none was given', () => {
    expect(redactor.record({ data: { a: 1 }, kind: 'json' }).raw).toBe('{"a":1}')
  })

  it('replaces a credential by a typed placeholder and leaves the input as it was', () => {
    const data = { headers: { authorization: `Bearer ${GITHUB}`, host: 'a' } }
    const before = structuredClone(data)
    const found = json(data)
    const mark = `Bearer [REDACTED:github-pat:${expected(GITHUB)}]`
    expect(data).toEqual(before)
    expect(found.data).toEqual({ headers: { authorization: mark, host: 'a' } })
    expect(found.raw).toBe(JSON.stringify(found.data))
    expect(found.credentials).toEqual([
      { type: 'github-pat', where: 'headers.authorization', use: 'presented', fingerprint: expected(GITHUB) }
    ])
  })

  it('drops what only the text of doubled members holds', () => {
    const raw = `{"a":"${GITHUB}","a":"b"}`
    expect(redactor.record({ data: JSON.parse(raw), raw, kind: 'json' }).raw).toBe('{"a":"b"}')
  })

  it('lists a credential once per use, in the place where it was first seen', () => {
    const found = json({
      headers: { authorization: GITHUB },
      msg: GITHUB,
      body: GITHUB,
      q: `/x?token=${GITHUB}`
    })
    expect(found.credentials.map(one => [one.where, one.use])).toEqual([
      ['headers.authorization', 'presented'],
      ['msg', 'exposed']
    ])
  })

  it('keeps the claims of a JWT that matter and no others', () => {
    const payload = {
      iss: 'https://idp',
      sub: 'jane@example.com',
      aud: 'mcp',
      exp: 2,
      iat: 1,
      jti: 'j',
      scp: ['a', 'b'],
      email: 'jane@example.com',
      name: 'Jane',
      azp: GITHUB
    }
    const token = `${part({ alg: 'RS256', kid: 'k' })}.${part(payload)}.${fake(43)}`
    const [one] = json({ headers: { authorization: `Bearer ${token}` } }).credentials
    expect(one?.type).toBe('jwt')
    expect(one?.claims).toEqual({
      alg: 'RS256',
      kid: 'k',
      iss: 'https://idp',
      sub: 'jane@example.com',
      aud: ['mcp'],
      exp: 2,
      iat: 1,
      jti: 'j',
      scope: 'a b',
      azp: '[REDACTED:claim]'
    })
  })

  it('caps long claims and long audiences', () => {
    const payload = { iss: 'x'.repeat(900), aud: Array.from({ length: 50 }, (_, i) => `a${i}`) }
    const [one] = json({ t: `${part({ alg: 'none' })}.${part(payload)}.` }).credentials
    expect(one?.claims?.iss).toHaveLength(256)
    expect(one?.claims?.aud).toHaveLength(16)
  })

  it('reads the account of an AWS access key', () => {
    const id = ['ASIAQ', 'NZGKIQY56JQ7WML'].join('')
    expect(json({ msg: `denied for ${id}` }).credentials[0]).toMatchObject({
      type: 'aws-access-key-id',
      account: '029608264753'
    })
    const header = `AWS4-HMAC-SHA256 Credential=${id}/20261122/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=${fake(64, 'hex')}`
    const found = json({ headers: { authorization: header } })
    expect(found.credentials).toMatchObject([
      { type: 'aws-access-key-id', account: '029608264753', use: 'presented' }
    ])
    expect(found.raw).not.toContain(fake(64, 'hex'))
  })

  it('gives every listed credential the documented shape', () => {
    const found = json({
      headers: { authorization: `Basic ${Buffer.from('u:hunter2').toString('base64')}`, cookie: 'a=b' },
      pin: 1234,
      msg: GITHUB
    })
    for (const one of found.credentials) Credential.parse(one)
    expect(found.credentials).toHaveLength(4)
  })

  const USES: [string, unknown, string, 'presented' | 'exposed'][] = [
    [
      'request header',
      { request: { headers: { 'x-api-key': GITHUB } } },
      'request.headers.x-api-key',
      'presented'
    ],
    [
      'header attribute',
      { 'http.request.header.authorization': [GITHUB] },
      'http.request.header.authorization.0',
      'presented'
    ],
    [
      'OTLP header attribute',
      {
        attributes: [
          {
            key: 'http.request.header.authorization',
            value: { arrayValue: { values: [{ stringValue: GITHUB }] } }
          }
        ]
      },
      'attributes.http.request.header.authorization',
      'presented'
    ],
    ['cookie', { headers: { cookie: `sid=${GITHUB}` } }, 'headers.cookie', 'presented'],
    [
      'header pair',
      { headers: [{ name: 'Authorization', value: GITHUB }] },
      'headers.Authorization',
      'presented'
    ],
    ['session', { 'mcp.session.id': GITHUB }, 'mcp.session.id', 'presented'],
    [
      'session in a response',
      { response: { headers: { 'mcp-session-id': GITHUB } } },
      'response.headers.mcp-session-id',
      'presented'
    ],
    ['basic user field', { remote_user: GITHUB }, 'remote_user', 'presented'],
    ['query', { request: { path: `/a?access_token=${GITHUB}` } }, 'request.path?access_token', 'exposed'],
    [
      'argument',
      { params: { arguments: { authorization: GITHUB } } },
      'params.arguments.authorization',
      'exposed'
    ],
    ['result', { result: { content: [{ text: GITHUB }] } }, 'result.content.0.text', 'exposed'],
    ['message', { msg: `Authorization: Bearer ${GITHUB}` }, 'msg', 'exposed'],
    ['error', { error: { headers: { authorization: GITHUB } } }, 'error.headers.authorization', 'exposed'],
    [
      'response header',
      { response: { headers: { 'x-auth-token': GITHUB } } },
      'response.headers.x-auth-token',
      'exposed'
    ],
    [
      'response header attribute',
      { 'http.response.header.authorization': GITHUB },
      'http.response.header.authorization',
      'exposed'
    ],
    [
      'set-cookie',
      { headers: { 'set-cookie': `sid=${GITHUB}; Path=/; HttpOnly` } },
      'headers.set-cookie',
      'exposed'
    ],
    [
      'request body',
      { request: { body: { headers: { authorization: GITHUB } } } },
      'request.body.headers.authorization',
      'exposed'
    ],
    [
      'JSON in a string',
      { payload: JSON.stringify({ headers: { authorization: GITHUB } }) },
      'payload.headers.authorization',
      'exposed'
    ],
    ['member', { config: { apiKey: GITHUB } }, 'config.apiKey', 'exposed'],
    ['object key', { map: { [GITHUB]: 1 } }, 'map.*', 'exposed']
  ]
  it.each(USES)('a credential in a %s stands there and is used so', (_, data, where, use) => {
    expect(json(data).credentials).toMatchObject([{ where, use }])
  })

  it('gives numbers of a few digits no fingerprint', () => {
    const found = json({ pin: 1234, otp: '123456', cvv: '999', password: '12345678' })
    expect(found.data).toEqual({
      pin: '[REDACTED:pin]',
      otp: '[REDACTED:otp]',
      cvv: '[REDACTED:card-code]',
      password: '[REDACTED:password]'
    })
    expect(found.credentials.every(one => one.fingerprint === undefined)).toBe(true)
    expect(redactor.fingerprints('123456')).toEqual([])
  })

  it('keeps a line and its fields in step and lists each credential once', () => {
    const raw = `1.2.3.4 - "GET /a?access_token=${GITHUB} HTTP/1.1" 200 "Bearer ${GITHUB}" "a\\x22b"`
    const data = { path: `/a?access_token=${GITHUB}`, http_authorization: `Bearer ${GITHUB}`, agent: 'a"b' }
    const found = redactor.record({ data, raw, kind: 'line' })
    expect(found.credentials).toMatchObject([
      { where: 'path?access_token', use: 'exposed' },
      { where: 'http_authorization', use: 'presented' }
    ])
    expect(found.credentials).toHaveLength(2)
    expect(survives(found, GITHUB)).toBe(false)
    expect(found.raw).toContain('"a\\x22b"')
  })

  it('takes out of a line what only its fields give away', () => {
    const found = redactor.record({
      data: { http_x_api_key: 'opaque-value-17' },
      raw: '1.2.3.4 "opaque-value-17" 200',
      kind: 'line'
    })
    expect(found.raw).toBe(`1.2.3.4 "[REDACTED:api-key:${expected('opaque-value-17', 'fp-low')}]" 200`)
  })

  it('says only what the fields say if a value cannot be found in its line', () => {
    const found = redactor.record({
      data: { password: 'caf\u00e9-au-lait' },
      raw: 'x caf\\303\\251-au-lait y',
      kind: 'line'
    })
    expect(found.raw).toBe(JSON.stringify(found.data))
  })
})

describe('fingerprints', () => {
  it('follow the documented formula', () => {
    expect(redactor.fingerprints(GITHUB)).toEqual([expected(GITHUB)])
    expect(redactor.fingerprints('hunter2')).toEqual([expected('hunter2', 'fp-low')])
    const long = fake(9000)
    expect(redactor.fingerprints(long)).toEqual([expected(long)])
  })

  it('name all live and retired keys at lookup, only live ones at ingest', () => {
    const second = { id: 'k2', master: Buffer.alloc(32, 2), state: 'live' as const }
    const old = { id: 'k0', master: Buffer.alloc(32, 9), state: 'retired' as const }
    const rotating = redactorWith({ keys: [second, KEY, old] })
    const prints = [
      expected(GITHUB, 'fp', second.master, 'k2'),
      expected(GITHUB),
      expected(GITHUB, 'fp', old.master, 'k0')
    ]
    expect(rotating.fingerprints(GITHUB)).toEqual(prints)
    expect(json({ a: GITHUB }, rotating).credentials).toMatchObject([
      { fingerprint: prints[0], also: [prints[1]] }
    ])
  })

  it('differ between tenants', () => {
    expect(redactorWith({ tenant: 'b' }).fingerprints(GITHUB)).not.toEqual(redactor.fingerprints(GITHUB))
  })

  it('flag what a person may have made up, and can be switched off for it', () => {
    expect(json({ password: 'hunter2' }).credentials).toMatchObject([
      { low_entropy: true, fingerprint: expected('hunter2', 'fp-low') }
    ])
    const off = redactorWith({ lowEntropyFingerprints: false })
    expect(json({ password: 'hunter2' }, off).data).toEqual({ password: '[REDACTED:password]' })
    expect(off.fingerprints('hunter2')).toEqual([])
  })

  const SAME: [string, string, unknown][] = [
    ['a bearer header', GITHUB, { headers: { authorization: `Bearer ${GITHUB}` } }],
    ['a lower-case scheme and blanks', GITHUB, { headers: { authorization: `  bearer   ${GITHUB} ` } }],
    ['a parameter of a scheme', GITHUB, { headers: { authorization: `Token token="${GITHUB}"` } }],
    [
      'Basic',
      'hunter2',
      { headers: { authorization: `Basic ${Buffer.from('jane:hunter2').toString('base64')}` } }
    ],
    [
      'Basic with a token as user',
      GITHUB,
      { headers: { authorization: `Basic ${Buffer.from(`${GITHUB}:`).toString('base64')}` } }
    ],
    ['userinfo', 'p@ss w', { dsn: 'postgres://svc:p%40ss%20w@db/x' }],
    ['a query', 'a+b/c=', { path: '/x?access_token=a%2Bb%2Fc%3D' }],
    ['a nested JSON', 'hun"ter2', { body: JSON.stringify({ password: 'hun"ter2' }) }],
    ['base64', GITHUB, { blob: Buffer.from(GITHUB).toString('base64') }],
    [
      'an api key header that is base64',
      GITHUB,
      { headers: { 'x-api-key': Buffer.from(GITHUB).toString('base64') } }
    ],
    ['a zero-width character', GITHUB, { a: `${GITHUB.slice(0, 9)}\u200b${GITHUB.slice(9)}` }],
    ['quotes', GITHUB, { msg: `token="${GITHUB}"` }]
  ]
  it.each(SAME)('are the same in %s as at lookup', (_, secret, data) => {
    expect(json(data).credentials[0]?.fingerprint).toBe(redactor.fingerprints(secret)[0])
  })

  it.each(['x', ' ghp', '"a"', 'Bearer abc', 'p%41', '%', '\\u0041', '\\', 'https://a:b@c', '\ud800', ''])(
    'of %j are stable and never throw',
    secret => {
      expect(redactor.fingerprints(secret)).toEqual(redactor.fingerprints(secret))
    }
  )
})

describe('text', () => {
  it('is idempotent on its own output', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        GITHUB,
        'password=',
        'token: ',
        'Bearer ',
        'https://a:b@c/',
        '%41',
        '\\n',
        '"',
        '[REDACTED:x:kwfp1.k1.abc]',
        '&',
        '?code=',
        'Cookie: a=b; c=d',
        'hunter2',
        ' ',
        'Authorization: Basic dTpw',
        `--password ${fake(9)}`
      ),
      fc.string({ maxLength: 8 })
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), parts => {
        const once = redactor.text(parts.join(''))
        expect(redactor.text(once)).toBe(once)
      }),
      { numRuns: 2000 }
    )
  })

  it('keeps placeholders of keys that are held, and only those', () => {
    const own = redactor.text(`got ${GITHUB}`)
    expect(redactor.text(own)).toBe(own)
    const foreign = own.replace('kwfp1.k1.', 'kwfp1.k9.')
    expect(redactor.text(foreign)).toBe(
      foreign.replace('[REDACTED:', '(REDACTED:').replace('kwfp1.', 'kwfp1-')
    )
  })
})

describe('forged placeholders', () => {
  it('are neutralised in records, wherever they stand', () => {
    const forged = `[REDACTED:github-pat:${expected(GITHUB)}]`
    const found = json({ a: forged, [forged]: 1, b: `x ${forged} y` })
    expect(found.raw).not.toContain('[REDACTED:')
    expect(found.raw).not.toContain('kwfp1.')
    expect(found.credentials).toEqual([])
  })

  it('under a sensitive name are credentials like any other text', () => {
    const forged = `[REDACTED:github-pat:${expected(GITHUB)}]`
    expect(json({ password: forged }).credentials[0]?.fingerprint).not.toBe(expected(GITHUB))
  })
})
