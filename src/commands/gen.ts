/**
 * `keywatch gen`: realistic traffic with an attack in it, to files, to stdout, or to a running Keywatch. The same
 * seed and `--start` give the same bytes. Exit 1 if Keywatch refused any of it.
 */
import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import { z } from 'zod'
import { type CommonFlags, command, type Loaded, load, plain, print, unusable } from '../cli.ts'
import { environment } from '../config/environment.ts'
import { KeywatchError, reasonOf } from '../core/errors.ts'
import { systemClock } from '../lib/clock.ts'
import { progressBar } from '../progress.ts'
import type { Story } from '../traffic/attack.ts'
import { type Delivery, deliveries, dopplerSignature } from '../traffic/deliveries.ts'
import { CHANNELS, type Channel } from '../traffic/record.ts'
import { MINUTE_MS } from '../traffic/rhythm.ts'
import { type Receipt, send } from '../traffic/send.ts'
import { storyOf, type TrafficOptions, traffic } from '../traffic/traffic.ts'

interface Flags extends CommonFlags {
  readonly seed: number
  readonly minutes: number
  readonly rate: number
  readonly start?: number
  readonly attack: 'on' | 'off'
  readonly out?: string
  readonly send?: boolean
  readonly url?: string
  readonly dopplerSecretEnv?: string
}

const MINUTES_MAX = 366 * 24 * 60
const RATE_MAX = 1_000_000

/** A parser of commander for integers; it names the bounds, not the input. */
const integer = (least: number, most: number) => (text: string) => {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new InvalidArgumentError(`expected an integer from ${least} to ${most}`)
}

function instant(text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN
  if (Number.isNaN(ms)) throw new InvalidArgumentError('expected a time like 2026-11-20T09:00:00Z')
  return ms
}

/** Names of the files; `doppler.signatures` has, line by line, what belongs to `doppler.ndjson`. */
const FILES: Readonly<Record<Channel, string>> = {
  'access-log': 'access.log',
  gateway: 'gateway.ndjson',
  doppler: 'doppler.ndjson',
  'otlp-logs': 'otlp-logs.json',
  'otlp-traces': 'otlp-traces.json'
}
const SIGNATURES = 'doppler.signatures'
const STORY = 'story.json'
const CHUNK = 1 << 20

/** A file that is written in large pieces. */
class Output {
  readonly #file: FileHandle
  #waiting = ''

  constructor(file: FileHandle) {
    this.#file = file
  }

  async write(text: string): Promise<void> {
    this.#waiting += text
    if (this.#waiting.length >= CHUNK) await this.#flush()
  }

  async #flush(): Promise<void> {
    const text = this.#waiting
    this.#waiting = ''
    await this.#file.writeFile(text)
  }

  async close(): Promise<void> {
    try {
      await this.#flush()
    } finally {
      await this.#file.close()
    }
  }
}

type Counts = Record<Channel, number>
const noCounts = (): Counts => ({ 'access-log': 0, gateway: 0, doppler: 0, 'otlp-logs': 0, 'otlp-traces': 0 })
const ends = (text: string) => (text.endsWith('\n') ? text : `${text}\n`)

/** OTLP files have one export request a line, as the file exporter of the OpenTelemetry Collector writes them. */
async function toFiles(folder: string, options: TrafficOptions, secret: string | undefined): Promise<Counts> {
  await mkdir(folder, { recursive: true })
  const openFile = async (name: string) => new Output(await open(join(folder, name), 'w'))
  const outputs = new Map<Channel, Output>()
  for (const channel of CHANNELS) outputs.set(channel, await openFile(FILES[channel]))
  const signatures = secret === undefined ? undefined : await openFile(SIGNATURES)
  const counts = noCounts()
  try {
    for (const delivery of deliveries(traffic(options), { recordsMax: 200, windowMs: MINUTE_MS })) {
      const { channel, body, records } = delivery
      counts[channel] += records
      await outputs.get(channel)?.write(ends(body))
      if (channel === 'doppler' && secret !== undefined)
        await signatures?.write(`${dopplerSignature(secret, body)}\n`)
    }
  } finally {
    for (const output of outputs.values()) await output.close()
    await signatures?.close()
  }
  if (options.attack) await writeFile(join(folder, STORY), `${JSON.stringify(storyOf(options), null, 2)}\n`)
  return counts
}

