import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OcsfEvent } from '../../src/core/event.ts'
import { createDetectorEngine } from '../../src/detect/engine.ts'
import { expectOcsf } from '../ocsf.ts'
import { entriesOf, refused, START } from './entries.ts'
import { fileOf } from './rules.ts'

const BASE = `title: Refused
name: refused
level: low
logsource: { category: proxy }
detection:
  s: { http_response.code: [401, 403] }
  condition: s
`
const BURST = `title: Burst
id: burst
author: Ann Author
description: Many were refused.
falsepositives: [A loop]
level: high
tags: [attack.credential-access, attack.t1110.004, attack.t1078]
correlation:
  type: event_count
  rules: [refused]
  group-by: [src_endpoint.ip]
  timespan: 1m
  condition: { gte: 3 }
keywatch: { runbook: docs/runbooks/x.md }
`
const MANY = `title: Many addresses
id: many
level: medium
correlation:
  type: value_count
  rules: [refused]
  group-by: [http_request.url.path]
  timespan: 1m
  condition: { field: src_endpoint.ip, gte: 3 }
`
const engineOf = (text: string, groupsMax?: number) =>
  createDetectorEngine({ files: [fileOf(text)], ...(groupsMax === undefined ? {} : { groupsMax }) })
const burst = (changes: [string, string][] = []) =>
  `${BASE}---\n${changes.reduce((text, [from, to]) => text.replace(from, to), BURST)}`
const run = (text: string, events: OcsfEvent[]) => engineOf(text).evaluate(entriesOf(events))
const A = '192.0.2.1'
const B = '192.0.2.2'

describe('a correlation that counts events', () => {
  it.each([
    ['fires at the threshold', [0, 1, 2], 1],
    ['does not fire below it', [0, 1], 0],
    ['needs all of them within the time span', [0, 30, 61], 0],
    ['leaves out an event exactly one span old', [0, 30, 60], 0],
    ['takes one a second younger', [0, 30, 59], 1],
    ['slides: a boundary of the clock means nothing', [50, 55, 65], 1],
    ['takes events in any order', [59, 0, 30], 1],
    ['is not confused by an older stray', [100, 0, 101, 102], 1]
  ])('%s', (_, seconds, findings) => {
    expect(
      run(
        burst(),
        seconds.map(second => refused(second, A))
      )
    ).toHaveLength(findings)
  })

  it('counts groups apart', () => {
    expect(run(burst(), [refused(0, A), refused(1, B), refused(2, A), refused(3, B)])).toEqual([])
  })

  it('does not count an event that lacks the field of the group', () => {
    expect(
      run(
        burst(),
        [0, 1, 2, 3].map(second => refused(second, undefined))
      )
    ).toEqual([])
  })

  it('counts an event once, however often and whenever it comes', () => {
    const twice = [refused(0, A, 'a'), refused(1, A, 'b'), refused(0, A, 'a'), refused(1, A, 'b')]
    expect(run(burst(), twice)).toEqual([])
    const engine = engineOf(burst([['gte: 3', 'gte: 4']]))
    const events = [0, 1, 2].map(second => refused(second, A, `id-${second}`))
    expect(engine.evaluate(entriesOf([...events, ...events, ...events]))).toEqual([])
  })

  it('gt means one more than gte', () => {
    const events = () => [0, 1, 2].map(second => refused(second, A))
    expect(run(burst([['gte: 3', 'gt: 3']]), events())).toHaveLength(0)
    expect(run(burst([['gte: 3', 'gt: 2']]), events())).toHaveLength(1)
    expect(run(burst([['gte: 3', 'gte: 2.5']]), events())).toHaveLength(1)
  })

  it('makes no finding of the rule it counts, unless it says generate', () => {
    const rules = (text: string) =>
      run(
        text,
        [0, 1, 2].map(second => refused(second, A))
      ).map(event => event.unmapped.keywatch.finding?.rule)
    expect(rules(burst())).toEqual(['burst'])
    expect(rules(burst([['timespan', 'generate: true\n  timespan']]))).toEqual(['refused', 'burst'])
  })

  it('takes an alias for the field of each rule', () => {
    const text = burst([
      ['[src_endpoint.ip]', '[who]'],
      ['timespan', 'aliases: { who: { refused: c-ip } }\n  timespan']
    ])
    expect(
      run(
        text,
        [0, 1, 2].map(second => refused(second, A))
      )[0]?.unmapped.keywatch.finding?.group
    ).toEqual({ who: A })
  })

  it('counts an event with two credentials for both of them', () => {
    const events = [0, 1, 2].map(second => {
      const event = refused(second, A)
      const credential = (fingerprint: string) => ({
        fingerprint,
        type: 't',
        where: 'w',
        use: 'presented' as const
      })
      event.unmapped.keywatch.credentials = [credential('kwfp1.a.x'), credential(`kwfp1.a.y${second}`)]
      return event
    })
    const found = run(burst([['src_endpoint.ip', 'credentials.fingerprint']]), events)
    expect(found.map(event => event.unmapped.keywatch.finding?.group)).toEqual([
      { 'credentials.fingerprint': 'kwfp1.a.x' }
    ])
  })
})

