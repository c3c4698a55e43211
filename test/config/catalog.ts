/** A small catalog for the tests of config/: its components never change with the real ones. */
import { z } from 'zod'
import type { Catalog } from '../../src/config/schema.ts'
import { type ContextDefinition, defineContext } from '../../src/core/context.ts'
import { defineSink, type SinkDefinition } from '../../src/core/sink.ts'
import { defineSource, type SourceDefinition } from '../../src/core/source.ts'
import { deliveryOptions } from '../../src/lib/delivery-options.ts'
import { duration, secretText, secretTexts } from '../../src/lib/units.ts'

const nothing = () => ({ normalise: () => undefined })

const doppler = defineSource({
  name: 'doppler',
  summary: 'Doppler webhooks.',
  options: z.strictObject({
    secret: secretText().optional().meta({ secret: true, description: 'Signs the body.' }),
    environments: z.record(z.string(), z.string()).default({}).describe('Renames.')
  }),
  check: ({ secret }, { loopback }) =>
    secret === undefined && !loopback ? [{ path: ['secret'], message: 'needed unless on loopback' }] : [],
  open: nothing
})

const accessLog = defineSource({
  name: 'access-log',
  summary: 'Lines of an access log.',
  options: z.strictObject({
    format: z.enum(['auto', 'nginx-combined', 'envoy']).default('auto').describe('Grammar.'),
    path: z
      .string()
      .regex(/^\//, { error: 'expected an absolute path' })
      .optional()
      .describe('File to tail.'),
    port: z.int().min(1).max(65535).optional().describe('For syslog.'),
    follow: z.boolean().default(true).describe('Go on at the end.'),
    hosts: z
      .array(z.union([z.ipv4(), z.ipv6(), z.cidrv4()]))
      .min(1)
      .optional()
      .describe('Who may send.')
  }),
  open: nothing
})

const otlp = defineSource({
  name: 'otlp',
  summary: 'OTLP/HTTP.',
  options: z.strictObject({}),
  open: nothing
})

const splunk = defineSink({
  name: 'splunk',
  summary: 'Splunk HEC.',
  options: z.strictObject({
    url: z.url({ protocol: /^https?$/ }).describe('Base address.'),
    token: secretText().meta({ secret: true, description: 'HEC token.' }),
    apiKey: secretText().optional().meta({ secret: true, description: 'Not used by HEC.' }),
    timeout: duration().prefault('10s').describe('For one request.'),
    secrets: secretTexts().optional(),
    ...deliveryOptions
  }),
  limits: { events: 100, bytes: 1_000_000, entryBytes: 900_000 },
  open: () => ({ encode: () => '', send: async () => ({ kind: 'accepted' }) })
})

const calendar = defineContext({
  name: 'calendar',
  summary: 'Working hours.',
  options: z.strictObject({
    timezone: z.string().describe('IANA name.'),
    hours: z.string().describe('From-to.'),
    holidays: z.array(z.iso.date()).default([]).describe('Days off.')
  }),
  open: () => ({ apply: () => undefined })
})

const token = defineContext({
  name: 'token',
  summary: 'Claims.',
  options: z.strictObject({ lifetime: duration().prefault('1h').describe('Longest.') }).prefault({}),
  open: () => ({ apply: () => undefined })
})

// The one cast: a definition is handed its own schema's output, which a map of definitions cannot say.
const map = <D>(...all: { name: string }[]) =>
  new Map(all.map(one => [one.name, one])) as unknown as Map<string, D>

export const testCatalog: Catalog = {
  sources: map<SourceDefinition>(doppler, accessLog, otlp),
  sinks: map<SinkDefinition>(splunk),
  contexts: map<ContextDefinition>(calendar, token)
}