/** One record a line, as it would be posted: `{source, body}`, and the signature of a webhook that has one. */
async function toStdout(options: TrafficOptions, secret: string | undefined): Promise<void> {
  let closed = false
  // The reader has seen enough (`| head`): that is no error.
  process.stdout.on('error', () => {
    closed = true
  })
  for (const { channel, body } of deliveries(traffic(options), { recordsMax: 1, windowMs: 0 })) {
    if (closed) return
    const signed = channel === 'doppler' && secret !== undefined
    const line = JSON.stringify({
      source: channel,
      body,
      ...(signed && { headers: { 'x-doppler-signature': dopplerSignature(secret, body) } })
    })
    if (!process.stdout.write(`${line}\n`) && !closed)
      await new Promise<void>(resolve => {
        process.stdout.once('drain', resolve)
        process.stdout.once('error', () => resolve())
      })
  }
}

/** What the command must know of options that belong to the sources. */
const AccessLogOptions = z.object({ format: z.string().default('auto') })
const DopplerOptions = z.object({ secret: z.array(z.string()).optional() })

interface Routes {
  readonly paths: ReadonlyMap<Channel, string>
  /** Signs webhooks; undefined if the source wants no signature. */
  readonly secret: string | undefined
}

/** Paths of the configured sources, by type. A channel that no source takes has none. */
function routesOf({ config }: Loaded, secret: string | undefined): Routes {
  const sources = [...config.sources.values()]
  const accessLog = (...formats: string[]) => {
    const logs = sources.filter(({ type }) => type === 'access-log')
    const found = formats.flatMap(format =>
      logs.filter(({ options }) => AccessLogOptions.safeParse(options).data?.format === format)
    )
    return found[0] && `/ingest/${found[0].id}`
  }
  const doppler = sources.find(({ type }) => type === 'doppler')
  const hasOtlp = sources.some(({ type }) => type === 'otlp')
  const all: readonly (readonly [Channel, string | undefined])[] = [
    ['access-log', accessLog('nginx-combined', 'auto')],
    ['gateway', accessLog('json', 'auto')],
    ['doppler', doppler && `/hooks/${doppler.id}`],
    ['otlp-logs', hasOtlp ? '/v1/logs' : undefined],
    ['otlp-traces', hasOtlp ? '/v1/traces' : undefined]
  ]
  return {
    paths: new Map(all.flatMap(([channel, path]) => (path === undefined ? [] : [[channel, path]]))),
    secret: secret ?? DopplerOptions.safeParse(doppler?.options).data?.secret?.[0]
  }
}

interface Sent extends Omit<Receipt, 'status'> {
  readonly records: number
  readonly requests: number
  /** Records for which there is no source. */
  readonly unsent: number
  /** HTTP statuses of refusals. */
  readonly statuses: readonly number[]
}

async function toKeywatch(
  loaded: Loaded,
  base: string,
  options: TrafficOptions,
  given: string | undefined
): Promise<Sent> {
  const { paths, secret } = routesOf(loaded, given)
  if (paths.size === 0)
    throw new KeywatchError('KW_USAGE', 'no source of type access-log, doppler or otlp is configured')
  const token = loaded.environment.variables['KEYWATCH_TOKEN']
  const authorization = token ? { authorization: `Bearer ${token}` } : {}
  const headersOf = ({ channel, body }: Delivery) => ({
    ...authorization,
    ...(channel === 'doppler' &&
      secret !== undefined && { 'x-doppler-signature': dopplerSignature(secret, body) })
  })
  const sum = { records: 0, requests: 0, unsent: 0, accepted: 0, quarantined: 0, duplicates: 0, refused: 0 }
  const statuses = new Set<number>()
  const bar = progressBar('send', 'records')
  try {
    for (const delivery of deliveries(traffic(options), { recordsMax: 500, windowMs: 10_000 })) {
      const path = paths.get(delivery.channel)
      if (path === undefined) {
        sum.unsent += delivery.records
        continue
      }
      const target = { url: new URL(path, base).href, headers: headersOf(delivery) }
      const receipt = await send(delivery, target, { fetch, clock: systemClock })
      sum.records += delivery.records
      sum.requests++
      for (const name of ['accepted', 'quarantined', 'duplicates', 'refused'] as const)
        sum[name] += receipt[name]
      if (receipt.status !== undefined) statuses.add(receipt.status)
      bar.update(sum.records, Math.max(sum.records, options.minutes * options.rate))
    }
  } finally {
    bar.stop()
  }
  return { ...sum, statuses: [...statuses] }
}

