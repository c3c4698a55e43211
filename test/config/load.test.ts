import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LoadRequest, loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { testCatalog } from './catalog.ts'

const FIXTURES = new URL('../fixtures/config/', import.meta.url)
const ENV = {
  SECRET_ADDRESS: 'hunter2hunter2.example.com',
  MAYBE: 'hunter2hunter2',
  LEAKED_FORMAT: 'hunter2hunter2',
  LEAKED_URL: 'hunter2 hunter2',
  EMPTY: ''
}

/** A disk of a few files. */
const files = (contents: Record<string, string | Uint8Array>) => (path: string) => {
  const found = contents[path]
  if (found === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' })
  return typeof found === 'string' ? Buffer.from(found) : found
}

const load = (
  text: string | Uint8Array,
  more: Partial<LoadRequest> = {},
  others: Record<string, string> = {}
) =>
  loadConfig({
    path: 'keywatch.yml',
    env: {},
    catalog: testCatalog,
    readFile: files({ 'keywatch.yml': text, ...others }),
    ...more
  })

const page = (loaded: ReturnType<typeof loadConfig>) => (loaded.problems ?? []).map(formatProblem)

function good(text: string, more: Partial<LoadRequest> = {}, others: Record<string, string> = {}) {
  const loaded = load(text, more, others)
  expect(page(loaded)).toEqual([])
  return loaded.config!
}

describe('the page of errors', () => {
  const names = readdirSync(FIXTURES).filter(name => name.endsWith('.yml'))
  it.each(names)('of %s is as it was agreed', async name => {
    const text = readFileSync(new URL(name, FIXTURES), 'utf8')
    const loaded = load(
      text,
      { env: ENV, checkWhere: () => 'expected a comparison' },
      { 'tenant.txt': 'hunter2 hunter2\n' }
    )
    const lines = page(loaded)
    expect(lines.length, 'a fixture shows at least one problem').toBeGreaterThan(0)
    expect(lines.join('\n')).not.toContain('hunter2')
    const golden = new URL(name.replace(/yml$/, 'txt'), FIXTURES)
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(golden.pathname)
  })
})

describe('a file that is right', () => {
  it('fills in every default', () => {
    const { limits, journal, store, listen, detectors, tokens, tenant, dataDir, log, loopback } = good('')
    expect({ limits, journal, store, listen, tokens, tenant, dataDir, log, loopback }).toEqual({
      limits: {
        body: 20 * 1024 ** 2,
        inflatedBody: 64 * 1024 ** 2,
        recordsPerBody: 100_000,
        record: 1024 ** 2,
        depth: 64,
        keys: 5000,
        pendingBytes: 64 * 1024 ** 2,
        connections: 2048,
        requestTimeoutMs: 30_000,
        deliveries: 100_000,
        clockSkewMs: 300_000,
        page: 1000
      },
      journal: {
        segmentBytes: 64 * 1024 ** 2,
        segmentAgeMs: 86_400_000,
        checkpointIntervalMs: 300_000,
        compress: true
      },
      store: { memoryBytes: 64 * 1024 ** 2, threads: 1, flushIntervalMs: 1000 },
      listen: { http: { host: '127.0.0.1', port: 8080 }, otlp: { host: '127.0.0.1', port: 4318 } },
      tokens: [],
      tenant: 'default',
      dataDir: './data',
      log: { level: 'info' },
      loopback: true
    })
    expect(detectors.paths).toHaveLength(1)
    expect(detectors.paths[0]).toMatch(/\/detectors$/)
  })

  it('hands each component its own options and the spine those of the spine', () => {
    const { sources, sinks, contexts } = good(`
sources: { edge: { type: access-log, format: envoy } }
sinks:
  siem: { type: splunk, url: https://splunk.example.com, token: t, where: 'severity >= medium', batch: { events: 5, age: 2s } }
calendar: { timezone: Europe/Berlin, hours: 08:00-19:00, holidays: [2026-12-25] }
`)
    expect(sources.get('edge')).toEqual({
      id: 'edge',
      type: 'access-log',
      options: { format: 'envoy', follow: true }
    })
    const siem = sinks.get('siem')
    expect(siem?.where).toBe('severity >= medium')
    expect(siem?.options).toMatchObject({ url: 'https://splunk.example.com', token: 't', timeout: 10_000 })
    expect(siem?.delivery).toEqual({
      batch: { events: 5, ageMs: 2000 },
      from: 'beginning',
      expireAfterMs: 7 * 86_400_000
    })
    expect(contexts.get('calendar')).toMatchObject({ holidays: ['2026-12-25'] })
  })

  it('turns on a context provider that says what absence means, and leaves off one that does not', () => {
    expect([...good('').contexts]).toEqual([['token', { lifetime: 3_600_000 }]])
  })

  it('takes a public address with tokens, and then is not on loopback', () => {
    const { loopback, listen, tokens } = good(`
listen: { http: 0.0.0.0:80, otlp: false }
tokens: [{ name: ci, sha256: '${'AB'.repeat(32)}', scopes: [ingest, read] }]
`)
    expect(loopback).toBe(false)
    expect(listen).toEqual({ http: { host: '0.0.0.0', port: 80 }, otlp: false })
    expect(tokens).toEqual([{ name: 'ci', sha256: 'ab'.repeat(32), scopes: ['ingest', 'read'] }])
  })

  it('lets an alias stand for a value, and a later anchor of the same name for what follows it', () => {
    const { sources } = good(`
sources:
  a: &x { type: access-log, format: envoy }
  b: *x
  c: &x { type: otlp }
  d: *x
`)
    expect([...sources.values()].map(({ type }) => type)).toEqual([
      'access-log',
      'access-log',
      'otlp',
      'otlp'
    ])
  })

  it('takes a section with everything in it commented out as absent', () => {
    expect(good('sources:\n#  edge: { type: otlp }\nlimits:\n').sources.size).toBe(0)
  })
})

describe('a reference', () => {
  const cases: [string, string, string][] = [
    ['a variable', `'\${NAME}'`, 'value'],
    ['a variable inside a text', `a-\${NAME}-z`, 'a-value-z'],
    ['two in one text', `'\${NAME}/\${NAME}'`, 'value/value'],
    ['an escape', `'$\${NAME}'`, `\${NAME}`],
    ['a value that looks like a reference', `'\${NESTED}'`, `\${NAME}`],
    ['a file by an absolute path', `'\${file:/run/secrets/key}'`, 'from a file'],
    ['a file beside the configuration', `'\${file:key}'`, 'two lines\n'],
    ['a plain dollar', "'$NAME $ {NAME}'", '$NAME $ {NAME}']
  ]
  it.each(cases)('to %s is resolved', (_, written, expected) => {
    const { dataDir } = good(
      `dataDir: ${written}`,
      { env: { NAME: 'value', NESTED: `\${NAME}` } },
      { '/run/secrets/key': 'from a file\r\n', key: 'two lines\n\n' }
    )
    expect(dataDir).toBe(expected)
  })

  it('counts as the number or truth value that it spells, where one is wanted', () => {
    const env = { DEPTH: '12', COMPRESS: 'false', PORT: '514', TOKEN: '0042' }
    const config = good(
      `
limits: { depth: '\${DEPTH}' }
journal: { compress: '\${COMPRESS}' }
sources: { edge: { type: access-log, port: '\${PORT}' } }
sinks: { siem: { type: splunk, url: https://splunk.example.com, token: '\${TOKEN}' } }
`,
      { env }
    )
    expect(config.limits.depth).toBe(12)
    expect(config.journal.compress).toBe(false)
    expect(config.sources.get('edge')?.options).toMatchObject({ port: 514 })
    expect(config.sinks.get('siem')?.options).toMatchObject({ token: '0042' })
  })

  it('finds no variable on the prototype', () => {
    expect(page(load(`dataDir: \${constructor}`))).toEqual([
      'keywatch.yml:1:10 dataDir: the environment variable constructor is not set'
    ])
  })

  it('takes no file above 64 KiB and none that is not text', () => {
    expect(page(load(`dataDir: '\${file:/big}'`, {}, { '/big': 'x'.repeat(65_537) }))).toEqual([
      `keywatch.yml:1:10 dataDir: the file named by \${file:…} is larger than 64 KiB`
    ])
  })
})

describe('the file itself', () => {
  const bytes = (text: string) => Buffer.from(text)
  const cases: [string, Uint8Array, string][] = [
    ['larger than 1 MiB', Buffer.alloc(1024 ** 2 + 1, 32), 'keywatch.yml:1:1 the file is larger than 1 MiB'],
    ['not UTF-8', Buffer.from([0x61, 0x3a, 0xff]), 'keywatch.yml:1:1 the file is not UTF-8 text'],
    ['nested 10,000 deep', bytes(`a: ${'['.repeat(10_000)}`), 'nested too deeply'],
    ['nested 100 deep', bytes(`a: ${'['.repeat(100)}${']'.repeat(100)}`), 'nested too deeply'],
    ['binary', Buffer.from([0, 1, 2, 3]), 'keywatch.yml:1:1 ']
  ]
  it.each(cases)('is refused if it is %s', (_, content, expected) => {
    expect(page(load(content)).join('\n')).toContain(expected)
  })

  it('is a problem if it is missing, without words of the system', () => {
    expect(page(loadConfig({ path: 'x.yml', env: {}, catalog: testCatalog, readFile: files({}) }))).toEqual([
      'x.yml:1:1 the file does not exist'
    ])
  })

  it('never makes the loader throw, and no planted secret is ever shown', () => {
    const secret = 'Zx9secretZx9'
    const leaf = fc.oneof(
      fc.constant(secret),
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(`\${S}`)
    )
    const names = fc.oneof(
      fc.constantFrom(
        'sources',
        'sinks',
        'type',
        'splunk',
        'secret',
        'url',
        'tokens',
        'listen',
        'limits',
        'calendar',
        'keys'
      ),
      fc.string(),
      fc.constant('__proto__')
    )
    const { value } = fc.letrec(tie => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(names, tie('value'), { maxKeys: 5 })
      )
    }))
    fc.assert(
      fc.property(value, fc.constantFrom('', '\n- x', '\n\t}', '"'), (tree, tail) => {
        const loaded = load(JSON.stringify(tree) + tail, { env: { S: secret } })
        expect(page(loaded).join('\n')).not.toContain(secret)
      }),
      { numRuns: 300 }
    )
  })
})

describe('without a file', () => {
  const embedded = (env: Record<string, string>) =>
    loadConfig({ env, catalog: testCatalog, readFile: files({}) }).config!

  it('three sources run on loopback, and nothing is sent anywhere', () => {
    const config = embedded({})
    expect([...config.sources.values()].map(({ id, type }) => [id, type])).toEqual([
      ['doppler', 'doppler'],
      ['access-log', 'access-log'],
      ['otlp', 'otlp']
    ])
    expect(config.sinks.size).toBe(0)
    expect(config.loopback).toBe(true)
    expect(config.sources.get('doppler')?.options).toEqual({ environments: {} })
  })

  it('the secret of Doppler comes from the environment', () => {
    const { sources } = embedded({ DOPPLER_WEBHOOK_SECRET: `fake-\${X}-secret` })
    expect(sources.get('doppler')?.options).toMatchObject({ secret: `fake-\${X}-secret` })
  })
})
