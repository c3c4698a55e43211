/**
 * A strict Datadog logs intake on loopback: `POST /api/v2/logs` with its documented limits and codes.
 * Stricter than the real one where that is silent: what it would cut or drop after a 2xx, this one answers with
 * 400, so that a test sees it: a log over 1 MB, a date outside of 18 h back and 2 h ahead, over 100 tags.
 */
import {
  type Judgement,
  member,
  type Receiver,
  type ReceiverOptions,
  runReceiver,
  startReceiver
} from './receiver.ts'

const PAYLOAD_BYTES_MAX = 5_000_000
const LOG_BYTES_MAX = 1_000_000
const LOGS_MAX = 1_000
const TAGS_MAX = 100
const TAG_CHARACTERS_MAX = 200
const BACK_MS = 18 * 3_600_000
const AHEAD_MS = 2 * 3_600_000

export interface DatadogOptions extends ReceiverOptions {
  /** Default `dd-test-key`. */
  readonly apiKey?: string
  readonly now?: () => number
}

const problem = (status: number, detail: string) => ({
  status,
  body: JSON.stringify({ errors: [{ status: String(status), title: detail, detail }] })
})

/** What the intake has against one log; undefined if nothing. */
function objection(log: unknown, now: number): string | undefined {
  if (typeof log !== 'object' || log === null || Array.isArray(log)) return 'a log must be an object'
  if (Buffer.byteLength(JSON.stringify(log)) > LOG_BYTES_MAX) return 'log too large'
  const tags = member(log, 'ddtags')
  if (tags !== undefined && typeof tags !== 'string') return 'ddtags must be a string'
  const list = tags === undefined || tags === '' ? [] : tags.split(',')
  if (list.length > TAGS_MAX || list.some(tag => tag.length > TAG_CHARACTERS_MAX))
    return 'too many or too long tags'
  const time = member(log, 'timestamp')
  if (typeof time !== 'number') return 'no timestamp'
  if (time < now - BACK_MS || time > now + AHEAD_MS) return 'timestamp out of bounds'
  if (typeof member(log, 'message') !== 'string') return 'no message'
  if (/^\s*[{[]/.test(String(member(log, 'message')))) return 'message would be parsed into attributes'
  for (const name of ['severity', 'level', 'time', 'status_id']) {
    if (Object.hasOwn(log, name)) return `${name} collides with a reserved attribute`
  }
  return undefined
}

/** Starts the intake. An event's id is `keywatch.event_uid`. */
export function startDatadog(options: DatadogOptions = {}): Promise<Receiver> {
  const { apiKey = 'dd-test-key', now = Date.now } = options
  return startReceiver(
    {
      encodings: ['identity', 'gzip', 'deflate'],
      inflatedBytesMax: PAYLOAD_BYTES_MAX,
      tooLarge: {
        status: 413,
        body: '<html><body>413 Payload Too Large</body></html>',
        headers: { 'content-type': 'text/html' }
      },
      unsupportedEncoding: problem(400, 'Unsupported content encoding'),
      tooMany: problem(429, 'Too Many Requests'),
      unavailable: problem(503, 'Service Unavailable'),
      admit(request) {
        if (request.url?.split('?')[0] !== '/api/v2/logs') return problem(404, 'Not Found')
        if (request.method !== 'POST') return problem(405, 'Method Not Allowed')
        const key = request.headers['dd-api-key']
        if (key === undefined) return problem(401, 'Unauthorized')
        if (key !== apiKey) return problem(403, 'Forbidden')
        if (!/^application\/json/.test(request.headers['content-type'] ?? ''))
          return problem(400, 'Bad content type')
        return undefined
      },
      judge(_, body, chaos): Judgement {
        let parsed: unknown
        try {
          parsed = JSON.parse(body)
        } catch {
          return { ...problem(400, 'Malformed JSON'), events: [] }
        }
        const logs: unknown[] = Array.isArray(parsed) ? parsed : [parsed]
        if (logs.length > LOGS_MAX) return { ...problem(413, 'Too many logs'), events: [] }
        const events: { id: string; stored: unknown }[] = []
        for (const log of logs) {
          const id = String(member(log, 'keywatch', 'event_uid'))
          const why = chaos.poison?.(id) ? 'poison' : objection(log, now())
          if (why !== undefined) return { ...problem(400, why), events: [] }
          events.push({ id, stored: log })
        }
        return { status: 202, body: '{}', events }
      }
    },
    options
  )
}

if (import.meta.main) await runReceiver(startDatadog)
