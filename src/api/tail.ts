/**
 * The live tail: Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html) that
 * follow a journal from its head. The reader is pulled only as fast as the client takes, so a slow client
 * holds one batch and nothing piles up; one that takes nothing at all is cut.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { Entry } from '../core/ports.ts'
import { refusalAnswer, SECURITY_HEADERS } from './answers.ts'
import type { ApiDeps, ApiRoute, Call } from './deps.ts'
import { FILTER_NAMES, filterOf } from './events.ts'
import { containsText, matches } from './match.ts'
import { Params } from './params.ts'

export const TAIL_PARAMS = ['journal', ...FILTER_NAMES, 'text'] as const
const TAILS_MAX = 32
const HEARTBEAT_MS = 15_000
/** A client that has taken nothing for so long is cut. */
const STALL_MS = 30_000
const BATCH = { entriesMax: 200, bytesMax: 256 * 1024 }

/** Writes and waits until the client has taken it. False once the client is gone or stalled. */
async function push(
  deps: ApiDeps,
  response: ServerResponse,
  signal: AbortSignal,
  text: string
): Promise<boolean> {
  if (signal.aborted) return false
  if (response.write(text)) return true
  const stalled = new AbortController()
  const either = AbortSignal.any([signal, stalled.signal])
  const drained = once(response, 'drain', { signal: either }).then(
    () => true,
    () => false
  )
  const timer = deps.clock.sleep(STALL_MS, either).then(() => false)
  const took = await Promise.race([drained, timer])
  stalled.abort()
  if (!took) response.destroy()
  return took
}

async function heartbeat(deps: ApiDeps, response: ServerResponse, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await deps.clock.sleep(HEARTBEAT_MS, signal)
    if (!signal.aborted && !response.writableNeedDrain) response.write(': still here\n\n')
  }
}

const frame = (type: string, entry: Entry) =>
  `id: ${entry.sequence}\nevent: ${type}\ndata: ${JSON.stringify(entry.event)}\n\n`

interface Tail {
  readonly name: 'events' | 'findings'
  readonly wanted: (entry: Entry) => boolean
}

function parse(call: Call): Tail {
  const params = new Params(call.query, TAIL_PARAMS, ['credential'])
  const name = params.choice('journal', ['events', 'findings'] as const) ?? 'events'
  const filter = filterOf(params)
  const text = params.text('text')?.toLowerCase()
  const wanted = ({ event }: Entry) =>
    matches(event, filter) && (text === undefined || containsText(event, text))
  return { name, wanted }
}

async function follow(
  deps: ApiDeps,
  tail: Tail,
  response: ServerResponse,
  signal: AbortSignal
): Promise<void> {
  const journal = deps.journals[tail.name]
  const type = tail.name === 'events' ? 'event' : 'finding'
  const from = journal.head()
  // Headers and a first comment go out at once: the client knows that it sees everything from here on.
  if (!(await push(deps, response, signal, `retry: 3000\n: following the ${tail.name} journal\n\n`))) return
  for await (const batch of journal.read(from, { ...BATCH, follow: true, signal })) {
    const text = batch.entries
      .filter(tail.wanted)
      .map(entry => frame(type, entry))
      .join('')
    if (text !== '' && !(await push(deps, response, signal, text))) return
    if (signal.aborted) return
  }
}

/** `closing` aborts when the listener closes, and ends every tail. */
export function tailRoutes(deps: ApiDeps, closing: AbortSignal): ApiRoute[] {
  let open = 0
  const handle = async (call: Call) => {
    const tail = parse(call)
    if (open >= TAILS_MAX)
      return refusalAnswer({
        status: 503,
        code: 'KW_API_THROTTLED',
        reason: `There are ${TAILS_MAX} tails already.`,
        retryAfterS: 10
      })
    open++
    const { response } = call
    const done = new AbortController()
    const signal = AbortSignal.any([closing, done.signal])
    response.on('close', () => done.abort())
    response.on('error', () => done.abort())
    call.raw.socket.setTimeout(0)
    response.writeHead(200, {
      ...SECURITY_HEADERS,
      'content-type': 'text/event-stream; charset=utf-8',
      // A proxy that collects the answer would make the tail anything but live.
      'x-accel-buffering': 'no',
      connection: 'close'
    })
    const beating = heartbeat(deps, response, signal)
    follow(deps, tail, response, signal)
      .catch(() => {
        deps.log.warn({ journal: tail.name }, 'A tail ended because its journal could not be read')
      })
      .finally(async () => {
        open--
        done.abort()
        await beating
        response.end()
      })
    return 'streamed' as const
  }
  return [{ method: 'GET', path: '/api/v1/tail', scope: 'read', head: false, handle }]
}
