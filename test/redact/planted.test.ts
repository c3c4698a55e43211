/** The law of the redactor: a credential that was planted anywhere is nowhere in what leaves. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CleanRecord, RawRecord } from '../../src/core/ports.ts'
import { INFIX_RULES, RULES } from '../../src/redact/rules/all.ts'
import { fake } from '../../src/redact/rules/rule.ts'
import { json, redactor, redactorWith, survives } from './support.ts'

const pem = (lineEnd: string) =>
  [
    '-----BEGIN RSA PRIVATE ',
    'KEY-----',
    lineEnd,
    fake(64),
    lineEnd,
    fake(64),
    lineEnd,
    fake(20),
    lineEnd,
    '-----END RSA PRIVATE ',
    'KEY-----'
  ].join('')

/** Known formats: found wherever they stand. */
const TOKENS = [...RULES.flatMap(rule => rule.examples.ok), ...INFIX_RULES.flatMap(rule => rule.examples.ok)]
/** No format: found where a name or a grammar says so. */
const OPAQUE = [
  fake(32),
  fake(40, 'hex'),
  fake(24),
  'hunter2',
  'S3cret pass!',
  'pa:ss@wo/rd',
  'p%41ss',
  'a',
  '\u5bc6\u7801\u5bc6\u7801'
]

const nest = (value: unknown, levels: number): unknown =>
  levels === 0 ? value : JSON.stringify({ inner: nest(value, levels - 1) })