describe('a correlation that counts values', () => {
  const many = (events: OcsfEvent[]) => run(`${BASE}---\n${MANY}`, events)
  const at = (second: number, last: number) => refused(second, `192.0.2.${last}`)
  it.each([
    ['counts distinct values', [at(0, 1), at(1, 2), at(2, 3)], 1],
    ['not events', [at(0, 1), at(1, 1), at(2, 1), at(3, 2)], 0],
    ['takes the newest sighting of a value', [at(0, 1), at(50, 1), at(70, 2), at(80, 3)], 1],
    ['forgets values older than the span', [at(0, 1), at(50, 2), at(70, 3)], 0],
    ['ignores an event without the field', [at(0, 1), refused(1, undefined), at(2, 2)], 0]
  ])('%s', (_, events, findings) => {
    expect(many(events)).toHaveLength(findings)
  })
})

describe('findings', () => {
  it('are valid OCSF and say who, what, since when, and what to do', () => {
    const [finding, ...others] = run(
      burst(),
      [0, 1, 2].map(second => refused(second, A, `id-${second}`))
    )
    expect(others).toEqual([])
    if (finding === undefined) throw new Error('no finding')
    expectOcsf(finding)
    expect(finding).toMatchObject({
      class_uid: 2004,
      severity_id: 4,
      is_alert: true,
      time: START + 2000,
      message: 'Burst: 3 seen (src_endpoint.ip=192.0.2.1)',
      metadata: { uid: finding.finding_info?.uid, logged_time: START + 2005 },
      finding_info: {
        title: 'Burst',
        desc: 'Many were refused.\n\nKnown false positives: A loop.',
        analytic: { uid: 'burst', name: 'Burst', type_id: 1, type: 'Rule' },
        attacks: [
          {
            version: '19',
            tactic: { name: 'Credential Access' },
            technique: { uid: 'T1110' },
            sub_technique: { uid: 'T1110.004' }
          },
          { version: '19', tactic: { name: 'Credential Access' }, technique: { uid: 'T1078' } }
        ],
        created_time: START + 2005,
        first_seen_time: START,
        last_seen_time: START + 2000,
        related_events: [0, 1, 2].map(index => ({ uid: `id-${index}`, type_uid: 400206 })),
        types: ['proxy'],
        data_sources: ['edge']
      },
      evidences: [{ src_endpoint: { ip: A }, http_response: { code: 401 } }],
      remediation: { desc: 'Follow the runbook docs/runbooks/x.md' },
      unmapped: {
        keywatch: {
          source: 'keywatch',
          source_type: 'detector',
          finding: {
            rule: 'burst',
            level: 'high',
            group: { 'src_endpoint.ip': A },
            events: ['id-0', 'id-1', 'id-2'],
            count: 3,
            runbook: 'docs/runbooks/x.md'
          },
          vendor: { rule_author: 'Ann Author' }
        }
      }
    })
  })

  it('have an id that depends on the rule, its revision, the group and the anchor, and on nothing else', () => {
    const idOf = (text: string, ip: string, last: string) =>
      run(text, [refused(0, ip, 'a'), refused(1, ip, 'b'), refused(2, ip, last)])[0]?.metadata.uid
    const id = idOf(burst(), A, 'c')
    expect(idOf(burst(), A, 'c')).toBe(id)
    const others = [
      idOf(burst(), B, 'c'),
      idOf(burst(), A, 'd'),
      idOf(burst([['Many were', 'Some were']]), A, 'c'),
      idOf(burst().replace('[401, 403]', '[401]'), A, 'c')
    ]
    expect(new Set([id, ...others]).size).toBe(5)
  })

  it('are valid for an anchor that tells nothing but its class', () => {
    const text = `title: T\nlogsource: { product: keywatch }\nlevel: informational\ndetection: { s: { class_uid: 4002 }, condition: s }\n`
    const [finding] = run(text, [refused(0, undefined)])
    if (finding === undefined) throw new Error('no finding')
    expectOcsf(finding)
    expect(finding.is_alert).toBe(false)
  })

  it('do not grow with what an attacker writes', () => {
    const events = [0, 1, 2].map(second => {
      const event = refused(second, A)
      event.actor = { user: { name: 'x'.repeat(1_000_000) } }
      return event
    })
    const [finding] = run(burst([['src_endpoint.ip', 'actor.user.name']]), events)
    expect(finding?.unmapped.keywatch.finding?.group?.['actor.user.name']).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(finding?.message?.length).toBeLessThan(700)
  })
})

