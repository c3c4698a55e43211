import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createDetectorEngine } from '../../src/detect/engine.ts'
import { loadDetectors, readDetectorFolder } from '../../src/detect/load.ts'
import { createMatcher } from '../../src/detect/matcher.ts'
import { realDisk } from '../../src/lib/disk.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CASES = fileURLToPath(new URL('.', import.meta.url))
const files = await readDetectorFolder(realDisk, `${ROOT}/detectors`)
const nameOf = (path: string) => basename(path, '.yml')

/** One line of `<detector>.ndjson`: does the first rule of the file match this event? */
const Case = z.strictObject({
  why: z.string(),
  expect: z.enum(['match', 'silence']),
  event: z.record(z.string(), z.unknown())
})

describe.each(files.map(file => [file.path, file] as const))('detector %s', (path, file) => {
  const fixture = `${CASES}/${nameOf(path)}.ndjson`
  const cases = existsSync(fixture)
    ? readFileSync(fixture, 'utf8')
        .trim()
        .split('\n')
        .map(line => Case.parse(JSON.parse(line)))
    : []
  const set = loadDetectors([file])
  const rule = set.rules[0]

  it('has cases: matches, filtered events, near misses and absent fields', () => {
    expect(cases.some(one => one.expect === 'match')).toBe(true)
    for (const kind of ['filtered', 'near miss', 'field absent']) {
      expect(
        cases.some(one => one.why.startsWith(kind)),
        kind
      ).toBe(true)
    }
  })

  it.each(cases.map(one => [one.why, one] as const))('%s', (_, one) => {
    const matcher = createMatcher({ files: [file], everyRule: true })
    const matched = matcher.match(one.event).some(match => match.rule === rule?.head.id)
    expect(matched ? 'match' : 'silence').toBe(one.expect)
  })

  it('says what a responder needs: a description, false positives, techniques and a runbook that exists', () => {
    const heads = [...set.rules.filter(one => !set.silent.has(one)), ...set.correlations].map(one => one.head)
    expect(heads.length).toBeGreaterThan(0)
    for (const head of heads) {
      expect(head.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
      expect(head.name).toMatch(/^[a-z0-9_]{10,70}$/)
      expect(head.level).toBeDefined()
      expect(head.description?.length).toBeGreaterThan(100)
      expect(head.falsePositives.length).toBeGreaterThan(0)
      expect(head.references.length).toBeGreaterThan(0)
      expect(head.tags.some(tag => /^attack\.t\d{4}/.test(tag))).toBe(true)
      expect(head.author).toBeDefined()
      expect(existsSync(`${ROOT}/${head.runbook}`), head.runbook).toBe(true)
    }
  })
})

describe('the shipped detectors', () => {
  it('load without a problem, and each file of cases has its detector', () => {
    expect(createDetectorEngine({ files }).problems).toEqual([])
    const fixtures = readdirSync(CASES).filter(name => name.endsWith('.ndjson'))
    const known = files.map(file => `${nameOf(file.path)}.ndjson`)
    expect(fixtures.filter(name => !known.includes(name))).toEqual([])
  })
})
