/** Every rule's own examples, and what holds for all rules. */
import { describe, expect, it } from 'vitest'
import { INFIX_RULES, RULES } from '../../src/redact/rules/all.ts'
import { awsAccount } from '../../src/redact/rules/clouds.ts'
import { fake } from '../../src/redact/rules/rule.ts'
import { legacyVault } from '../../src/redact/rules/vaults.ts'
import { Scanner } from '../../src/redact/scan.ts'

const scanner = new Scanner()
const typesIn = (text: string) =>
  scanner
    .scan(text)
    .filter(one => one.start === 0 && one.end === text.length)
    .map(one => one.type)

describe('rules of token formats', () => {
  const all = [...RULES, legacyVault]
  it.each(all.map(rule => [rule.type, rule] as const))('%s takes each of its examples whole', (_, rule) => {
    for (const text of rule.examples.ok) expect(typesIn(text), text).toContain(rule.type)
  })

  it.each(all.map(rule => [rule.type, rule] as const))(
    '%s finds nothing in its counter-examples',
    (_, rule) => {
      for (const text of rule.examples.ng) {
        const found = scanner.scan(text).filter(one => one.rule === rule)
        expect(found, text).toEqual([])
      }
    }
  )

  it.each(INFIX_RULES.map(rule => [rule.type, rule] as const))(
    '%s is found by its mark inside',
    (_, rule) => {
      for (const text of rule.examples.ok) expect(typesIn(text), text).toContain(rule.type)
      for (const text of rule.examples.ng) {
        expect(
          scanner.scan(text).filter(one => one.type === rule.type && one.rule === undefined),
          text
        ).toEqual([])
      }
    }
  )

  it('finds each example between any delimiters of logs', () => {
    const delimiters: [string, string][] = [
      ['', ''],
      [' ', ' '],
      ['"', '"'],
      ["'", "'"],
      ['=', '&'],
      ['(', ')'],
      ['[', ']'],
      ['{', '}'],
      ['<', '>'],
      [',', ','],
      ['|', '|'],
      [':', ':'],
      ['/', '?'],
      ['@', '@'],
      ['%', '%'],
      ['`', '`'],
      ['\u4f60', '\u597d'],
      ['\u{1f511}', '\u{1f511}'],
      ['\\n', '\\n'],
      ['\n', '\r\n']
    ]
    for (const rule of RULES)
      for (const token of rule.examples.ok)
        for (const [left, right] of delimiters) {
          const text = `x ${left}${token}${right} y`
          const start = 2 + left.length
          const covered = scanner
            .scan(text)
            .some(one => one.start <= start && one.end >= start + token.length)
          expect(covered, `${rule.type} between ${left} and ${right}`).toBe(true)
        }
  })

  it('has a type, an example and a counter-example for each rule, and types in kebab case', () => {
    for (const rule of RULES) {
      expect(rule.type).toMatch(/^[a-z0-9-]{2,64}$/)
      expect(rule.examples.ok.length).toBeGreaterThan(0)
      expect(rule.examples.ng.length).toBeGreaterThan(0)
      expect(rule.pattern.flags).toBe('y')
    }
  })

  it('reads the account out of an AWS access key id', () => {
    // The published example of AWS's own documentation for GetAccessKeyInfo.
    expect(awsAccount(['ASIAQ', 'NZGKIQY56JQ7WML'].join(''))).toBe('029608264753')
    expect(awsAccount('AKIA')).toBeUndefined()
    expect(awsAccount(`AKIA${'1'.repeat(16)}`)).toBeUndefined()
  })

  it('makes the same example for the same arguments', () => {
    expect(fake(20)).toBe(fake(20))
    expect(fake(20)).not.toBe(fake(20, 'base62', 8))
  })
})
