/**
 * One HTTP listener: fastify routes the request and nothing more. Bodies are not parsed, queries are not
 * parsed, nothing is logged; time-outs and caps are Node's own, and every error is answered in our words.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify
} from 'fastify'
import { KeywatchError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import type { Address, Limits } from '../core/settings.ts'
import {
  type Answer,
  ApiError,
  errorAnswer,
  errorBody,
  JSON_TYPE,
  logReason,
  refusalAnswer,
  SECURITY_HEADERS
} from './answers.ts'
import { type Auth, remoteAddressOf } from './auth.ts'
import type { ApiRoute } from './deps.ts'
import { type IntakeHandler, queryOf } from './intake.ts'
import type { IntakeRoute } from './routes.ts'

export interface ListenerOptions {
  readonly routes: readonly ApiRoute[]
  readonly intakeRoutes: readonly IntakeRoute[]
  readonly intake: IntakeHandler
  readonly auth: Auth
  readonly limits: Limits
  readonly log: Log
}

export interface Listener {
  /** Resolves to the URL, for instance `http://127.0.0.1:8080`. */
  listen(address: Address): Promise<string>
  /** Takes no more connections, waits for open requests up to the grace of the caller. */
  close(): Promise<void>
  /** Breaks every connection that is still open. */
  cut(): void
  /** What was registered, in the router's words; intake paths once, as POST. HEAD beside a GET is left out. */
  readonly registered: readonly { readonly method: string; readonly path: string }[]
}

const HEADER_BYTES_MAX = 16 * 1024
const HEADERS_TIMEOUT_MS = 15_000
const KEEP_ALIVE_MS = 65_000
/** Idle time on a socket: longer than any request may take to arrive, and than a query may take. */
const IDLE_FACTOR = 4
const PARAM_CHARS_MAX = 256
/** CONNECT and upgrades never reach a router. */
const INTAKE_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  reply.code(answer.status).headers(answer.headers ?? {})
  if (answer.text !== undefined) return reply.send(answer.text)
  return reply.type(JSON_TYPE).send(JSON.stringify(answer.json))
}

/** Errors of fastify and its router: status kept, words ours. */
function foreignAnswer(error: FastifyError): Answer | undefined {
  const status = error.statusCode
  if (status === undefined || status < 400 || status > 499) return undefined
  const json =
    status === 415
      ? errorBody('KW_BODY_TYPE', 'The content type is malformed.')
      : errorBody('KW_HTTP_REQUEST', 'The request cannot be understood: its path or a header is malformed.')
  return { status, json }
}

const REASONS: ReadonlyMap<string, readonly [number, string, string]> = new Map([
  ['HPE_HEADER_OVERFLOW', [431, 'Request Header Fields Too Large', 'The headers are larger than the limit.']],
  [
    'HPE_CHUNK_EXTENSIONS_OVERFLOW',
    [413, 'Content Too Large', 'The chunk extensions are larger than the limit.']
  ],
  ['ERR_HTTP_REQUEST_TIMEOUT', [408, 'Request Timeout', 'The request came too slowly.']]
])

/** The response of the newest request on a connection. */
type Current = WeakMap<object, ServerResponse>

/**
 * Answers what never became a whole request: broken HTTP, too many headers, too slow. Stays silent where bytes
 * of ours would be read as the answer to another request: one that is still being worked on, or one that has
 * its answer already.
 */
