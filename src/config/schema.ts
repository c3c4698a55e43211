/**
 * Which options does keywatch.yml have, besides those of its components? Each leaf says what it is; each limit
 * has its default here. Durations come out as milliseconds, sizes as bytes.
 */
import { z } from 'zod'
import type { ContextDefinition } from '../core/context.ts'
import { type Address, type Limits, SCOPES, type Token } from '../core/settings.ts'
import type { SinkDefinition } from '../core/sink.ts'
import type { SourceDefinition } from '../core/source.ts'
import { type Delivery, deliveryOptions } from '../lib/delivery-options.ts'
import { duration, secretText, size } from '../lib/units.ts'
import { parseAddress } from './address.ts'

/** Every component there is, by name: what a configuration may ask for. */
export interface Catalog {
  readonly sources: ReadonlyMap<string, SourceDefinition>
  readonly sinks: ReadonlyMap<string, SinkDefinition>
  readonly contexts: ReadonlyMap<string, ContextDefinition>
}

export interface SourceConfig {
  readonly id: string
  readonly type: string
  /** As the definition's schema put it out. */
  readonly options: unknown
}

export interface SinkConfig extends SourceConfig {
  /** Which entries it gets; all if absent. */
  readonly where?: string
  readonly delivery: Delivery
}

/** The configuration as the service gets it. Everything is checked and filled in. */
export interface Config {
  readonly dataDir: string
  readonly tenant: string
  readonly listen: { readonly http: Address; readonly otlp: Address | false }
  /** Every listener is on loopback. */
  readonly loopback: boolean
  readonly tokens: readonly Token[]
  readonly limits: Limits
  readonly journal: {
    readonly segmentBytes: number
    readonly segmentAgeMs: number
    readonly checkpointIntervalMs: number
    readonly compress: boolean
  }
  readonly store: { readonly memoryBytes: number; readonly threads: number; readonly flushIntervalMs: number }
  /** `paths` are folders; the built-in one is absolute. */
  readonly detectors: { readonly paths: readonly string[]; readonly disabled: readonly string[] }
  readonly keys: { readonly file?: string | undefined; readonly fingerprintKey?: string | undefined }
  readonly log: { readonly level: LogLevel }
  readonly sources: ReadonlyMap<string, SourceConfig>
  readonly sinks: ReadonlyMap<string, SinkConfig>
  /** Options of each context provider that is on, by its name. */
  readonly contexts: ReadonlyMap<string, unknown>
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** In `detectors.paths`: the folder that ships with Keywatch. */
export const BUILTIN = 'builtin'

const ADDRESS_FORM = 'expected host:port, for instance 127.0.0.1:8080 or [::1]:8080'
const address = () =>
  z
    .string({ error: ({ input }) => (input === null ? undefined : ADDRESS_FORM) })
    .transform((text, context) => {
      const parsed = parseAddress(text)
      if (parsed) return parsed
      context.addIssue({ code: 'custom', message: ADDRESS_FORM })
      return z.NEVER
    })

const sizeFrom = (least: number, shown: string) =>
  size().refine(bytes => bytes >= least, { error: `expected at least ${shown}` })
const durationFrom = (leastMs: number, shown: string) =>
  duration().refine(ms => ms >= leastMs, { error: `expected at least ${shown}` })
const count = (most: number) => z.int().min(1).max(most)

export const ID_PATTERN = /^[a-z0-9][a-z0-9_-]{0,62}$/
export const ID_FORM =
  'an id has lower-case letters, digits, - and _, at most 63, and starts with a letter or digit'
export const ComponentId = z.string().regex(ID_PATTERN)

const TokenOption = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
      error: 'a name has letters, digits, dot, - and _, at most 63, and starts with a letter or digit'
    })
    .describe('Who has it; shows up in the audit trail of queries.'),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, { error: 'expected the SHA-256 of the token: 64 hex digits, in quotes' })
    .transform(hex => hex.toLowerCase())
    .describe('Hex SHA-256 of the token. The token itself is nowhere in the configuration.'),
  scopes: z
    .array(z.enum(SCOPES))
    .min(1)
    .describe(
      '`ingest` sends, `read` queries, `lookup` fingerprints a secret, `admin` does all and changes things.'
    )
})