/** Places where a known format must be found. */
const ANY_PLACE: Record<string, (token: string) => unknown> = {
  leaf: token => ({ note: token }),
  sentence: token => ({ msg: `upstream said: bad key ${token}, try again` }),
  'glued line end': token => ({ msg: `first\\n${token}\\nlast` }),
  array: token => ({ list: ['a', token, 'b'] }),
  'object key': token => ({ map: { [token]: 1 } }),
  'object key deep': token => ({ map: { a: { [`x ${token}`]: { b: 1 } } } }),
  query: token => ({ url: `https://example.com/a?x=${encodeURIComponent(token)}&y=1` }),
  fragment: token => ({ url: `https://example.com/a#access_token=${encodeURIComponent(token)}` }),
  'nested JSON': token => ({ body: nest({ text: token }, 1) }),
  'nested JSON twice': token => ({ body: nest({ text: token }, 2) }),
  percent: token => ({
    q: `q=${[...Buffer.from(token)].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('')}`
  }),
  'percent twice': token => ({
    q: `q=${encodeURIComponent([...Buffer.from(token)].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join(''))}`
  }),
  'unicode escapes': token => ({
    text: [...token].map(c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
  }),
  'zero width': token => ({ text: `${token.slice(0, 3)}\u200b${token.slice(3, 6)}\u2060${token.slice(6)}` }),
  'terminal colours': token => ({ text: `${token.slice(0, 3)}\u001b[31m${token.slice(3)}\u001b[0m` }),
  'NUL between': token => ({ text: [...token].join('\u0000') }),
  'OTLP string': token => ({
    attributes: [{ key: 'gen_ai.tool.call.result', value: { stringValue: token } }]
  }),
  'OTLP array': token => ({
    attributes: [{ key: 'process.command_args', value: { arrayValue: { values: [{ stringValue: token }] } } }]
  }),
  'OTLP kvlist': token => ({
    body: { kvlistValue: { values: [{ key: 'a', value: { stringValue: token } }] } }
  }),
  'Buffer JSON': token => ({ body: { type: 'Buffer', data: [...Buffer.from(token)] } }),
  'proto key': token =>
    JSON.parse(`{"__proto__":{"a":${JSON.stringify(token)}},"constructor":${JSON.stringify(token)}}`)
}

/** Places where anything must be found. */
const NAMED_PLACE: Record<string, (secret: string) => unknown> = {
  'authorization bearer': secret => ({ headers: { authorization: `Bearer ${secret}` } }),
  'authorization without scheme': secret => ({ headers: { Authorization: secret } }),
  'authorization unknown scheme': secret => ({ headers: { Authorization: `Frobnicate ${secret}` } }),
  basic: secret => ({
    headers: { authorization: `Basic ${Buffer.from(`svc:${secret}`).toString('base64')}` }
  }),
  proxy: secret => ({ headers: { 'proxy-authorization': [`token ${secret}`] } }),
  'header array': secret => ({ headers: { 'X-Api-Key': [secret] } }),
  'header pair': secret => ({ headers: [{ name: 'x-auth-token', value: secret }] }),
  'header tuple': secret => ({ headers: [['Private-Token', secret]] }),
  'raw headers': secret => ({ rawHeaders: ['Host', 'a', 'X-Vault-Token', secret] }),
  'flat attribute': secret => ({ 'http.request.header.authorization': [`Bearer ${secret}`] }),
  'OTLP header': secret => ({
    attributes: [
      { key: 'http.request.header.x-api-key', value: { arrayValue: { values: [{ stringValue: secret }] } } }
    ]
  }),
  'OTLP bytes': secret => ({
    attributes: [{ key: 'client_secret', value: { bytesValue: Buffer.from(secret).toString('base64') } }]
  }),
  'OTLP kvlist': secret => ({
    attributes: [
      {
        key: 'credentials',
        value: { kvlistValue: { values: [{ key: 'password', value: { stringValue: secret } }] } }
      }
    ]
  }),
  member: secret => ({ params: { arguments: { dbPassword: secret } } }),
  'member deep': secret => ({ password: { old: { value: [secret] } } }),
  list: secret => ({ api_keys: [secret, { value: secret }] }),
  'nested JSON': secret => ({ body: nest({ client_secret: secret }, 1) }),
  'nested JSON twice': secret => ({
    body: nest({ headers: [{ name: 'Authorization', value: `Bearer ${secret}` }] }, 2)
  }),
  query: secret => ({ path: `/cb?page=1&access_token=${encodeURIComponent(secret)}&x=1` }),
  'query, odd case': secret => ({ path: `/cb?API_Key=${encodeURIComponent(secret)}` }),
  'query, encoded name': secret => ({ path: `/cb?access%5Ftoken=${encodeURIComponent(secret)}` }),
  fragment: secret => ({ path: `/cb#id_token=${encodeURIComponent(secret)}` }),
  userinfo: secret => ({ dsn: `postgres://svc:${encodeURIComponent(secret)}@db.internal:5432/app` }),
  'userinfo without user': secret => ({ dsn: `redis://:${encodeURIComponent(secret)}@cache:6379` }),
  'assignment in quotes': secret => ({ msg: `login failed password=${JSON.stringify(secret)} user=jane` }),
  'JSON in text': secret => ({ msg: `sent ${JSON.stringify({ user: 'jane', password: secret })} to db` }),
  'escaped JSON in text': secret => ({
    msg: `sent ${JSON.stringify(JSON.stringify({ user: 'jane', password: secret }))} to db`
  }),
  argv: secret => ({ argv: ['tool', '--password', secret, '--verbose'] }),
  cookie: secret => ({ headers: { cookie: `theme=dark; sid=${encodeURIComponent(secret)}` } }),
  session: secret => ({ headers: { 'Mcp-Session-Id': secret } }),
  JWK: secret => ({ key: { kty: 'EC', crv: 'P-256', d: secret } })
}

const gone = (record: CleanRecord, secret: string) => {
  // One letter is in every text: then it is the placeholder that counts.
  if (secret.length < 4) expect(record.raw).toContain('[REDACTED:')
  else expect(survives(record, secret)).toBe(false)
}

describe('planted credentials', () => {
  it.each(Object.entries(ANY_PLACE))('a known format is found in a place of kind %s', (_, plant) => {
    for (const token of TOKENS) {
      const found = json(plant(token))
      expect(
        survives(found, token),
        `${token.slice(0, 8)}… in ${JSON.stringify(plant(token)).slice(0, 60)}`
      ).toBe(false)
      expect(found.credentials.length).toBeGreaterThan(0)
    }
  })

  it.each(Object.entries(NAMED_PLACE))('any value is found in a place of kind %s', (_, plant) => {
    for (const secret of [...OPAQUE, ...TOKENS]) gone(json(plant(secret)), secret)
  })

  it('a token wrapped in base64 is found at each alignment', () => {
    const wrapped = RULES.filter(rule => rule.wrapped !== false && (rule.prefixes[0]?.length ?? 0) >= 4)
    for (const rule of wrapped)
      for (const before of ['', 'u:', ':'])
        for (const token of rule.examples.ok) {
          const found = json({ blob: Buffer.from(`${before}${token}`).toString('base64') })
          expect(survives(found, token), rule.type).toBe(false)
          expect(found.credentials.length, rule.type).toBeGreaterThan(0)
        }
  })

  it.each([
    ['real line ends', pem('\n')],
    ['written line ends', pem('\\n')],
    ['doubly written line ends', pem('\\\\n')],
    ['blanks', pem(' ')],
    ['CRLF', pem('\r\n')],
    ['no end', pem('\n').slice(0, 140)]
  ])('a private key with %s goes whole', (_, key) => {
    for (const data of [
      { note: key },
      { env: `KEY=${key}` },
      { body: JSON.stringify({ pem: key }) },
      { args: ['-i', key] }
    ]) {
      const found = json(data)
      expect(survives(found, fake(64))).toBe(false)
      expect(found.credentials[0]?.type).toBe('private-key')
    }
  })

  it('the same private key has one fingerprint however its line ends were written', () => {
    const prints = ['\n', '\\n', ' ', '\r\n'].map(end => json({ note: pem(end) }).credentials[0]?.fingerprint)
    expect(new Set(prints).size).toBe(1)
    expect(redactor.fingerprints(pem('\n'))).toContain(prints[0])
  })

  const LINES: [string, (secret: string) => string][] = [
    ['KEY=VALUE', s => `level=info password=${s} user=jane`],
    ['YAML', s => `api_key: ${s}9`],
    ['command line', s => `mysql --password ${s} -h db`],
    ['curl', s => `curl -u jane:${s} https://example.com`],
    ['header dump', s => `> Authorization: Bearer ${s}\n> Host: a`],
    ['basic header dump', s => `> Authorization: Basic ${Buffer.from(`jane:${s}`).toString('base64')}`],
    ['vendor header dump', s => `> X-Api-Key: ${s}\n> Host: a`],
    ['free bearer', s => `retrying with Bearer ${s} now`],
    ['SQL', s => `CREATE USER app IDENTIFIED BY '${s}'`],
    ['ADO', s => `Server=db;User Id=sa;Password=${s};Encrypt=true`],
    ['XML', s => `<user>jane</user><password>${s}</password>`],
    ['access log', s => `203.0.113.9 - - "GET /mcp?access_token=${s}&x=1 HTTP/1.1" 200 5 "-" "-"`],
    ['Go MySQL', s => `open jane:${s}@tcp(db:3306)/app`],
    ['multipart', s => `Content-Disposition: form-data; name="password"\r\n\r\n${s}\r\n--x`]
  ]
  it.each(LINES)('a line with %s loses its credential as text and as a record', (_, plant) => {
    for (const secret of [fake(20), fake(32, 'hex'), 'hunter2x', fake(12)]) {
      const line = plant(secret)
      expect(redactor.text(line)).not.toContain(secret)
      const record: RawRecord = { data: { message: line }, raw: line, kind: 'line' }
      expect(survives(redactor.record(record), secret)).toBe(false)
    }
  })

  it('a random secret in a random shape never survives', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9+/=_.~-]{6,60}$/)
    const shape = fc.letrec(tie => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constant(undefined),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.string({ maxLength: 8 }), tie('tree'), { maxKeys: 3 })
      )
    })).tree
    fc.assert(
      fc.property(secret, shape, fc.constantFrom(...Object.values(NAMED_PLACE)), (value, around, plant) => {
        if (/^(?:x{3,}|\.{3}.*|-+|--[A-Za-z-]+)$/.test(value)) return
        const planted = { around, [`k${value.length}`]: plant(value) }
        const text = JSON.stringify(planted)
        // What stands there anyway, or is part of a placeholder, says nothing.
        if (JSON.stringify([{ around }, json(plant('0'))]).includes(value)) return
        const found = redactor.record({ data: JSON.parse(text), raw: text, kind: 'json' })
        return !survives(found, value)
      }),
      { numRuns: 400 }
    )
  })

  it('with and without the prefilter the result is the same', () => {
    const slow = redactorWith({ prefilter: false })
    const piece = fc.oneof(
      fc.constantFrom(
        ...TOKENS,
        'password=',
        'token: ',
        'Bearer ',
        'https://a:b@c/',
        '%41',
        '\\u0041',
        '\\n',
        '"',
        '[REDACTED:x:kwfp1.k1.',
        's.',
        '&',
        '?code=',
        'Cookie: a=b; ',
        '-----BEGIN PRIVATE KEY-----'
      ),
      fc.string({ unit: 'binary', maxLength: 12 })
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), parts => {
        const text = parts.join('')
        expect(slow.text(text)).toBe(redactor.text(text))
        const data = { [text]: text, headers: { authorization: text } }
        const record: RawRecord = { data, raw: JSON.stringify(data), kind: 'json' }
        expect(slow.record(record)).toEqual(redactor.record(record))
      }),
      { numRuns: 300 }
    )
    for (const plant of [...Object.values(ANY_PLACE), ...Object.values(NAMED_PLACE)]) {
      const data = plant(TOKENS[3] ?? '')
      expect(json(data, slow)).toEqual(json(data))
    }
  })
})
