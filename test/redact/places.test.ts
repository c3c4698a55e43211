/** Places in which only the neighbourhood says that a credential stands there, and their harmless look-alikes. */
import { describe, expect, it } from 'vitest'
import { fake, HEX } from '../../src/redact/rules/rule.ts'
import { json, redactor, survives } from './support.ts'

const OPAQUE = [fake(40), fake(32, 'hex'), `${fake(20)}/${fake(14)}+${fake(7)}=`]
const SHORT: [string, string][] = [
  ['google-api-key', `AIza${fake(35)}`],
  ['huggingface-token', `hf_${fake(34)}`],
  ['sendgrid-key', `SG.${fake(22)}.${fake(43)}`]
]

describe('the session of MCP', () => {
  const PLACES: [string, (value: string) => unknown, string][] = [
    ['session in mcp', value => ({ mcp: { session: value } }), 'mcp.session'],
    ['a flat name', value => ({ 'mcp.session': value }), 'mcp.session'],
    [
      'a flat name with its place',
      value => ({ 'attributes.mcp.session.id': value }),
      'attributes.mcp.session.id'
    ],
    ['id in session in mcp', value => ({ a: { mcp: { session: { id: value } } } }), 'a.mcp.session.id'],
    ['sessionId in mcp', value => ({ mcp: { sessionId: value } }), 'mcp.sessionId'],
    ['session_id in mcp', value => ({ mcp: { session_id: value } }), 'mcp.session_id']
  ]
  it.each(PLACES)('is taken out and was presented under %s', (_, plant, where) => {
    for (const value of OPAQUE) {
      const found = json(plant(value))
      expect(survives(found, value)).toBe(false)
      expect(found.credentials).toEqual([
        expect.objectContaining({ type: 'mcp-session', where, use: 'presented' })
      ])
    }
  })

  it.each([
    ['a bare session', { session: fake(32, 'hex') }],
    ['a session of something else', { app: { session: fake(32, 'hex') } }],
    ['an id in mcp', { mcp: { id: fake(32, 'hex') } }],
    ['an id in a bare session', { session: { id: fake(32, 'hex') } }],
    ['other members of the session', { mcp: { session: { state: 'open', started_at: 1 } } }]
  ])('is not %s', (_, data) => {
    expect(json(data).data).toEqual(data)
  })
})

describe('a password with a slash in userinfo', () => {
  const password = `${fake(20)}/${fake(14)}+${fake(7)}=`
  it.each([
    ['a database', `postgres://svc:${password}@db:5432/app`],
    ['a database without a port', `mysql://svc:${password}@db`],
    ['a cache without a user', `redis://:${password}@cache:6379/0`],
    ['a broker with TLS', `amqps://svc:${password}@mq/vhost`],
    ['several hosts', `mongodb+srv://svc:${password}@a.example.com,b.example.com/db`],
    ['a web address', `https://svc:${password}@mcp.example.com/`],
    ['a web address with a port', `https://svc:${password}@mcp:8443/x?y=1`],
    ['Go', `svc:${password}@tcp(db:3306)/app`]
  ])('is found in the address of %s', (_, address) => {
    const shown = redactor.text(`open ${address} failed`)
    expect(shown).toBe(
      `open ${address.replace(password, () => /\[REDACTED:[^\]]+\]/.exec(shown)?.[0] ?? '')} failed`
    )
    expect(survives(json({ 'url.full': address }), password)).toBe(false)
    expect(json({ dsn: address }).credentials[0]).toMatchObject({ type: 'password' })
  })

  it('has the fingerprint of the password alone', () => {
    const [one] = json({ dsn: `postgres://svc:${password}@db:5432/app` }).credentials
    expect(redactor.fingerprints(password)).toContain(one?.fingerprint)
  })

  it.each([
    'https://host/@scope/pkg',
    'https://medium.com/@user',
    'https://host:8080/@scope/pkg@1.2.3',
    'http://localhost:3000/a/b@example.com',
    'https://[::1]/a:b/@x.example.com',
    'https://cdn.example.com/npm/a@1.0.0/b:c@2.x',
    'postgres://db:5432/app mail jane@example.com',
    'postgres://db:5432/app@x',
    'sftp://jane@host:22/file@v1',
    'sftp://jane@host/a:b@v1.example.com',
    'redis://cache/0',
    'see https://a.example.com/x:y then jane@example.com',
    'https://example.com/a?mail=jane@example.com',
    's3://bucket/key@v2',
    'docker://registry:5000/image@sha256'
  ])('is not in %s', text => {
    expect(redactor.text(text)).toBe(text)
  })

  it('does not take the path after a login with it', () => {
    expect(redactor.text('postgres://a:Zq81xx@db:5432/app@x')).toMatch(
      /^postgres:\/\/a:\[REDACTED:[^\]]+\]@db:5432\/app@x$/
    )
  })

  it('is looked for once per address, however many there are', () => {
    const text = 'postgres://a:b/c'.repeat(20_000)
    expect(redactor.text(text)).toBe(text)
  })

  it('does not reach from one address into the next', () => {
    const shown = redactor.text(`redis://:${password}@a:1,redis://:x${password}@b:2`)
    expect(shown).toMatch(/^redis:\/\/:\[REDACTED:[^\]]+\]@a:1,redis:\/\/:\[REDACTED:[^\]]+\]@b:2$/)
  })
})