describe('suppression', () => {
  const seconds = (text: string, list: number[]) =>
    run(
      text,
      list.map(second => refused(second, A))
    ).map(event => (event.time - START) / 1000)
  it.each([
    ['15 minutes for high', burst(), [0, 1, 2, 3, 900, 901, 902], [2, 902]],
    [
      'an hour for medium',
      burst([['high', 'medium']]),
      [0, 1, 2, 902, 903, 904, 3601, 3602, 3603],
      [2, 3603]
    ],
    [
      'what the detector says',
      burst([['runbook: docs/runbooks/x.md', 'suppress: 5s']]),
      [0, 1, 2, 6, 7],
      [2, 7]
    ],
    ['none for 0', burst([['runbook: docs/runbooks/x.md', 'suppress: 0']]), [0, 1, 2, 3], [2, 3]],
    ['plain rules too', BASE, [0, 1, 3599, 3600], [0, 3600]]
  ])('holds back a group for %s, by event time', (_, text, list, expected) => {
    expect(seconds(text, list)).toEqual(expected)
  })

  it('counts what it holds back, and the next finding says so', () => {
    const engine = engineOf(burst())
    const found = engine.evaluate(
      entriesOf([0, 1, 2, 3, 4, 1000, 1001, 1002].map(second => refused(second, A)))
    )
    expect(found.map(event => event.message)).toEqual([
      'Burst: 3 seen (src_endpoint.ip=192.0.2.1)',
      'Burst: 3 seen (src_endpoint.ip=192.0.2.1); 2 more were suppressed since the last finding'
    ])
    expect(engine.suppressed().get('burst')).toBe(2)
  })

  it('keeps groups apart: of a plain rule who, from where and on what', () => {
    expect(run(BASE, [refused(0, A), refused(1, B), refused(2, A)])).toHaveLength(2)
  })
})