function onClientError(error: Error & { code?: string }, socket: Socket, current: Current): void {
  const response = current.get(socket)
  const whole = response?.req.complete ?? true
  const mayAnswer = response === undefined || (whole ? response.writableFinished : !response.headersSent)
  if (error.code === 'ECONNRESET' || !socket.writable || !mayAnswer) {
    socket.destroy()
    return
  }
  const [status, phrase, text] = REASONS.get(error.code ?? '') ?? [
    400,
    'Bad Request',
    'This is not well-formed HTTP.'
  ]
  const body = JSON.stringify(errorBody('KW_HTTP_REQUEST', text))
  const headers = {
    ...SECURITY_HEADERS,
    'content-type': JSON_TYPE,
    'content-length': Buffer.byteLength(body)
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${phrase}\r\n${lines.join('')}connection: close\r\n\r\n${body}`)
}

function createApp(limits: Limits): FastifyInstance {
  const current: Current = new WeakMap()
  const app = fastify({
    logger: false,
    // While closing, requests on open connections are still served: a sender that is cut would have to guess.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.requestTimeoutMs * IDLE_FACTOR,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: {
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, limits.requestTimeoutMs),
      connectionsCheckingInterval: Math.min(1000, Math.max(50, Math.floor(limits.requestTimeoutMs / 4))),
      maxHeaderSize: HEADER_BYTES_MAX
    },
    routerOptions: { maxParamLength: PARAM_CHARS_MAX, querystringParser: () => ({}) },
    clientErrorHandler: (error, socket) => onClientError(error, socket, current),
    frameworkErrors: (error, _request, reply) => {
      // The router failed before any hook ran, so the headers are not there yet.
      const { status, json } = foreignAnswer(error) ?? errorAnswer(error)
      reply.hijack()
      reply.raw.writeHead(status, { ...SECURITY_HEADERS, 'content-type': JSON_TYPE })
      reply.raw.end(JSON.stringify(json))
    }
  })
  app.removeAllContentTypeParsers()
  // Bodies are read by the handlers that want them, raw, with their own limits.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.server.prependListener('request', (request, response) => {
    current.set(request.socket, response)
  })
  app.server.maxConnections = limits.connections
  // Node would say `100 Continue` at once. A refusal should come before the body does.
  app.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    app.server.emit('request', request, response)
  })
  return app
}

function addIntake(app: FastifyInstance, options: ListenerOptions): void {
  for (const { path, to } of options.intakeRoutes) {
    app.route({
      method: INTAKE_METHODS,
      url: path,
      config: {},
      // Before any content-type check of fastify: what a sender calls its bytes is the source's business.
      onRequest: async (request, reply) => {
        reply.hijack()
        // The router's parameters are strings.
        const { id = '' } = request.params as { id?: string }
        await options.intake(to(id), request.raw, reply.raw)
      },
      handler: () => {
        throw new KeywatchError('KW_INTERNAL', 'An intake request came past its handler.')
      }
    })
  }
}

async function answer(
  route: ApiRoute,
  options: ListenerOptions,
  request: FastifyRequest,
  reply: FastifyReply
) {
  const admission =
    route.scope === 'open'
      ? { caller: { name: 'open', address: remoteAddressOf(request.raw) } }
      : options.auth.admit(request.raw, route.scope)
  if ('refusal' in admission) return send(reply, refusalAnswer(admission.refusal, admission.headers))
  const outcome = await route.handle({
    // The router's parameters are strings.
    params: request.params as Record<string, string>,
    query: queryOf(request.raw),
    caller: admission.caller,
    raw: request.raw,
    response: reply.raw
  })
  return outcome === 'streamed' ? reply.hijack() : send(reply, outcome)
}

function addRoutes(app: FastifyInstance, options: ListenerOptions): void {
  for (const route of options.routes) {
    app.route({
      method: route.method,
      url: route.path,
      exposeHeadRoute: route.method === 'GET' && route.head !== false,
      handler: (request, reply) => answer(route, options, request, reply)
    })
  }
}

/** Path patterns with their methods, to tell a wrong method (405) from a wrong path (404). */
function allowedMethods(options: ListenerOptions): (path: string) => readonly string[] {
  const patterns = [
    ...options.routes.map(route => ({
      path: route.path,
      methods: route.method === 'GET' && route.head !== false ? ['GET', 'HEAD'] : [route.method]
    })),
    ...options.intakeRoutes.map(({ path }) => ({ path, methods: ['POST'] }))
  ].map(({ path, methods }) => ({ parts: path.split('/'), methods }))
  return path => {
    const parts = path.split('/')
    const fits = patterns.filter(
      one =>
        one.parts.length === parts.length &&
        one.parts.every((part, i) => part === parts[i] || (part.startsWith(':') && parts[i] !== ''))
    )
    return [...new Set(fits.flatMap(one => one.methods))]
  }
}

function addFallbacks(app: FastifyInstance, options: ListenerOptions): void {
  const allowed = allowedMethods(options)
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS)
  })
  app.setNotFoundHandler((request, reply) => {
    const methods = allowed((request.raw.url ?? '').split('?', 1)[0] ?? '')
    if (methods.length === 0)
      return send(
        reply,
        errorAnswer(
          new ApiError(404, 'KW_NOT_FOUND', 'There is no such path. GET /openapi.json lists them all.')
        )
      )
    const error = new ApiError(405, 'KW_METHOD', `This path takes ${methods.join(', ')}.`, {
      allow: methods.join(', ')
    })
    return send(reply, errorAnswer(error))
  })
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const known = error instanceof ApiError ? undefined : foreignAnswer(error)
    const found = known ?? errorAnswer(error)
    if (found.status >= 500) options.log.error(logReason(error), 'A request to the API failed')
    return send(reply, found)
  })
}

/** Builds one listener. Nothing listens before `listen`. */
export async function createListener(options: ListenerOptions): Promise<Listener> {
  const app = createApp(options.limits)
  const intakePaths = new Set(options.intakeRoutes.map(route => route.path))
  const registered: { method: string; path: string }[] = []
  app.addHook('onRoute', ({ method, url }) => {
    if (method === 'HEAD') return
    registered.push({ method: intakePaths.has(url) ? 'POST' : String(method), path: url })
  })
  addFallbacks(app, options)
  addIntake(app, options)
  addRoutes(app, options)
  const sockets = new Set<Socket>()
  app.server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await app.ready()
  return {
    registered,
    async listen({ host, port }) {
      // `localhost` would open a second socket for ::1 without our caps.
      const bind = host === 'localhost' ? '127.0.0.1' : host
      await app.listen({ host: bind, port })
      const bound = app.server.address()
      const actual = typeof bound === 'object' && bound !== null ? bound.port : port
      return `http://${bind.includes(':') ? `[${bind}]` : bind}:${actual}`
    },
    close: async () => {
      // Connections that become idle only from now on are not waited for either, nor those on which nothing
      // was ever said: to Node they are not idle but about to send.
      app.server.keepAliveTimeout = 1
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
      await app.close()
    },
    cut: () => app.server.closeAllConnections()
  }
}
