/** Where the canaries are planted: every source and every place in what it takes. */

import type { Nest } from './canaries.ts'
import { dopplerBody, dopplerSignature, logRequest, nginxLine, traceRequest } from './senders.ts'

/** One request that carries canaries. `status`: what it must be answered with; any if absent. */
export interface Plant {
  readonly path: string
  readonly method?: string
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
  readonly status?: number
}

const hex = (text: string) =>
  [...Buffer.from(text)].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('')
const enc = encodeURIComponent
const time = () => Date.now() - 60_000

/** nginx writes quotes, backslashes and control bytes as `\xHH`. */
const escaped = (text: string) =>
  text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, c =>
    [...Buffer.from(c)].map(byte => `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  )

/** Lines of an access log as text. */
export function textLines({ known, opaque }: Nest, from: string): string[] {
  const at = (place: string) => `${from} line, ${place}`
  const uri = (value: string) => nginxLine({ time: time(), uri: value })
  const basic = (secret: string) => Buffer.from(`svc:${secret}`).toString('base64')
  return [
    uri(`/mcp?access_token=${opaque(at('query'))}`),
    uri(`/mcp?page=1&api_key=${enc(opaque(at('query, percent-encoded')))}&x=1`),
    uri(`/mcp?API%5FKEY=${opaque(at('query, encoded name'))}`),
    uri(`/mcp?q=${enc(known(at('query, plain name')))}`),
    uri(`/mcp?q=${hex(known(at('query, every byte percent-encoded')))}`),
    uri(`/mcp?q=${enc(hex(known(at('query, percent-encoded twice'))))}`),
    uri(`/cb#id_token=${opaque(at('fragment'))}`),
    uri(`/cb#access_token=${enc(known(at('fragment, known')))}&state=1`),
    uri(`/files/${enc(known(at('path segment')))}/raw`),
    uri(`https://svc:${enc(opaque(at('userinfo of an absolute target')))}@mcp.example.com/x`),
    uri(`/r?to=${enc(`https://svc:${enc(opaque(at('userinfo within a query')))}@db.example.com/`)}`),
    uri(
      `/g?v=${Buffer.from(JSON.stringify({ t: known(at('base64 of JSON in a query')) })).toString('base64url')}`
    ),
    nginxLine({ time: time(), referer: `https://a.example/?token=${opaque(at('referer'))}` }),
    nginxLine({ time: time(), referer: escaped(`https://a.example/${known(at('referer path'))}`) }),
    nginxLine({ time: time(), agent: escaped(`client/1.0 (${known(at('user agent'))})`) }),
    nginxLine({ time: time(), agent: `curl -H 'Authorization: Bearer ${opaque(at('user agent, header'))}'` }),
    nginxLine({ time: time(), user: escaped(known(at('remote_user'))) }),
    nginxLine({ time: time(), method: 'POST', uri: `/x?h=Basic%20${basic(opaque(at('basic in a query')))}` }),
    `192.0.2.1 - - [not a time] "GET /?token=${opaque(at('bad frame'))} HTTP/1.1" 200 1`,
    `something else: Authorization: Bearer ${opaque(at('bad frame, header'))}`,
    `something else: password=${opaque(at('bad frame, assignment'))} user=jane`,
    `something else ${escaped(known(at('bad frame, known')))}`,
    `{"status":200,"password":${JSON.stringify(opaque(at('broken JSON')))}`,
    `{"status":200,"note":"${escaped(known(at('broken JSON, known')))}`,
    `${nginxLine({ time: time(), uri: `/mcp?token=${opaque(at('too long a line'))}` })} ${'x'.repeat(70_000)}`
  ]
}

const nested = (value: unknown, levels: number): string =>
  levels === 0 ? JSON.stringify(value) : JSON.stringify({ inner: nested(value, levels - 1) })
const deep = (value: unknown, levels: number): unknown =>
  levels === 0 ? value : { a: [deep(value, levels - 1)] }