describe('base64', () => {
  it.each(SHORT)('of a %s as bytes of OTLP is taken out, under a plain name and as a body', (type, token) => {
    for (const text of [token, `a ${token}`, `ab ${token} c`, JSON.stringify({ t: token })]) {
      const bytesValue = Buffer.from(text).toString('base64')
      for (const data of [
        { attributes: [{ key: 'note', value: { bytesValue } }] },
        { body: { bytesValue } }
      ]) {
        const found = json(data)
        expect(survives(found, token)).toBe(false)
        expect(found.credentials).toEqual([expect.objectContaining({ type, use: 'exposed' })])
        expect(redactor.fingerprints(token)).toContain(found.credentials[0]?.fingerprint)
      }
    }
  })

  it('of an assignment as bytes of OTLP is taken out', () => {
    const bytesValue = Buffer.from(`{"pw":1,"db":"postgres://a:${fake(12)}@h"}`).toString('base64')
    expect(survives(json({ body: { bytesValue } }), fake(12))).toBe(false)
  })

  it('of JSON as bytes of OTLP loses its credentials only', () => {
    const bytesValue = Buffer.from(
      `{"user":"jane","mcp":{"session":"${fake(30)}"},"password":"a b"}`
    ).toString('base64')
    const found = json({ body: { bytesValue } })
    const { body } = found.data as { body: { bytesValue: string } }
    expect(JSON.parse(Buffer.from(body.bytesValue, 'base64').toString())).toEqual({
      user: 'jane',
      mcp: { session: expect.stringContaining('[REDACTED:mcp-session') },
      password: expect.stringContaining('[REDACTED:password')
    })
    expect(survives(found, fake(30))).toBe(false)
  })

  it('of other bytes stays', () => {
    for (const bytes of [Buffer.from('plain text, nothing else'), Buffer.from(fake(64, 'hex'), 'hex')]) {
      const data = { body: { bytesValue: bytes.toString('base64') } }
      expect(json(data).data).toEqual(data)
    }
  })

  it.each([...SHORT, ['twilio-key', `SK${fake(32, 'hex')}`] as [string, string]])(
    'of JSON with a %s in a query is taken out',
    (_, token) => {
      const value = Buffer.from(JSON.stringify({ t: token })).toString('base64url')
      const found = json({ request: { path: `/g?v=${value}&x=1` } })
      expect(survives(found, token)).toBe(false)
      expect(redactor.text(`GET /g?v=${value} HTTP/1.1`)).toMatch(
        /^GET \/g\?v=\[REDACTED:[^\]]+\] HTTP\/1\.1$/
      )
    }
  )

  it.each([
    ...SHORT,
    ['sk-key', `sk-${fake(48)}`] as [string, string],
    ['replicate-token', `r8_${fake(37)}`] as [string, string],
    ['fireworks-key', `fw_${fake(24)}`] as [string, string]
  ])('of a %s is taken out at each alignment and before any character', (_, token) => {
    for (const before of ['', 'x ', 'xy ', 'xyz '])
      for (const more of ['', '0', 'A', 'Z', 'a', 'z']) {
        const planted = token.replace(/^(AIza|hf_|SG\.|sk-|r8_|fw_)/, `$1${more}`)
        const text = redactor.text(`v=${Buffer.from(before + planted).toString('base64')};`)
        expect(text).toMatch(/^v=\[REDACTED:[^\]]+\];$/)
      }
  })

  it('of harmless JSON stays', () => {
    const text = `/g?v=${Buffer.from('{"page":2,"after":"x"}').toString('base64url')}`
    expect(redactor.text(text)).toBe(text)
  })
})

describe('a known format', () => {
  it.each([
    ['anthropic-key', `sk-ant-api03-${fake(93)}AA`],
    ['openrouter-key', `sk-or-v1-${fake(64, 'hex')}`],
    ['openai-key', `sk-proj-${fake(60)}`]
  ])('that starts like another is called %s', (type, token) => {
    for (const data of [{ note: token }, { msg: `bad key ${token}.` }, { headers: { 'x-api-key': token } }])
      expect(json(data).credentials[0]).toMatchObject({ type })
  })

  it.each([
    ['aws-access-key-id', `AKIA${fake(16, 'base32')}`],
    ['npm-token', `npm_${fake(36)}`],
    ['groq-key', `gsk_${fake(52)}`],
    ['gitlab-token', `glpat-${fake(20)}`],
    ['doppler-token', `dp.st.prd.${fake(43)}`],
    ['vault-token', `hvs.${fake(95)}`],
    ...SHORT
  ])('%s is found when it is glued to a letter or digit', (type, token) => {
    for (const left of ['yyyy', '7', 'Z']) {
      const found = json({ note: `${left}${token} end` })
      expect(survives(found, token)).toBe(false)
      expect(found.credentials).toEqual([expect.objectContaining({ type })])
      expect(redactor.fingerprints(token)).toContain(found.credentials[0]?.fingerprint)
    }
  })

  it.each([
    `SLOVAKIA${fake(20, 'base32')}`,
    'xnpm_config_registry_of_the_whole_project',
    `chf_${[...fake(40)].filter(c => HEX.includes(c)).join('')}`,
    `dihf_${fake(40, 'hex')}`,
    'TSG.region.example.com',
    'myhvs.example-with-a-long-name.com'
  ])('is not %s', text => {
    expect(redactor.text(text)).toBe(text)
  })
})
