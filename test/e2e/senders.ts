/** The senders of a test: what Doppler, nginx and an OTLP exporter would send, and how it is posted. */
import { createHmac } from 'node:crypto'
import { encodeRequest, type RequestName } from '../decode/otlp-encoder.ts'

export const DOPPLER_SECRET = 'a-signing-secret-of-the-tests'

/** An answer of an intake path. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export async function post(
  url: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {}
): Promise<Answer> {
  const response = await fetch(url, { method: 'POST', body: new Uint8Array(Buffer.from(body)), headers })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** The counts that intake answers with. Throws if it answered anything else. */
export function countsOf({ status, text }: Answer): {
  accepted: number
  quarantined: number
  duplicates: number
} {
  if (status !== 200) throw new Error(`answered ${status}: ${text}`)
  return JSON.parse(text) as ReturnType<typeof countsOf> // Keywatch's own answer
}

/** `X-Doppler-Signature` of a body. */
export const dopplerSignature = (body: string | Buffer, secret = DOPPLER_SECRET): Record<string, string> => ({
  'x-doppler-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
})

/** A webhook of Doppler: one secret updated. */
export const dopplerBody = (name: string, project = 'payments', extra: object = {}): string =>
  JSON.stringify({
    type: 'config.secrets.update',
    config: { name: 'prd', environment: 'prd', project },
    project: { name: project },
    workplace: { name: 'acme' },
    diff: { added: [], updated: [name], removed: [] },
    ...extra
  })

export const postDoppler = (url: string, body: string, source = 'doppler-prod'): Promise<Answer> =>
  post(`${url}/hooks/${source}`, body, { 'content-type': 'application/json', ...dopplerSignature(body) })

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
/** nginx `$time_local`, in UTC. */
function clfTime(ms: number): string {
  const [date = '', time = ''] = new Date(ms).toISOString().split('T')
  const [year, month, day] = date.split('-')
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`
}

export interface Line {
  readonly ip?: string
  readonly user?: string
  readonly time: number
  readonly method?: string
  readonly uri?: string
  readonly status?: number
  readonly referer?: string
  readonly agent?: string
}

/** One line of nginx's `combined` format, without its newline. */
export const nginxLine = (line: Line): string =>
  `${line.ip ?? '192.0.2.1'} - ${line.user ?? '-'} [${clfTime(line.time)}] ` +
  `"${line.method ?? 'GET'} ${line.uri ?? '/'} HTTP/1.1" ${line.status ?? 200} 512 ` +
  `"${line.referer ?? '-'}" "${line.agent ?? 'curl/8.11.0'}"`

/** An OTLP `AnyValue` of a plain value. */
export function anyValue(value: unknown): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number')
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  if (Buffer.isBuffer(value)) return { bytesValue: value.toString('base64') }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } }
  return { kvlistValue: { values: attributes(value ?? {}) } }
}

export const attributes = (values: object): object[] =>
  Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }))

const resource = (extra: object) => ({
  attributes: attributes({ 'service.name': 'github-mcp-server', ...extra })
})
const nanos = (ms: number) => `${ms}000000`

export interface Telemetry {
  readonly time: number
  readonly attributes: object
  readonly resource?: object
  readonly scope?: object
  /** Members of the span or log record itself. */
  readonly more?: object
}

/** An ExportTraceServiceRequest with one server span, as OTLP/JSON. `id` makes it a span of its own. */
export const traceRequest = (id: number, name: string, of: Telemetry): object => ({
  resourceSpans: [
    {
      resource: resource(of.resource ?? {}),
      scopeSpans: [
        {
          scope: { name: 'e2e', attributes: attributes(of.scope ?? {}) },
          spans: [
            {
              traceId: id.toString(16).padStart(32, 'a'),
              spanId: id.toString(16).padStart(16, 'b'),
              name,
              kind: 2,
              startTimeUnixNano: nanos(of.time),
              endTimeUnixNano: nanos(of.time + 5),
              attributes: attributes(of.attributes),
              ...of.more
            }
          ]
        }
      ]
    }
  ]
})

/** An ExportLogsServiceRequest with one record, as OTLP/JSON. */
export const logRequest = (body: unknown, of: Telemetry): object => ({
  resourceLogs: [
    {
      resource: resource(of.resource ?? {}),
      scopeLogs: [
        {
          scope: { name: 'e2e', attributes: attributes(of.scope ?? {}) },
          logRecords: [
            {
              timeUnixNano: nanos(of.time),
              severityNumber: 9,
              body: anyValue(body),
              attributes: attributes(of.attributes),
              ...of.more
            }
          ]
        }
      ]
    }
  ]
})

/** Posts an OTLP request in either encoding. */
export function postOtlp(
  url: string,
  signal: 'traces' | 'logs',
  encoding: 'json' | 'protobuf',
  request: object
): Promise<Answer> {
  const name: RequestName = signal === 'traces' ? 'TracesRequest' : 'LogsRequest'
  const body = encoding === 'json' ? JSON.stringify(request) : encodeRequest(name, request)
  const type = encoding === 'json' ? 'application/json' : 'application/x-protobuf'
  return post(`${url}/v1/${signal}`, body, { 'content-type': type })
}
