import { describe, expect, it } from 'vitest'
import { createMatcher } from '../../src/detect/matcher.ts'
import { entriesOf, refused } from './entries.ts'
import { fileOf } from './rules.ts'

const RULES = `title: Console login without MFA
id: 4d1a5a5e-0000-4000-8000-000000000001
name: login
logsource: { product: aws, service: cloudtrail }
level: high
detection:
  selection: { eventName: ConsoleLogin, additionalEventData.MFAUsed: 'No' }
  condition: selection
---
title: Proxy error
logsource: { category: proxy }
detection:
  selection: { sc-status|gte: 500 }
  condition: selection
---
title: Many logins
id: many
correlation: { type: event_count, rules: [login], group-by: [sourceIPAddress], timespan: 1m, condition: { gte: 2 } }
`
const login = {
  eventName: 'ConsoleLogin',
  additionalEventData: { MFAUsed: 'No' },
  sourceIPAddress: '192.0.2.1'
}

describe('matching detectors on any JSON', () => {
  it('tries every rule on an object that is not ours, with its own field names', () => {
    const matcher = createMatcher({ files: [fileOf(RULES)], everyRule: true })
    expect(matcher.problems).toEqual([])
    expect(matcher.match(login)).toEqual([
      expect.objectContaining({ rule: '4d1a5a5e-0000-4000-8000-000000000001', level: 'high', kind: 'rule' })
    ])
    expect(matcher.match({ 'sc-status': '503' }).map(match => match.rule)).toEqual(['proxy_error'])
    expect(matcher.match([])).toEqual([])
  })

  it('routes an event of Keywatch by its log source', () => {
    const matcher = createMatcher({ files: [fileOf(RULES)] })
    const [entry] = entriesOf([refused(0, '192.0.2.1', '', 503)])
    expect(matcher.match({ ...entry?.event, ...login }).map(match => match.rule)).toEqual(['proxy_error'])
  })

  it('correlates when it is told id and time, and suppresses nothing', () => {
    const matcher = createMatcher({ files: [fileOf(RULES)] })
    const at = (time: number) => matcher.match(login, { id: `line-${time}`, time })
    expect(matcher.match(login)).toEqual([])
    expect(at(1000)).toEqual([])
    expect(at(2000)).toEqual([
      expect.objectContaining({
        rule: 'many',
        kind: 'correlation',
        group: { sourceIPAddress: '192.0.2.1' },
        events: ['line-1000', 'line-2000']
      })
    ])
    expect(at(3000)).toHaveLength(1)
    expect(at(3000)).toEqual([])
  })
})
