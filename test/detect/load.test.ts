import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadDetectors, readDetectorFolder } from '../../src/detect/load.ts'
import { realDisk } from '../../src/lib/disk.ts'
import { complaints, fileOf, ruleOf } from './rules.ts'

const CORRELATION = `title: C
correlation:
  type: event_count
  rules: [base]
  group-by: [a]
  timespan: 5m
  condition: { gte: 3 }
`
const BASE = ruleOf('s: { a: 1 }\ncondition: s', 'title: B\nname: base\nlogsource: { product: keywatch }')
const pair = (correlation: string) => `${BASE}---\n${correlation}`
const line = BASE.split('\n').length

describe('loading detectors', () => {
  it.each([
    [
      'broken YAML',
      'title: "x\ndetection: {}\n',
      '3:1 not well-formed YAML: a closing quote, bracket or colon is missing'
    ],
    ['a key twice', 'title: a\ntitle: b\n', '2:1 not well-formed YAML: this key is there twice'],
    ['no map', '- a\n', '1:1 a detector must be a map'],
    [
      'neither detection nor correlation',
      'title: a\n',
      '1:1 not a detector: it has neither detection nor correlation'
    ],
    ['a global filter', 'title: a\nfilter: {}\n', '1:1 global filters are not supported yet'],
    [
      'the old way to share',
      'action: global\ntitle: a\n',
      '1:1 action: global, repeat and reset are not supported: write whole documents'
    ],
    ['no title', 'detection: { condition: s }\n', '1:1 a detector needs a title'],
    [
      'a level that is none',
      ruleOf('s: x\ncondition: s', 'title: a\nlevel: severe'),
      '2:8 level must be one of informational, low, medium, high, critical'
    ],
    ['no log source', ruleOf('s: x\ncondition: s', 'title: a'), '1:1 a rule needs a logsource'],
    [
      'an empty log source',
      ruleOf('s: x\ncondition: s', 'title: a\nlogsource: { definition: x }'),
      '2:12 logsource needs a category, a product or a service'
    ],
    [
      'another taxonomy',
      ruleOf('s: x\ncondition: s', 'title: a\ntaxonomy: ecs\nlogsource: { product: x }'),
      '1:1 only the taxonomy sigma is supported'
    ],
    ['no condition', ruleOf('s: x'), '4:3 detection needs a condition'],
    [
      'a condition with a mistake',
      ruleOf('s: x\ncondition: s and t'),
      '5:20 condition: there is no selection of this name'
    ],
    [
      'timeframe',
      ruleOf('s: x\ntimeframe: 5m\ncondition: s'),
      '5:3 timeframe is not supported: write a correlation rule'
    ],
    ['base64', ruleOf('s: { "a|base64": x }\ncondition: s'), '4:8 modifier base64 is not supported yet'],
    ['expand', ruleOf('s: { "a|expand": "%x%" }\ncondition: s'), '4:8 modifier expand is not supported yet'],
    [
      'a modifier with a blank',
      ruleOf('s: { "a|contains ": x }\ncondition: s'),
      '4:8 modifier (unreadable) is not supported yet'
    ],
    [
      'modifiers that do not go together',
      ruleOf('s: { "a|contains|endswith": x }\ncondition: s'),
      '4:8 the modifiers contains and endswith do not go together'
    ],
    [
      'cidr of no network',
      ruleOf('s: { "a|cidr": 10.0.0.1/8 }\ncondition: s'),
      '4:18 the network has bits set beyond its prefix'
    ],
    ['gt of no number', ruleOf('s: { "a|gt": x }\ncondition: s'), '4:16 gt needs a number'],
    [
      'an expression that cannot run',
      ruleOf('s: { "a|re": "(?=x)" }\ncondition: s'),
      '4:16 look-around is not supported: it cannot run in linear time'
    ],
    [
      'a map as a value',
      ruleOf('s: { a: { b: 1 } }\ncondition: s'),
      '4:11 a field needs a value or a list of values, not a map'
    ],
    ['exists of text', ruleOf('s: { "a|exists": x }\ncondition: s'), '4:20 exists needs true or false'],
    [
      'null with contains',
      ruleOf('s: { "a|contains": null }\ncondition: s'),
      '4:22 null goes with no modifier but neq and all'
    ],
    ['a selection of nothing', ruleOf('s: {}\ncondition: s'), '4:6 an empty map selects nothing'],
    ['an empty keyword', ruleOf("s: ['']\ncondition: s"), '4:7 an empty keyword would match everything'],
    [
      'an unknown setting of ours',
      ruleOf('s: x\ncondition: s', 'title: a\nlogsource: { product: x }\nkeywatch: { mute: 1h }'),
      '3:13 keywatch takes suppress, group_by, runbook only'
    ],
    [
      'a pause that is none',
      ruleOf('s: x\ncondition: s', 'title: a\nlogsource: { product: x }\nkeywatch: { suppress: soon }'),
      '3:23 suppress must be a duration, for instance 15m, or 0'
    ],
    [
      'a type that is not supported',
      pair(CORRELATION.replace('event_count', 'temporal')),
      `${line + 3}:9 correlation type temporal is not supported yet`
    ],
    [
      'a type that is none',
      pair(CORRELATION.replace('event_count', 'x')),
      `${line + 3}:9 type must be event_count or value_count`
    ],
    [
      'a rule that does not exist',
      pair(CORRELATION.replace('[base]', '[base, other]')),
      `${line + 4}:17 this names no rule that can run; it may have a problem of its own`
    ],
    [
      'a timespan of two units',
      pair(CORRELATION.replace('5m', '1h30m')),
      `${line + 6}:13 timespan must be a whole number and a unit, for instance 30s, 5m, 12h or 7d`
    ],
    [
      'no timespan',
      pair(CORRELATION.replace('5m', '0s')),
      `${line + 6}:13 timespan must be a whole number and a unit, for instance 30s, 5m, 12h or 7d`
    ],
    [
      'a threshold from above',
      pair(CORRELATION.replace('gte', 'lt')),
      `${line + 7}:16 a condition takes gt or gte: anything else cannot be decided when an event arrives`
    ],
    [
      'a threshold that is text',
      pair(CORRELATION.replace('gte: 3', 'gte: many')),
      `${line + 7}:21 gte must be a number up to 10000`
    ],
    [
      'value_count without a field',
      pair(CORRELATION.replace('event_count', 'value_count')),
      `${line + 7}:14 value_count needs one field`
    ],
    ['an id twice', `${BASE}---\n${BASE}`, `${line + 1}:1 its id or name is already used in test.yml`]
  ])('says where and what is wrong: %s', (_, text, expected) => {
    expect(complaints(text)).toEqual([expected])
  })

  it('reports every selection that is wrong, not only the first', () => {
    expect(complaints(ruleOf('s: { "a|base64": x }\nt: { "b|wide": y }\ncondition: s or u'))).toHaveLength(3)
  })

  it('refuses a correlation of correlations', () => {
    const second = CORRELATION.replace('title: C', 'title: D').replace('[base]', '[chain]')
    const text = `${BASE}---\nname: chain\n${CORRELATION}---\n${second}`
    expect(complaints(text)).toEqual([
      expect.stringContaining('a correlation of correlations is not supported yet')
    ])
  })

  it('loads every document that can run, whatever is wrong with the others', () => {
    const set = loadDetectors([
      fileOf('title: [', 'a.yml'),
      fileOf(`title: no\n---\n${BASE}---\n${CORRELATION}`, 'b.yml'),
      fileOf(ruleOf('s: x\ncondition: s', 'title: Z\nlogsource: { product: x }'), 'c.yml')
    ])
    expect(set.rules.map(rule => rule.head.title)).toEqual(['B', 'Z'])
    expect(set.correlations.map(correlation => correlation.head.title)).toEqual(['C'])
    expect(set.problems.map(problem => problem.file)).toEqual(['a.yml', 'b.yml'])
  })

  it('finds a rule of a correlation in another file, by id, name or title', () => {
    for (const reference of ['base', 'B']) {
      const set = loadDetectors([
        fileOf(CORRELATION.replace('[base]', reference), 'a.yml'),
        fileOf(BASE, 'b.yml')
      ])
      expect(set.problems).toEqual([])
      expect(set.correlations).toHaveLength(1)
    }
  })

  it('keeps a file over the limit, or with a bomb of aliases, from loading', () => {
    expect(complaints(`${BASE}#${'x'.repeat(300_000)}`)).toEqual(['1:1 the file is larger than 256 KiB'])
    const bomb = `a: &a [x, x, x, x, x, x, x, x, x, x]\n${'bcdefgh'
      .split('')
      .map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefg'[i]}`).join(', ')}]`)
      .join('\n')}\n`
    expect(complaints(bomb)).toEqual([expect.stringContaining('more than 50000 values')])
  })

  it('never throws, whatever a file holds', () => {
    const piece = fc.constantFrom(
      'title: a',
      'detection:',
      '  s:',
      '    a|re: "("',
      '  condition: s',
      '---',
      '- x',
      '\t',
      '"',
      '&a',
      '*a',
      '{',
      '\u0000',
      'logsource: {product: x}',
      'correlation:',
      '  type: event_count'
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), pieces => {
        expect(loadDetectors([fileOf(pieces.join('\n'))]).problems).toBeInstanceOf(Array)
      })
    )
  })

  it('reads the folder of detectors with all below it, and finds nothing wrong', async () => {
    const files = await readDetectorFolder(
      realDisk,
      fileURLToPath(new URL('../../detectors', import.meta.url))
    )
    expect(files.map(file => file.path)).toContain('proxy/auth_failure_burst.yml')
    expect(loadDetectors(files).problems).toEqual([])
  })
})
