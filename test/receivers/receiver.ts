/**
 * What the strict receivers share: a loopback HTTP server that reads and inflates bodies within limits, keeps what
 * it accepted by event id, and misbehaves on request, by seed. Each receiver adds its vendor's rules.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { gunzipSync, inflateSync } from 'node:zlib'

/** Chances per request, each from 0 to 1. The same seed gives the same choices in the same order. */
export interface Chaos {
  /** 429 with Retry-After: 0. */
  readonly tooMany?: number
  /** 503. */
  readonly unavailable?: number
  /** No answer for `slowMs`, and then a reset. */
  readonly slow?: number
  readonly slowMs?: number
  /** The connection is reset while the body is still coming in. */
  readonly reset?: number
  /** Half an answer, then a reset; nothing was accepted. */
  readonly resetMidAnswer?: number
  /** 413, if the batch has more than one event. */
  readonly tooLarge?: number
  /** Accepted, and then a reset instead of the answer: the sender cannot know. */
  readonly acceptThenDrop?: number
  /** Events that are refused always, by id. */
  readonly poison?: (id: string) => boolean
}

export interface ReceiverOptions {
  /** Default 0: any free port. */
  readonly port?: number
  readonly chaos?: Chaos
  readonly seed?: number
}

export interface Receiver {
  readonly url: string
  readonly port: number
  /** How often each event was accepted, by id. */
  readonly accepted: ReadonlyMap<string, number>
  /** What was accepted, in order, doubles included, as the vendor would store it. */
  readonly stored: readonly unknown[]
  /** Everything that was ever received, inflated: to look for what must not be there. */
  readonly bodies: readonly string[]
  /** Requests by the status that they got; 0: none. */
  readonly statuses: ReadonlyMap<number, number>
  stop(): Promise<void>
}

export interface Reply {
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What a vendor's rules make of a request. */
export interface Judgement extends Reply {
  /** What is accepted with this reply. */
  readonly events: readonly { readonly id: string; readonly stored: unknown }[]
}

export interface Rules {
  /** Methods, paths, credentials: before the body is read. */
  admit(request: IncomingMessage): Reply | undefined
  /** The body is inflated and within `inflatedBytesMax`. */
  judge(request: IncomingMessage, body: string, chaos: Chaos): Judgement
  readonly encodings: readonly ('identity' | 'gzip' | 'deflate')[]
  readonly inflatedBytesMax: number
  readonly tooLarge: Reply
  readonly unsupportedEncoding: Reply
  readonly tooMany: Reply
  readonly unavailable: Reply
}

/** Mulberry32, a small seeded generator of numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length
    // The rest is read and dropped, so that the sender sees the answer and not a broken pipe.
    if (size <= bytesMax) pieces.push(piece)
  }
  return size <= bytesMax ? Buffer.concat(pieces) : undefined
}

function inflate(body: Buffer, encoding: string, bytesMax: number): Buffer | undefined {
  if (encoding === 'identity') return body.length <= bytesMax ? body : undefined
  try {
    const unpack = encoding === 'gzip' ? gunzipSync : inflateSync
    return unpack(body, { maxOutputLength: bytesMax })
  } catch {
    return undefined
  }
}

type Mishap = Exclude<keyof Chaos, 'poison' | 'slowMs'>
const MISHAPS: readonly Mishap[] = [
  'tooMany',
  'unavailable',
  'slow',
  'reset',
  'resetMidAnswer',
  'tooLarge',
  'acceptThenDrop'
]

/** Starts a receiver on 127.0.0.1 with these rules. */
export async function startReceiver(rules: Rules, options: ReceiverOptions = {}): Promise<Receiver> {
  const { chaos = {}, seed = 1 } = options
  const random = seededRandom(seed)
  const accepted = new Map<string, number>()
  const stored: unknown[] = []
  const bodies: string[] = []
  const statuses = new Map<number, number>()

  const mishap = (): Mishap | undefined => {
    let at = random()
    for (const one of MISHAPS) {
      at -= chaos[one] ?? 0
      if (at < 0) return one
    }
    return undefined
  }
  const note = (status: number) => statuses.set(status, (statuses.get(status) ?? 0) + 1)
  const answer = (response: ServerResponse, reply: Reply) => {
    note(reply.status)
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
    response.end(reply.body)
  }
  const drop = (request: IncomingMessage) => {
    note(0)
    request.socket.resetAndDestroy()
  }

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const what = mishap()
    if (what === 'reset') return drop(request)
    const refusal = rules.admit(request)
    const raw = await readBody(request, rules.inflatedBytesMax)
    if (refusal !== undefined) return answer(response, refusal)
    if (what === 'tooMany')
      return answer(response, { ...rules.tooMany, headers: { ...rules.tooMany.headers, 'retry-after': '0' } })
    if (what === 'unavailable') return answer(response, rules.unavailable)
    if (what === 'slow') {
      await new Promise(resolve => setTimeout(resolve, chaos.slowMs ?? 1_000).unref())
      return drop(request)
    }
    const encoding = request.headers['content-encoding'] ?? 'identity'
    if (!rules.encodings.some(one => one === encoding)) return answer(response, rules.unsupportedEncoding)
    const body = raw && inflate(raw, encoding, rules.inflatedBytesMax)
    if (body === undefined) return answer(response, rules.tooLarge)
    const text = body.toString('utf8')
    bodies.push(text)
    const judgement = rules.judge(request, text, chaos)
    if (what === 'tooLarge' && judgement.events.length > 1) return answer(response, rules.tooLarge)
    if (what === 'resetMidAnswer') {
      response.writeHead(judgement.status, { 'content-length': '1000' })
      response.write('{')
      setImmediate(() => drop(request))
      return
    }
    for (const event of judgement.events) {
      accepted.set(event.id, (accepted.get(event.id) ?? 0) + 1)
      stored.push(event.stored)
    }
    if (what === 'acceptThenDrop') return drop(request)
    answer(response, judgement)
  }

  const server: Server = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    accepted,
    stored,
    bodies,
    statuses,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

/** For a receiver that is run as a script: `--port N --seed N --chaos 0.05` (each mishap with that chance). */
export async function runReceiver(start: (options: ReceiverOptions) => Promise<Receiver>): Promise<void> {
  const option = (name: string) => {
    const at = process.argv.indexOf(`--${name}`)
    return at === -1 ? 0 : Number(process.argv[at + 1])
  }
  const chance = option('chaos')
  const chaos: Chaos = Object.fromEntries(MISHAPS.map(name => [name, chance]))
  const receiver = await start({ port: option('port'), seed: option('seed') || 1, chaos })
  process.stdout.write(`${JSON.stringify({ url: receiver.url })}\n`)
  const report = () => {
    const doubles = [...receiver.accepted.values()].filter(times => times > 1).length
    process.stdout.write(
      `${JSON.stringify({ accepted: receiver.accepted.size, doubles, statuses: Object.fromEntries(receiver.statuses) })}\n`
    )
    receiver.stop().then(() => process.exit(0))
  }
  process.once('SIGTERM', report)
  process.once('SIGINT', report)
}

/** The member of a parsed JSON value, own members only. */
export const member = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, key)
        ? Object.getOwnPropertyDescriptor(at, key)?.value
        : undefined,
    value
  )
