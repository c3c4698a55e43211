/**
 * What does one event cost from the socket to the end? CPU of the whole `keywatch start` process, its drain included
 * (index and detectors have everything, sinks have delivered), per event; and the peak of its memory.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dopplerSignature } from '../../src/traffic/deliveries.ts'
import { end, firstLine, HOOK_SECRET, spawnScript, startKeywatch } from './keywatch-process.ts'
import { hasWrk, type Loaded, loadWithNode, loadWithWrk } from './load.ts'
import type { Row } from './table.ts'
import { type Kind, type Workload, webhook } from './workload.ts'

export interface PipelineOptions {
  readonly workload: Workload
  /** Working folder; what a mode leaves there is removed. */
  readonly folder: string
  /** Seconds of sending, the drain not counted. */
  readonly seconds: number
}

interface Mode {
  readonly title: string
  readonly send: (url: string, options: PipelineOptions) => Promise<Loaded>
  readonly sinks?: true
}

/** The receivers keep in memory all that they got, so they get no more than this lasts. */
const SINK_SECONDS_MAX = 4
const NDJSON = 'application/x-ndjson'
const JSON_TYPE = 'application/json'

/** Bodies of a kind to the access-log source. */
const sendLog =
  (kind: Kind, contentType: string) =>
  async (base: string, { workload, seconds }: PipelineOptions): Promise<Loaded> => {
    const url = `${base}/ingest/edge`
    if (hasWrk) return loadWithWrk(url, workload.folder, kind, contentType, seconds)
    const bodies = await workload.bodies(kind)
    const headers = { 'content-type': contentType }
    const messages = bodies.map(body => ({ body, headers }))
    return loadWithNode(
      url,
      i => messages[i % messages.length] ?? { body: Buffer.alloc(0), headers },
      seconds
    )
  }

function sendHooks(base: string, { seconds }: PipelineOptions): Promise<Loaded> {
  const message = (i: number) => {
    const body = webhook(i)
    const headers = { 'content-type': JSON_TYPE, 'x-doppler-signature': dopplerSignature(HOOK_SECRET, body) }
    return { body: Buffer.from(body), headers }
  }
  return loadWithNode(`${base}/hooks/doppler`, message, seconds)
}

export const MODES: Readonly<Record<string, Mode>> = {
  ndjson: { title: 'NDJSON, 100 events a request', send: sendLog('nd', NDJSON) },
  array: { title: 'JSON array, 100 events a request', send: sendLog('ar', JSON_TYPE) },
  single: { title: 'one event a request', send: sendLog('one', JSON_TYPE) },
  doppler: { title: 'signed Doppler webhooks, one a request', send: sendHooks },
  sinks: { title: 'NDJSON, and gzip to Datadog and Splunk', send: sendLog('nd', NDJSON), sinks: true }
}

const receiver = (name: string) => fileURLToPath(new URL(`../receivers/${name}.ts`, import.meta.url))
const urlOf = (line: string): string => {
  const { url } = JSON.parse(line) as { url?: unknown } // the receiver's first line
  return String(url)
}

/** Both receivers as processes of their own; their CPU is not Keywatch's. */
async function startReceivers() {
  const children = ['datadog', 'splunk'].map(name => spawnScript([receiver(name)]))
  const [datadog = '', splunk = ''] = (await Promise.all(children.map(firstLine))).map(urlOf)
  return {
    sinks: ` dd: { type: datadog, url: '${datadog}', apiKey: dd-test-key, gzip: true }, siem: { type: splunk, url: '${splunk}', token: hec-test-token, gzip: true } `,
    stop: async () => {
      for (const child of children) await end(child)
    }
  }
}

/** Runs one mode in a fresh data folder. */
export async function runMode(name: string, options: PipelineOptions): Promise<Row> {
  const mode = MODES[name]
  if (mode === undefined) throw new RangeError(`no mode ${name}`)
  const { workload } = options
  const folder = join(options.folder, name)
  const receivers = mode.sinks ? await startReceivers() : undefined
  const seconds = mode.sinks ? Math.min(options.seconds, SINK_SECONDS_MAX) : options.seconds
  try {
    const keywatch = await startKeywatch(folder, receivers?.sinks)
    try {
      await keywatch.drained()
      const idleMiB = keywatch.rssMiB()
      const before = { events: await keywatch.events(), cpu: keywatch.cpuSeconds() }
      const { by, refused } = await mode.send(keywatch.url, { ...options, seconds })
      await keywatch.drained()
      const events = (await keywatch.events()) - before.events
      const cpuSeconds = keywatch.cpuSeconds() - before.cpu
      const origin = name === 'doppler' ? 'distinct bodies' : `${workload.origin} workload`
      return {
        workload: `pipeline/${name}: ${mode.title}`,
        events,
        cpuSeconds,
        idleMiB,
        peakMiB: keywatch.peakMiB(),
        note: `${origin}, sent by ${by} for ${seconds} s${refused > 0 ? `, ${refused} REFUSED` : ''}`
      }
    } finally {
      await keywatch.stop()
    }
  } finally {
    await receivers?.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
