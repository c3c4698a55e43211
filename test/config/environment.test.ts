import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { environment, resolveConfigPath } from '../../src/config/environment.ts'
import { readFileBounded } from '../../src/config/text-file.ts'

describe('the file that is loaded', () => {
  const cases: [string, string | undefined, Record<string, string>, boolean, string | undefined][] = [
    ['the flag before all else', 'a.yml', { KEYWATCH_CONFIG: 'b.yml' }, true, 'a.yml'],
    ['then the variable', undefined, { KEYWATCH_CONFIG: 'b.yml' }, true, 'b.yml'],
    ['then the usual place, if something is there', undefined, {}, true, './keywatch.yml'],
    ['else none', undefined, {}, false, undefined],
    ['an empty variable counts as none', undefined, { KEYWATCH_CONFIG: '' }, false, undefined]
  ]
  it.each(cases)('is %s', (_, flag, variables, exists, expected) => {
    expect(resolveConfigPath(flag, variables, () => exists)).toBe(expected)
  })
})

describe('the environment', () => {
  it('says where traces go, whether this is CI, and whether to colour', () => {
    expect(environment({})).toEqual({ variables: {}, ci: false, color: true })
    const full = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318', CI: 'true', NO_COLOR: '1' }
    expect(environment(full)).toEqual({
      variables: full,
      ci: true,
      color: false,
      otlpEndpoint: 'http://127.0.0.1:4318'
    })
    expect(environment({ CI: 'false', NO_COLOR: '' })).toMatchObject({ ci: false, color: true })
  })
})

describe('the bounded reader', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keywatch-config-'))
  const sizes = [0, 1, 65_535, 65_536, 65_537, 200_000]
  it.each(sizes)('reads a file of %i bytes, and of a longer one only one byte too many', size => {
    const path = join(folder, `${size}`)
    writeFileSync(path, Buffer.alloc(size, 97))
    expect(readFileBounded(path, 300_000)).toHaveLength(size)
    expect(readFileBounded(path, 100)).toHaveLength(Math.min(size, 101))
  })

  it('stops at the bound even where a file has no end', () => {
    expect(readFileBounded('/dev/zero', 1000)).toHaveLength(1001)
    rmSync(folder, { recursive: true })
  })
})
