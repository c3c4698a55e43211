/** Statements never carry a value of the query that they were made from. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EventQuery, FindingQuery } from '../../src/core/store.ts'
import {
  credentialCountsStatement,
  credentialTextsStatement,
  eventsStatement,
  findingsStatement,
  HITS_MAX
} from '../../src/store/sql.ts'

/** Values that no SQL keyword, column or parameter contains. */
const MARK = 'Zq\u2020'
const text = fc.string().map(inner => `${MARK}${inner}${MARK}`)
const wild = fc.tuple(fc.constantFrom('', '*'), text, fc.constantFrom('', '*')).map(parts => parts.join(''))
const number = fc.integer({ min: 7_000_000_000, max: 7_999_999_999 })

const eventQuery = fc.record<EventQuery>(
  {
    from: number,
    to: number,
    class: text,
    actor: wild,
    server: wild,
    ip: text,
    credentials: fc.array(text, { maxLength: 5 }),
    source: text,
    action: text,
    uid: text,
    statusCode: number,
    secret: wild,
    limit: number,
    before: fc.record({ time: number, sequence: number })
  },
  { requiredKeys: ['limit'] }
)
const findingQuery = fc.record<FindingQuery>(
  {
    from: number,
    to: number,
    rule: text,
    level: text,
    uid: text,
    limit: number,
    before: fc.record({ time: number, sequence: number })
  },
  { requiredKeys: ['limit'] }
)

const placeholders = (sql: string) => [...new Set(sql.match(/\$\d+/g) ?? [])].length
/** Only our own words, digits of parameters and of column names are left. */
function expectNoValue({ sql, values }: { sql: string; values: readonly unknown[] }): void {
  expect(sql).toMatch(/^[A-Za-z0-9_$.,()<>=*' ]+$/)
  expect(sql).not.toMatch(/[^$\w]\d{2,}/)
  expect(sql).not.toContain('Zq')
  expect(placeholders(sql)).toBe(values.length)
}

describe('a statement', () => {
  it('has every value of an event query as a parameter', () => {
    fc.assert(fc.property(eventQuery, query => expectNoValue(eventsStatement(query))))
  })
  it('has every value of a finding query as a parameter', () => {
    fc.assert(fc.property(findingQuery, query => expectNoValue(findingsStatement(query))))
  })
  it('has every fingerprint as a parameter', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 9 }), fingerprints => {
        expectNoValue(credentialCountsStatement(fingerprints))
        expectNoValue(credentialTextsStatement(fingerprints))
      })
    )
  })
  it('depends only on which conditions are given, not on what they say', () => {
    fc.assert(
      fc.property(eventQuery, query => {
        const other = { ...query, limit: 3, ...(query.ip === undefined ? {} : { ip: "' OR 1=1 --" }) }
        expect(eventsStatement(other).sql).toBe(eventsStatement(query).sql)
      })
    )
  })
  it('never asks for more rows than the limit of the store', () => {
    expect(eventsStatement({ limit: 1e9 }).values).toEqual([HITS_MAX])
    expect(eventsStatement({ limit: Number.NaN }).values).toEqual([0])
  })
})
