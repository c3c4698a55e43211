/**
 * How do records travel? As their senders send them: lines and gateway events in bodies of several, a webhook alone,
 * spans and log records as OTLP/JSON export requests (ExportTraceServiceRequest, ExportLogsServiceRequest).
 */
import { createHmac } from 'node:crypto'
import { CHANNELS, type Channel, type TrafficRecord } from './record.ts'

export interface Delivery {
  readonly channel: Channel
  /** Time of its first record. */
  readonly time: number
  readonly contentType: string
  readonly body: string
  readonly records: number
}

export interface DeliveryOptions {
  /** Records in one body at most; a webhook always has one. */
  readonly recordsMax: number
  /** A body holds what happened within such a stretch, so bodies of different senders are in order too. */
  readonly windowMs: number
}

const SCOPE = { name: '@modelcontextprotocol/instrumentation', version: '0.3.0' }

const resourceOf = (server: string) => ({
  attributes: [
    { key: 'service.name', value: { stringValue: server } },
    { key: 'deployment.environment.name', value: { stringValue: 'production' } }
  ]
})

/** The export request of some spans or log records, by the server that wrote them. */
function otlpRequest(channel: 'otlp-traces' | 'otlp-logs', records: readonly TrafficRecord[]): string {
  const [groups, scopes, items] =
    channel === 'otlp-traces'
      ? ['resourceSpans', 'scopeSpans', 'spans']
      : ['resourceLogs', 'scopeLogs', 'logRecords']
  const byServer = Map.groupBy(records, record => record.server ?? 'unknown')
  // The records are JSON texts already; only what is around them is written here.
  const parts = [...byServer].map(([server, own]) => {
    const inner = `{"scope":${JSON.stringify(SCOPE)},"${items}":[${own.map(one => one.text).join(',')}]}`
    return `{"resource":${JSON.stringify(resourceOf(server))},"${scopes}":[${inner}]}`
  })
  return `{"${groups}":[${parts.join(',')}]}`
}

const lines = (records: readonly TrafficRecord[]) => `${records.map(record => record.text).join('\n')}\n`

function deliveryOf(channel: Channel, records: readonly TrafficRecord[]): Delivery {
  const time = records[0]?.time ?? 0
  const made = (contentType: string, body: string): Delivery => ({
    channel,
    time,
    contentType,
    body,
    records: records.length
  })
  switch (channel) {
    case 'access-log':
      return made('text/plain', lines(records))
    case 'gateway':
      return made('application/x-ndjson', lines(records))
    case 'doppler':
      return made('application/json', records.map(record => record.text).join('\n'))
    case 'otlp-logs':
    case 'otlp-traces':
      return made('application/json', otlpRequest(channel, records))
  }
}

/** Records, which are in the order of time, in bodies that are. */
export function* deliveries(
  records: Iterable<TrafficRecord>,
  { recordsMax, windowMs }: DeliveryOptions
): Generator<Delivery> {
  let waiting = new Map<Channel, TrafficRecord[]>()
  let until = Number.NEGATIVE_INFINITY
  const flush = function* (): Generator<Delivery> {
    const made = [...waiting].map(([channel, own]) => deliveryOf(channel, own))
    waiting = new Map()
    yield* made.sort((a, b) => a.time - b.time || CHANNELS.indexOf(a.channel) - CHANNELS.indexOf(b.channel))
  }
  for (const record of records) {
    const { channel, time } = record
    if (time >= until) {
      yield* flush()
      until = time + windowMs
    }
    const own = waiting.get(channel)
    if (own === undefined) waiting.set(channel, [record])
    else own.push(record)
    if (channel === 'doppler' || (own?.length ?? 1) >= recordsMax) yield* flush()
  }
  yield* flush()
}

/** Value of `X-Doppler-Signature` for a body (docs.doppler.com/docs/webhooks). */
export const dopplerSignature = (secret: string, body: string): string =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