const LimitOptions = z
  .strictObject({
    body: sizeFrom(1024, '1KiB').prefault('20MiB').describe('Size of a request body as sent.'),
    inflatedBody: sizeFrom(1024, '1KiB')
      .prefault('64MiB')
      .describe('Size of a request body after inflating.'),
    recordsPerBody: count(10_000_000).default(100_000).describe('Records in one request body.'),
    record: sizeFrom(256, '256B').prefault('1MiB').describe('Size of one record or line.'),
    depth: count(1000).default(64).describe('Nesting of a JSON record.'),
    keys: count(1_000_000).default(5000).describe('Members of all objects of one record.'),
    pendingBytes: sizeFrom(1024 ** 2, '1MiB')
      .prefault('64MiB')
      .describe('What may wait for the disk before senders get 503.'),
    connections: count(1_000_000).default(2048).describe('Open connections per listener.'),
    requestTimeout: durationFrom(100, '100ms')
      .prefault('30s')
      .describe('Time for a whole request to arrive.'),
    deliveries: count(100_000_000).default(100_000).describe('Deliveries remembered for de-duplication.'),
    clockSkew: duration()
      .prefault('5m')
      .describe(
        "How far an event's own time may be ahead of ours; beyond it our time is used and the event is marked."
      ),
    page: count(100_000).default(1000).describe('Events on one page of the query API at most.')
  })
  .transform(
    ({ requestTimeout, clockSkew, ...rest }): Limits => ({
      ...rest,
      requestTimeoutMs: requestTimeout,
      clockSkewMs: clockSkew
    })
  )

const JournalOptions = z
  .strictObject({
    segmentSize: sizeFrom(64 * 1024, '64KiB')
      .prefault('64MiB')
      .describe('A segment is sealed at this size.'),
    segmentAge: durationFrom(1000, '1s').prefault('24h').describe('A segment is sealed at this age.'),
    checkpointInterval: durationFrom(1000, '1s')
      .prefault('5m')
      .describe('Time between signed checkpoints, also when nothing happens.'),
    compress: z.boolean().default(true).describe('Compress sealed segments with zstd.')
  })
  .transform(options => ({
    segmentBytes: options.segmentSize,
    segmentAgeMs: options.segmentAge,
    checkpointIntervalMs: options.checkpointInterval,
    compress: options.compress
  }))

const StoreOptions = z
  .strictObject({
    memory: sizeFrom(32 * 1024 ** 2, '32MiB')
      .prefault('64MiB')
      .describe('Memory of the index.'),
    threads: count(256).default(1).describe('Threads of the index.'),
    flushInterval: durationFrom(10, '10ms').prefault('1s').describe('How soon an event can be found.')
  })
  .transform(options => ({
    memoryBytes: options.memory,
    threads: options.threads,
    flushIntervalMs: options.flushInterval
  }))

const ListenOptions = z.strictObject({
  http: address()
    .prefault('127.0.0.1:8080')
    .describe('API, console, webhooks, log intake. Public only with `tokens`.'),
  otlp: z
    .union([z.literal(false), address()], {
      error: 'expected host:port, for instance 127.0.0.1:4318, or false'
    })
    .prefault('127.0.0.1:4318')
    .describe('OTLP/HTTP on its usual port. `false`: only on `http`.')
})

/** The top-level options that no component brings. */
export const CORE_OPTIONS = {
  dataDir: z
    .string()
    .min(1)
    .default('./data')
    .describe('Folder of the journals, the index, keys and cursors.'),
  tenant: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
      error: 'expected letters, digits, dot, - and _, at most 63'
    })
    .default('default')
    .describe('Name of this installation; part of every fingerprint key and event.'),
  listen: ListenOptions.prefault({}).describe('Addresses, host:port.'),
  tokens: z
    .array(TokenOption)
    .default([])
    .describe('Who may do what. None: a loopback listener is open, a public one is refused.'),
  limits: LimitOptions.prefault({}).describe('What is refused or cut, and from where on.'),
  journal: JournalOptions.prefault({}).describe('The append-only log on disk.'),
  store: StoreOptions.prefault({}).describe('The index over the journal.'),
  detectors: z
    .strictObject({
      paths: z
        .array(z.string().min(1))
        .default([BUILTIN])
        .describe('Folders of Sigma rules. `builtin` is the one that ships with Keywatch.'),
      disabled: z.array(z.string().min(1)).default([]).describe('Ids of rules that do not run.')
    })
    .prefault({})
    .describe('Which detectors run.'),
  keys: z
    .strictObject({
      file: z
        .string()
        .min(1)
        .optional()
        .describe('Key ring of the fingerprints. Default: in `dataDir`, made at first start.'),
      fingerprintKey: secretText()
        .min(32, { error: 'expected at least 32 characters' })
        .optional()
        .meta({ secret: true, description: 'The key of the fingerprints itself, instead of a file.' })
    })
    .prefault({})
    .describe(
      'Keys that fingerprint credentials. Who has them can test guesses: keep them apart from the journal.'
    ),
  log: z
    .strictObject({ level: z.enum(LOG_LEVELS).default('info').describe('Least level that is written.') })
    .prefault({})
    .describe("Keywatch's own log.")
} as const

/** Options that every sink has because the spine offers them, whether its own schema names them or not. */
export const SINK_OPTIONS = {
  where: z
    .string()
    .min(1)
    .optional()
    .describe('Which entries go there, for instance `severity >= medium`. All if absent.'),
  ...deliveryOptions
} as const