describe('state', () => {
  it('is bounded: the group touched longest ago goes, and is counted', () => {
    const engine = engineOf(burst(), 10)
    const ips = Array.from({ length: 25 }, (_, index) => `198.51.100.${index}`)
    engine.evaluate(entriesOf([refused(0, A, 'a'), refused(1, A, 'b'), ...ips.map(ip => refused(2, ip, ip))]))
    expect(engine.evictions()).toEqual(new Map([['burst', 16]]))
    expect(engine.evictions()).toEqual(new Map())
    expect(engine.evaluate(entriesOf([refused(3, A, 'c')]))).toEqual([])
  })

  it('forgets a group that was idle for a day and the span, without counting it as lost', () => {
    const engine = engineOf(burst())
    const later = 86_400 + 61
    engine.evaluate(entriesOf([refused(0, A, 'a'), refused(later + 1, B, 'b')]))
    expect(JSON.stringify(engine.snapshot())).not.toContain(A)
    expect(engine.evictions()).toEqual(new Map())
  })

  it('starts empty for a detector whose text, or whose rule, changed; the others keep theirs', () => {
    const first = engineOf(`${burst()}---\n${MANY}`)
    first.evaluate(entriesOf([refused(0, A, 'a'), refused(1, A, 'b')]))
    const saved: unknown = JSON.parse(JSON.stringify(first.snapshot()))
    const findings = (text: string) => {
      const engine = engineOf(text)
      engine.restore(saved)
      return engine.evaluate(entriesOf([refused(2, A, 'c')])).length
    }
    expect(findings(`${burst()}---\n${MANY}`)).toBe(1)
    expect(findings(`${burst()}---\n${MANY.replace('medium', 'low')}`)).toBe(1)
    expect(findings(burst([['Many were', 'Some were']]))).toBe(0)
    expect(findings(burst().replace('[401, 403]', '[401]'))).toBe(0)
  })

  it.each([[null], ['x'], [{ version: 2 }], [{ version: 1, detectors: [{ id: 'burst' }] }], [[]]])(
    'starts empty from a snapshot that is none: %j',
    snapshot => {
      const engine = engineOf(burst())
      engine.evaluate(entriesOf([refused(0, A, 'a'), refused(1, A, 'b')]))
      engine.restore(snapshot)
      expect(engine.evaluate(entriesOf([refused(2, A, 'c')]))).toEqual([])
    }
  )

  it('survives snapshot and restore at every point, and any batching, with equal findings', () => {
    const text = `${burst([['runbook: docs/runbooks/x.md', 'suppress: 20s']])}---\n${MANY}`
    const step = fc.record({
      // Some are days apart: what was forgotten must stay forgotten, and what was not, not.
      second: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 300_000 })),
      last: fc.integer({ min: 1, max: 6 }),
      id: fc.integer({ min: 0, max: 30 }),
      code: fc.constantFrom(200, 401, 403)
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom(2, 4, 100), (steps, groupsMax) => {
        const entries = entriesOf(
          steps.map(({ second, last, id, code }) =>
            refused(second, `192.0.2.${last}`, `id-${id}-${second}`, code)
          )
        )
        const whole = engineOf(text, groupsMax).evaluate(entries)
        let engine = engineOf(text, groupsMax)
        const pieces = entries.flatMap(entry => {
          const saved: unknown = JSON.parse(JSON.stringify(engine.snapshot()))
          engine = engineOf(text, groupsMax)
          engine.restore(saved)
          return engine.evaluate([entry])
        })
        expect(pieces).toEqual(whole)
      })
    )
  })

  it('finds what brute force finds, for events in order', () => {
    const text = burst([['runbook: docs/runbooks/x.md', 'suppress: 0']])
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 40 }), gaps => {
        let time = 0
        const times = gaps.map(gap => {
          time += gap
          return time
        })
        const events = times.map((ms, index) => refused(ms / 1000, A, `id-${String(index).padStart(3, '0')}`))
        const expected = times.filter(
          (at, index) => times.slice(0, index + 1).filter(other => other > at - 60_000).length >= 3
        )
        expect(run(text, events).map(event => event.time - START)).toEqual(expected)
      })
    )
  })
})

describe('routing', () => {
  const rule = (logsource: string) =>
    `title: T\nlogsource: ${logsource}\ndetection: { s: { metadata.uid: "*" }, condition: s }\n`
  const mcp = () => {
    const event = refused(0, A)
    event.unmapped.keywatch.mcp = { method: 'tools/call' }
    return event
  }
  const secret = () => {
    const event = refused(0, A)
    event.class_uid = 3004
    delete event.http_response
    event.unmapped.keywatch.secret = { manager: 'doppler' }
    event.unmapped.keywatch.source_type = 'webhook'
    return event
  }
  it.each([
    ['{ product: keywatch }', [true, true, true]],
    ['{ category: proxy }', [true, true, false]],
    ['{ category: webserver, product: keywatch }', [true, true, false]],
    ['{ category: mcp }', [false, true, false]],
    ['{ service: mcp }', [false, true, false]],
    ['{ category: secret_manager }', [false, false, true]],
    ['{ category: secret_manager, product: Doppler }', [false, false, true]],
    ['{ category: secret_manager, product: vault }', [false, false, false]],
    ['{ product: webhook }', [false, false, true]],
    ['{ service: access-log }', [true, true, false]],
    ['{ product: windows, category: process_creation }', [false, false, false]]
  ])('a detector for %s sees proxy, MCP and secret events: %j', (logsource, expected) => {
    expect([refused(0, A), mcp(), secret()].map(event => run(rule(logsource), [event]).length === 1)).toEqual(
      expected
    )
  })

  it('stays right when managers are more than it remembers', () => {
    const engine = engineOf(rule('{ category: secret_manager, product: doppler }'))
    const events = Array.from({ length: 2000 }, (_, index) => {
      const event = secret()
      event.metadata.uid = `id-${index}`
      event.time += index * 3_600_000
      event.unmapped.keywatch.secret = { manager: index % 2 === 0 ? 'doppler' : `m${index}` }
      return event
    })
    expect(engine.evaluate(entriesOf(events))).toHaveLength(1000)
  })
})