/** Records of an access log as JSON. */
export function jsonLines({ known, opaque }: Nest, from: string): string[] {
  const at = (place: string) => `${from} JSON, ${place}`
  const record = (more: object) =>
    JSON.stringify({ remote_addr: '192.0.2.3', status: 200, uri: '/mcp', ...more })
  return [
    record({ request: { headers: { authorization: [`Bearer ${opaque(at('header array'))}`] } } }),
    record({
      headers: { 'X-Api-Key': [opaque(at('api key array'))], 'x-auth-token': opaque(at('auth token')) }
    }),
    record({ headers: [{ name: 'Private-Token', value: opaque(at('header pair')) }] }),
    record({ headers: [['X-Vault-Token', opaque(at('header tuple'))]] }),
    record({
      rawHeaders: ['Host', 'a.example', 'Proxy-Authorization', `token ${opaque(at('raw headers'))}`]
    }),
    record({ headers: { cookie: `theme=dark; sid=${opaque(at('cookie'))}` } }),
    record({ response: { headers: { 'set-cookie': [`session=${opaque(at('set-cookie'))}; HttpOnly`] } } }),
    record({ headers: { 'Mcp-Session-Id': opaque(at('session header')) } }),
    record({
      headers: { authorization: `Basic ${Buffer.from(`u:${opaque(at('basic'))}`).toString('base64')}` }
    }),
    record({ uri: `/cb?access_token=${opaque(at('query'))}` }),
    record({ request_line: `GET /a?token=${opaque(at('request line'))} HTTP/1.1` }),
    record({ body: nested({ client_secret: opaque(at('JSON in a string')) }, 0) }),
    record({
      body: nested({ headers: { authorization: `Bearer ${opaque(at('JSON in JSON in a string'))}` } }, 2)
    }),
    record({ params: { arguments: { dbPassword: opaque(at('password'), 'password') } } }),
    record({ params: { password: Number(opaque(at('number'), 'number')) } }),
    record({ params: deep({ password: opaque(at('deep member'), 'password') }, 20) }),
    record({ params: deep({ password: opaque(at('deeper than the limit'), 'password') }, 60) }),
    record({ params: deep(known(at('deep known')), 25) }),
    record({ map: { [known(at('object key'))]: 1 } }),
    record({ map: { a: { [`x ${known(at('object key in words'))}`]: { b: 1 } } } }),
    record({ note: `upstream said: bad key ${known(at('sentence'))}, try again` }),
    record({ msg: `login failed password=${JSON.stringify(opaque(at('assignment in a text')))} user=jane` }),
    record({
      msg: `sent ${JSON.stringify({ password: opaque(at('JSON within a text'), 'password') })} to db`
    }),
    record({ argv: ['tool', '--password', opaque(at('argv')), '--verbose'] }),
    record({ dsn: `postgres://svc:${enc(opaque(at('dsn'), 'password'))}@db.internal:5432/app` }),
    record({ dsn: `postgres://svc:${opaque(at('dsn, not encoded'))}@db.internal:5432/app` }),
    record({ user: known(at('user')) }),
    record({ host: known(at('host')) }),
    record({ user_agent: known(at('user agent')) }),
    record({ request_id: known(at('request id')) }),
    record({ x_forwarded_for: known(at('forwarded')) }),
    record({ method: known(at('method')) }),
    record({ remote_addr: known(at('address')) }),
    record({ mcp: { tool: known(at('tool')), server: known(at('server')), session: opaque(at('session')) } }),
    record({ list: ['a', known(at('list')), 'b'] }),
    record({ big: `${'y'.repeat(50_000)} ${known(at('end of a long text'))}` }),
    `{"__proto__":{"token":"${opaque(at('prototype key'))}"},"status":200}`
  ]
}

/** Webhooks of Doppler: signed, wrongly signed, broken. */
export function webhooks({ known, opaque }: Nest): Plant[] {
  const at = (place: string) => `Doppler, ${place}`
  const signed = (body: string, status = 200): Plant => ({
    path: '/hooks/doppler-prod',
    body,
    headers: dopplerSignature(body),
    status
  })
  return [
    signed(dopplerBody(known(at('name in the diff')))),
    signed(dopplerBody('A', known(at('project')))),
    signed(dopplerBody('B', 'p', { note: known(at('extra field')) })),
    signed(dopplerBody('C', 'p', { password: opaque(at('extra field, named'), 'password') })),
    signed(
      dopplerBody('D', 'p', { metadata: { headers: { authorization: `Bearer ${opaque(at('headers'))}` } } })
    ),
    signed(dopplerBody('E', 'p', { user: { username: known(at('user')), email: known(at('email')) } })),
    signed(dopplerBody('F', 'p', { workplace: { name: known(at('workplace')) } })),
    signed(
      dopplerBody('G', 'p', { config: { name: known(at('config')), environment: known(at('environment')) } })
    ),
    signed(dopplerBody('H', 'p', { slug: known(at('slug')), createdAt: known(at('createdAt')) })),
    signed(dopplerBody('I', 'p', { type: known(at('type')) })),
    signed(
      dopplerBody('J', 'p', {
        diff: {
          [known(at('key in the diff'))]: ['x'],
          added: [{ password: opaque(at('object in the diff')) }]
        }
      })
    ),
    signed(dopplerBody('K', 'p', { secrets: { STRIPE_SECRET_KEY: opaque(at('secret with its value')) } })),
    signed(`{"type":"config.secrets.update","password":"${opaque(at('broken JSON'))}`),
    signed(`not JSON at all: ${known(at('no JSON'))}`),
    {
      path: '/hooks/doppler-prod',
      body: dopplerBody(known(at('wrong signature, name')), 'p', {
        token: opaque(at('wrong signature, value'))
      }),
      headers: dopplerSignature('another'),
      status: 401
    },
    {
      path: '/hooks/doppler-prod',
      body: '{}',
      headers: { 'x-doppler-signature': `sha256=${opaque(at('as a signature'))}` },
      status: 401
    },
    { ...signed('{}'), path: `/hooks/doppler-prod?token=${opaque(at('query of the hook'))}` }
  ]
}

