/**
 * The examples do what they say: the request that an example's README shows goes through its configuration, the real
 * source, redactor, contexts and ingest, and the journal then holds what lies in `expected.ndjson`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadCatalog } from '../src/catalog.ts'
import { loadConfig } from '../src/config/load.ts'
import { formatProblem } from '../src/config/problem.ts'
import type { Config } from '../src/config/schema.ts'
import type { OcsfEvent } from '../src/core/event.ts'
import type { Route } from '../src/core/intake.ts'
import type { IntakeRequest } from '../src/core/source.ts'
import { createIngest } from '../src/ingest.ts'
import { realDisk } from '../src/lib/disk.ts'
import { createRedactor } from '../src/redact/redact.ts'
import { fenced } from './docs/markdown.ts'
import { fakeClock } from './fakes/clock.ts'
import { memoryJournal } from './fakes/journal.ts'
import { fakeLog } from './fakes/log.ts'
import { expectOcsf } from './ocsf.ts'
import { noMetrics } from './spine/setup.ts'

const FOLDER = new URL('../examples/', import.meta.url)
const catalog = await loadCatalog()
/** Everybody knows this key, so the fingerprints in the expected files are the same for everybody. */
const KEY = { id: 'example', master: Buffer.alloc(32, 'keywatch'), state: 'live' as const }

interface Example {
  readonly env: Record<string, string>
  readonly route: Route
  readonly id: string
  readonly path: string
  readonly headers: Map<string, string[]>
  /** Relative to the example's folder. */
  readonly input: string
}

/** Reads the `export` lines and the one `curl` of a README. Throws if it does not understand them. */
function readExample(readme: string): Example {
  const script = fenced(readme, 'sh').join('\n').replaceAll('\\\n', ' ')
  const env = Object.fromEntries(
    [...script.matchAll(/^export (\w+)=(\S+)/gm)].map(([, k = '', v = '']) => [k, v])
  )
  const curl =
    script.split('\n').filter(line => line.startsWith('curl') && line.includes('--data-binary'))[0] ?? ''
  const path = /http:\/\/127\.0\.0\.1:\d+\/(\S+)/.exec(curl)?.[1] ?? ''
  const headers = new Map(
    [...curl.matchAll(/-H '([^:']+): ([^']*)'/g)].map(([, k = '', v = '']) => [k.toLowerCase(), [v]])
  )
  const input = /--data-binary @examples\/[\w-]+\/(\S+)/.exec(curl)?.[1]
  if (input === undefined) throw new Error('the README shows no curl with --data-binary @examples/…')
  const [prefix, id = ''] = path.split('/')
  if (prefix === 'hooks' || prefix === 'ingest') return { env, route: prefix, id, path: '', headers, input }
  return { env, route: 'otlp', id: '', path, headers, input }
}

function openExample(config: Config) {
  const clock = fakeClock(Date.UTC(2026, 10, 22, 12))
  const log = fakeLog()
  const journal = memoryJournal()
  const context = { clock, disk: realDisk, log, loopback: config.loopback }
  const ingest = createIngest({
    sources: [...config.sources.values()].map(({ id, type, options }) => ({
      id,
      type,
      source: catalog.sources.get(type)!.open(options, { ...context, id })
    })),
    redactor: createRedactor({ keys: [KEY], tenant: config.tenant }),
    contexts: [...config.contexts].map(([name, options]) => catalog.contexts.get(name)!.open(options)),
    journal,
    metrics: noMetrics,
    clock,
    log,
    limits: config.limits,
    span: (_name, _attributes, run) => run()
  })
  return { ingest, journal, clock }
}

/** An id that is drawn is not the same twice; one that the vendor's id makes is. */
const settled = (event: OcsfEvent): OcsfEvent => ({
  ...event,
  metadata: {
    ...event.metadata,
    uid: /^[0-9a-f]{8}-[0-9a-f]{4}-7/.test(event.metadata.uid) ? 'drawn' : event.metadata.uid
  }
})

describe.each(readdirSync(FOLDER))('example %s', name => {
  const file = (path: string) => fileURLToPath(new URL(`${name}/${path}`, FOLDER))
  const example = readExample(readFileSync(file('README.md'), 'utf8'))
  const loaded = loadConfig({ path: file('keywatch.yml'), env: example.env, catalog })

  it('has a configuration that loads', () => {
    expect((loaded.problems ?? []).map(formatProblem)).toEqual([])
  })

  it('becomes what lies in expected.ndjson, and no credential of the input is in it', async () => {
    if (loaded.config === undefined) throw new Error('see the test before')
    const { ingest, journal, clock } = openExample(loaded.config)
    const body = readFileSync(file(example.input))
    const request: IntakeRequest = {
      method: 'POST',
      path: example.path,
      query: new URLSearchParams(),
      headers: example.headers,
      body,
      remoteAddress: '127.0.0.1',
      receivedAt: clock.now()
    }
    const target = ingest.target(example.route, example.id)
    if (target === undefined) throw new Error('the README sends to a source that keywatch.yml does not have')
    const answer = await ingest.receive(target, request)
    expect(answer.status).toBe(200)
    for (const event of journal.events()) expectOcsf(event)
    const lines = journal.events().map(event => `${JSON.stringify(settled(event))}\n`)
    for (const [secret] of body.toString('utf8').matchAll(/ghp_\w+|hunter2-hunter2|correct-horse-battery/g))
      expect(lines.join('')).not.toContain(secret)
    await expect(lines.join('')).toMatchFileSnapshot(file('expected.ndjson'))
  })
})
