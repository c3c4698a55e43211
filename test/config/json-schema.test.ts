import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadCatalog } from '../../src/catalog.ts'
import { environment } from '../../src/config/environment.ts'
import { renderJsonSchema } from '../../src/config/json-schema.ts'
import { testCatalog } from './catalog.ts'

const FILE = new URL('../../keywatch.schema.json', import.meta.url)
const FIXTURES = new URL('../fixtures/config/', import.meta.url)

const validator = (text: string) =>
  new Ajv2020({ strict: false, validateFormats: false }).compile(JSON.parse(text) as object)

/** Every option of a schema: path and its own part. */
function* leaves(part: unknown, path: string): Generator<[string, Record<string, unknown>]> {
  if (typeof part !== 'object' || part === null) return
  const node = part as Record<string, unknown>
  for (const [name, option] of Object.entries((node['properties'] ?? {}) as Record<string, unknown>)) {
    yield [`${path}.${name}`, option as Record<string, unknown>]
    yield* leaves(option, `${path}.${name}`)
  }
  yield* leaves(node['items'], `${path}[]`)
}

describe('the JSON Schema for editors', () => {
  const check = validator(renderJsonSchema(testCatalog))

  it('takes what the loader takes', () => {
    const config = parse(`
dataDir: /var/lib/keywatch
listen: { http: 127.0.0.1:8080, otlp: false }
tokens: [{ name: ci, sha256: '\${TOKEN_SHA256}', scopes: [ingest] }]
limits: { body: 1MiB, depth: '\${DEPTH}', requestTimeout: 500ms }
journal: { compress: '\${COMPRESS}' }
calendar: { timezone: Europe/Berlin, hours: 08:00-19:00, holidays: [2026-12-25] }
sources:
  doppler: { type: doppler, secret: '\${SECRET}' }
  edge: { type: access-log, format: '\${FORMAT}', port: 514, hosts: ['10.0.0.0/8'] }
sinks:
  siem: { type: splunk, url: '\${URL}', token: '\${file:/run/secrets/t}', where: severity >= medium, batch: { age: 1s } }
`)
    check(config)
    expect(check.errors ?? []).toEqual([])
  })

  const wrong = ['everything-wrong', 'secrets-in-wrong-places', 'list-at-top']
  it.each(wrong)('refuses %s.yml, as the loader does', name => {
    const text = readFileSync(new URL(`${name}.yml`, FIXTURES), 'utf8')
    expect(check(parse(text, { uniqueKeys: false }))).toBe(false)
  })

  it('marks secrets as write-only, and says so in no other word', () => {
    const text = renderJsonSchema(testCatalog)
    expect(text).not.toContain('"secret": true')
    const schema = JSON.parse(text) as { properties: Record<string, unknown> }
    expect(JSON.stringify(schema.properties['sources'])).toContain('"writeOnly":true')
  })

  it('describes every option of the file itself', () => {
    const schema = JSON.parse(renderJsonSchema({ sources: new Map(), sinks: new Map(), contexts: new Map() }))
    const bare = [...leaves(schema, '')].filter(([, option]) => option['description'] === undefined)
    expect(bare.map(([path]) => path)).toEqual([])
  })

  it('is fresh: keywatch.schema.json is what the schemas say today', async () => {
    const text = renderJsonSchema(await loadCatalog())
    const stored = existsSync(FILE) ? readFileSync(FILE, 'utf8') : ''
    if (stored !== text && !environment().ci) writeFileSync(FILE, text)
    expect(
      stored === text,
      'keywatch.schema.json was stale and has been rewritten (not in CI); commit it'
    ).toBe(true)
  })

  it('is valid JSON Schema with the real components', async () => {
    expect(() => validator(JSON.stringify(JSON.parse(renderJsonSchema({ ...testCatalog }))))).not.toThrow()
    const real = await loadCatalog()
    expect(() => validator(renderJsonSchema(real))).not.toThrow()
  })
})