type OtlpRequest = readonly [signal: 'traces' | 'logs', request: object]

/** OTLP requests. `known` and `opaque` stand in every place and every type of value that OTLP has. */
export function otlpRequests({ known, opaque }: Nest, from: string, base: number): OtlpRequest[] {
  const at = (place: string) => `${from}, ${place}`
  let id = base
  const span = (attributes: object, more: object = {}, where: object = {}): OtlpRequest => [
    'traces',
    traceRequest(id++, 'tools/call search', {
      time: time(),
      attributes: { 'mcp.method.name': 'tools/call', ...attributes },
      more,
      ...where
    })
  ]
  const log = (body: unknown, attributes: object = {}, more: object = {}): OtlpRequest => [
    'logs',
    logRequest(body, { time: time() + id++, attributes, more })
  ]
  const string = (key: string, value: string) => ({ key, value: { stringValue: value } })
  const event = (attributes: object[], name = 'exception') => ({
    events: [{ timeUnixNano: `${time()}000000`, name, attributes }]
  })
  return [
    span(
      {},
      {},
      { resource: { 'service.token': opaque(at('resource attribute')), note: known(at('resource, known')) } }
    ),
    span({}, {}, { resource: { 'deployment.environment.name': known(at('environment')) } }),
    span({}, {}, { scope: { api_key: opaque(at('scope attribute')), note: known(at('scope, known')) } }),
    span({ note: known(at('string')) }),
    span({ note: Buffer.from(known(at('bytes'))) }),
    span({ client_secret: Buffer.from(opaque(at('bytes under a name'))) }),
    span({ password: Number(opaque(at('integer under a name'), 'number')) }),
    span({ 'http.request.header.authorization': [`Bearer ${opaque(at('array, header'))}`] }),
    span({ 'process.command_args': ['tool', known(at('array, known'))] }),
    span({ credentials: { password: opaque(at('map'), 'password') } }),
    span({ outer: { inner: [{ token: opaque(at('map in an array in a map')) }] } }),
    span({ [known(at('attribute key'))]: true }),
    span({
      'url.full': `https://svc:${enc(opaque(at('userinfo')))}@mcp.example.com/?token=${enc(opaque(at('url query')))}`
    }),
    span({
      'db.connection_string': `Server=db;User Id=sa;Password=${opaque(at('connection string'))};Encrypt=true`
    }),
    span({
      'gen_ai.tool.call.arguments': JSON.stringify({ password: opaque(at('tool arguments'), 'password') })
    }),
    span({ 'gen_ai.tool.call.result': `the key is ${known(at('tool result'))}` }),
    span({ 'url.full': `https://svc:${opaque(at('userinfo, not encoded'))}@mcp.example.com/` }),
    span({ 'mcp.session.id': opaque(at('session')) }),
    span({ 'mcp.resource.uri': `file:///x?access_token=${opaque(at('resource uri'))}` }),
    span({ 'gen_ai.tool.name': known(at('tool name')), 'mcp.server.name': known(at('server name')) }),
    span({ 'user.id': known(at('user id')), 'client.address': known(at('client address')) }),
    span({ 'user_agent.original': known(at('user agent')) }),
    span({}, { name: `call ${known(at('span name'))}` }),
    span({}, { status: { code: 2, message: `denied for ${known(at('status message'))}` } }),
    span({}, { status: { code: 2, message: `password=${opaque(at('status message, assignment'))}` } }),
    span({}, { traceState: `vendor=${known(at('trace state'))}` }),
    span({}, event([string('exception.message', `bad key ${known(at('span event'))}`)])),
    span({}, event([string('authorization', `Bearer ${opaque(at('span event, header'))}`)])),
    span({}, event([string('exception.stacktrace', `at f (token=${opaque(at('stack trace'))})`)])),
    span({}, event([], known(at('span event name')))),
    span(
      {},
      {
        links: [
          {
            traceId: 'a'.repeat(32),
            spanId: 'b'.repeat(16),
            attributes: [string('token', opaque(at('link')))]
          }
        ]
      }
    ),
    log(`the key ${known(at('log body'))} is wrong`),
    log(`Authorization: Bearer ${opaque(at('log body, header'))}`),
    log(JSON.stringify({ client_secret: opaque(at('JSON in a log body')) })),
    log({ message: 'm', password: opaque(at('map in a log body'), 'password') }),
    log(['x', { token: opaque(at('array in a log body')) }]),
    log(Buffer.from(known(at('bytes in a log body')))),
    log('m', { 'exception.message': `password: ${opaque(at('log attribute'))}` }),
    log('m', {}, { eventName: known(at('event name')) }),
    log('m', {}, { severityText: known(at('severity text')) })
  ]
}

