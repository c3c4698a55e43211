import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { loadCatalog } from '../../src/catalog.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { CORE_OPTIONS } from '../../src/config/schema.ts'
import { compileWhere } from '../../src/lib/where.ts'

const PATH = new URL('../../keywatch.example.yml', import.meta.url).pathname
const ENV = {
  DOPPLER_WEBHOOK_SECRET: 'fake-doppler-secret-for-tests',
  DD_API_KEY: '0'.repeat(32),
  SPLUNK_HEC_TOKEN: '00000000-0000-0000-0000-000000000000',
  KEYWATCH_CI_TOKEN_SHA256: 'a'.repeat(64),
  KEYWATCH_ONCALL_TOKEN_SHA256: 'b'.repeat(64)
}

const checkWhere = (text: string) => {
  const compiled = compileWhere(text)
  return 'problem' in compiled ? compiled.problem : undefined
}

describe('keywatch.example.yml', () => {
  it('loads without a problem', async () => {
    const loaded = loadConfig({
      path: PATH,
      env: ENV,
      catalog: await loadCatalog(),
      checkWhere
    })
    expect((loaded.problems ?? []).map(formatProblem)).toEqual([])
    expect([...loaded.config!.sinks.keys()]).toEqual(['dd', 'siem'])
  })

  it('says the defaults where it says that it does', async () => {
    const catalog = await loadCatalog()
    const example = loadConfig({ path: PATH, env: ENV, catalog }).config!
    const bare = loadConfig({ env: {}, catalog }).config!
    for (const name of [
      'dataDir',
      'tenant',
      'listen',
      'detectors',
      'keys',
      'journal',
      'store',
      'limits',
      'log'
    ] as const)
      expect(example[name], name).toEqual(bare[name])
  })

  it('names every option of the file itself', () => {
    const text = readFileSync(PATH, 'utf8')
    const missing = Object.keys(CORE_OPTIONS).filter(name => !new RegExp(`^${name}:`, 'm').test(text))
    expect(missing).toEqual([])
  })
})