const iso = (ms: number) => new Date(ms).toISOString()

/** The story for a person. */
function tell({ exposure, misuse, change, burst, lookalike }: Story): string[] {
  return [
    'The attack:',
    `  ${iso(exposure.time)}  a token of ${exposure.owner} stands in a URL of the proxy's log`,
    `  ${iso(misuse.from)}  ${misuse.address} uses it for ${misuse.calls} calls of ${misuse.server}`,
    `  ${iso(change.time)}  ${change.user} changes ${change.project}/${change.config}/${change.secret} out of hours`,
    `  ${iso(burst.from)}  ${burst.address} is refused ${burst.refused} times, and at ${iso(burst.succeededAt)} it is not`,
    `  ${iso(lookalike.time)}  an agent of ${lookalike.user} talks to ${lookalike.name}, which is not ${lookalike.imitates}`,
    `Who used the token: printf %s ${exposure.token} | npm run -s keywatch -- lookup`
  ]
}

function report(sent: Sent, base: string, options: TrafficOptions, json: boolean): void {
  const findings = new URL('/api/v1/findings', base).href
  const story = options.attack ? storyOf(options) : undefined
  const { records, requests, accepted, duplicates, quarantined, refused, unsent, statuses } = sent
  if (sent.refused > 0 || sent.quarantined > 0) process.exitCode = 1
  if (json) {
    print(JSON.stringify({ ...sent, findings, ...(story && { story }) }))
    return
  }
  print(
    `${records} records in ${requests} requests: ${accepted} accepted, ${duplicates} duplicates, ${quarantined} quarantined, ${refused} refused${statuses.length > 0 ? ` (${statuses.join(', ')})` : ''}`
  )
  if (unsent > 0) print(`${unsent} records were not sent: no configured source takes them`)
  if (story) for (const line of tell(story)) print(plain(line))
  print(`Findings: ${findings}`)
}

async function run(flags: Flags): Promise<void> {
  const { seed, minutes, rate } = flags
  const start = flags.start ?? systemClock.now() - minutes * MINUTE_MS
  const options: TrafficOptions = { seed, start, minutes, rate, attack: flags.attack === 'on' }
  const loaded = flags.send ? await load(flags) : undefined
  if (flags.send && loaded === undefined) return
  const { variables } = loaded?.environment ?? environment()
  const secret = flags.dopplerSecretEnv === undefined ? undefined : variables[flags.dopplerSecretEnv]
  if (flags.dopplerSecretEnv !== undefined && !secret)
    return unusable('the variable that --doppler-secret-env names is not set')
  if (loaded) {
    const { host, port } = loaded.config.listen.http
    const base = flags.url ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`
    report(await toKeywatch(loaded, base, options, secret), base, options, flags.json === true)
  } else if (flags.out !== undefined) {
    try {
      const counts = await toFiles(flags.out, options, secret)
      if (flags.json) return print(JSON.stringify({ folder: flags.out, records: counts }))
      for (const channel of CHANNELS) print(`${FILES[channel].padEnd(18)} ${counts[channel]} records`)
      if (options.attack) print(`${STORY.padEnd(18)} what happened, for those who want to know`)
    } catch (error) {
      return unusable(`the files cannot be written (${reasonOf(error)})`)
    }
  } else await toStdout(options, secret)
}

export default command(
  'gen',
  'make realistic traffic with an attack in it; NDJSON of {source, body} on stdout'
)
  .option('--seed <n>', 'same seed and start, same bytes', integer(0, Number.MAX_SAFE_INTEGER), 7)
  .option('--minutes <n>', 'simulated span', integer(1, MINUTES_MAX), 60)
  .option('--rate <n>', 'records per minute on average', integer(1, RATE_MAX), 60)
  .option('--start <time>', 'ISO 8601 time at which the span begins (default: it ends now)', instant)
  .addOption(new Option('--attack <on|off>', 'with the staged attack').choices(['on', 'off']).default('on'))
  .addOption(new Option('--out <folder>', 'write files instead').conflicts('send'))
  .option('--send', 'send to the running Keywatch of this configuration instead')
  .option('--url <url>', 'with --send: address of the running Keywatch (default: listen.http)')
  .option('--doppler-secret-env <name>', 'sign webhooks with the secret in this environment variable')
  .action(run)