/** Requests that are refused, or ask for something: with canaries wherever a request has room. */
export function requests({ known, opaque }: Nest): Plant[] {
  const json = { 'content-type': 'application/json' }
  const lookup = (body: string, status: number): Plant => ({
    path: '/api/v1/credentials/lookup',
    body,
    headers: json,
    status
  })
  const get = (path: string, status: number): Plant => ({ path, method: 'GET', status })
  return [
    lookup(JSON.stringify({ secret: known('lookup') }), 200),
    lookup(JSON.stringify({ secret: opaque('lookup, opaque', 'password') }), 200),
    lookup(JSON.stringify({ secret: opaque('lookup with another member'), more: 1 }), 400),
    lookup(JSON.stringify({ [known('lookup, as a member')]: 1 }), 400),
    lookup(`{"secret":"${opaque('lookup, broken JSON')}`, 400),
    lookup(known('lookup, no JSON'), 400),
    { ...lookup(`secret=${opaque('lookup as a form')}`, 415), headers: {} },
    get(`/api/v1/events?${enc(known('name of a query parameter'))}=1`, 400),
    get(`/api/v1/events?password=${enc(opaque('value of an unknown query parameter'))}`, 400),
    get(`/api/v1/events?credential=${enc(known('credential in a query'))}`, 400),
    get(`/api/v1/events?cursor=${enc(opaque('cursor'))}`, 400),
    get(`/api/v1/events?ip=${enc(opaque('ip in a query'))}`, 400),
    get(`/api/v1/events?text=${enc(known('text in a query'))}`, 200),
    get(`/api/v1/events?class=${enc(opaque('class in a query'))}`, 400),
    get(`/api/v1/events/${enc(opaque('event id', 'opaque token'))}`, 404),
    get(`/api/v1/credentials/${enc(opaque('fingerprint', 'opaque token'))}`, 404),
    get(`/${opaque('unknown path', 'opaque token')}`, 404),
    get(`/healthz?token=${opaque('query of healthz', 'opaque token')}`, 200),
    { path: `/hooks/${opaque('id of a source', 'opaque token')}`, body: 'x', status: 404 },
    {
      path: '/ingest/edge',
      body: 'x',
      headers: { 'content-encoding': opaque('content encoding', 'opaque token') },
      status: 415
    },
    {
      path: '/v1/logs',
      body: 'x',
      headers: { 'content-type': opaque('content type', 'opaque token') },
      status: 415
    },
    { path: '/ingest/edge', method: 'PUT', body: opaque('body of a wrong method'), status: 405 },
    {
      path: '/ingest/edge',
      body: nginxLine({ time: time() }),
      headers: {
        authorization: `Bearer ${opaque('authorization of a sender')}`,
        cookie: `sid=${opaque('cookie of a sender')}`,
        'user-agent': opaque('user agent of a sender', 'opaque token'),
        'x-request-id': opaque('request id of a sender', 'opaque token')
      },
      status: 200
    },
    {
      path: '/v1/traces',
      body: `{"resourceSpans":[{"token":"${opaque('broken OTLP JSON')}"`,
      headers: json,
      status: 400
    },
    { path: '/v1/logs', body: JSON.stringify({ [known('unknown member of OTLP')]: [] }), headers: json },
    {
      path: '/v1/logs',
      body: known('broken OTLP protobuf'),
      headers: { 'content-type': 'application/x-protobuf' }
    },
    {
      path: '/ingest/edge',
      body: Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.from(opaque('damaged gzip'))]),
      headers: { 'content-encoding': 'gzip' },
      status: 400
    }
  ]
}
