/** The key file: made once, read back, and refused with words that say nothing of its content. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Fingerprinter } from '../../src/redact/fingerprint.ts'
import { loadOrCreateKeys } from '../../src/redact/keys.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keywatch-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const NOW = Date.UTC(2026, 10, 22)
let filled = 0
const random = (bytes: Uint8Array) => {
  bytes.fill(++filled)
}

describe('the key file', () => {
  it('is made at the first start with mode 0600 and read at the second', () => {
    const path = join(folder, 'keys.json')
    const first = loadOrCreateKeys(path, NOW, random)
    expect(first).toMatchObject({ created: true, tenant: 'default', keys: [{ state: 'live' }] })
    expect(first.keys[0]?.master).toHaveLength(32)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['keys.json'])
    const second = loadOrCreateKeys(path, NOW + 1, random)
    expect(second).toEqual({ ...first, created: false })
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      version: 1,
      keys: [{ created: '2026-11-22T00:00:00.000Z' }]
    })
  })

  const BROKEN: [string, string, RegExp][] = [
    ['no JSON', '{"version": oops-secret', /is not JSON/],
    ['an unknown member', '{"version":1,"tenant":"a","keys":[],"oops-secret":1}', /documented form/],
    [
      'a bad key id',
      '{"version":1,"tenant":"a","keys":[{"id":"oops secret","state":"live","created":"2026-11-22T00:00:00Z","master":"x"}]}',
      /keys\.0\.id/
    ]
  ]
  it.each(BROKEN)('with %s is refused without quoting it', (_, content, message) => {
    const path = join(folder, 'keys.json')
    writeFileSync(path, content, { mode: 0o600 })
    let text = ''
    try {
      loadOrCreateKeys(path, NOW, random)
    } catch (error) {
      text = String(error)
    }
    expect(text).toMatch(message)
    expect(text).not.toContain('oops')
  })

  it('that others may read is refused', () => {
    const path = join(folder, 'keys.json')
    loadOrCreateKeys(path, NOW, random)
    chmodSync(path, 0o644)
    expect(() => loadOrCreateKeys(path, NOW, random)).toThrow(/0600/)
  })

  it('in a folder that does not exist is refused', () => {
    expect(() => loadOrCreateKeys(join(folder, 'no', 'keys.json'), NOW, random)).toThrow(/cannot be created/)
  })
})

describe('keys', () => {
  const key = (id: string, state: 'live' | 'retired', bytes = 32) => ({
    id,
    state,
    master: Buffer.alloc(bytes, 1)
  })
  it.each([
    ['no live key', [key('a', 'retired')]],
    ['two keys of one id', [key('a', 'live'), key('a', 'retired')]],
    ['a short key', [key('a', 'live', 31)]],
    ['an id with a dot', [key('a.b', 'live')]]
  ])('with %s are refused', (_, keys) => {
    expect(() => new Fingerprinter(keys, 'default')).toThrow(/key/)
  })
})
