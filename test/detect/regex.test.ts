import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileRegex, SUBJECT_CHARS_MAX } from '../../src/detect/regex.ts'

const NONE = { i: false, m: false, s: false }
const test = (source: string, flags: Partial<typeof NONE>, text: string): boolean => {
  const compiled = compileRegex(source, { ...NONE, ...flags })
  if (typeof compiled === 'string') throw new Error(compiled)
  return compiled(text)
}

describe('regular expressions of detectors', () => {
  it.each([
    ['nested repetition', '^(a+)+$', {}],
    ['nested repetition without letter case', '^(a+)+$', { i: true }],
    ['inline letter case', '(?i)^(A+)+$', {}],
    ['alternatives that overlap', '^(a|aa)+$', { i: true }],
    ['three stars', '^(a*)*(a*)*(a*)*$', {}],
    ['counted repetition', '^(a{1,20}){1,20}$', { i: true }],
    ['an e-mail address', '^([a-z0-9]+([._-]?[a-z0-9]+)*)+@x$', { i: true }]
  ])('return on a hostile text: %s', (_, source, flags) => {
    expect(test(source, flags, `${'a'.repeat(40)}!`)).toBe(false)
    expect(test(source, flags, `${'a'.repeat(8_000)}!`)).toBe(false)
  })

  it('see no more of a text than the limit', () => {
    expect(test('b', {}, `${'a'.repeat(SUBJECT_CHARS_MAX - 1)}b`)).toBe(true)
    expect(test('b', {}, `${'a'.repeat(SUBJECT_CHARS_MAX)}b`)).toBe(false)
  })

  it.each([
    ['classes', '[a-c]+[^x]\\d', {}, 'abcy7', true],
    ['a class without letter case', '^[a-c]+$', { i: true }, 'aBC', true],
    ['a negated class without letter case', '^[^a-c]+$', { i: true }, 'xB', false],
    ['] first in a class', '[]x]', {}, ']', true],
    ['a hyphen last in a class', '[a-]', {}, '-', true],
    ['a shorthand in a class', '[\\w-]', {}, '-', true],
    ['letters outside of ASCII', 'ÄÖ', { i: true }, 'äö', true],
    ['a letter beyond U+FFFF', '^😀{2}$', {}, '😀😀', true],
    ['groups with names', '(?<n>a)(?P<m>b)', {}, 'ab', true],
    ['a group without letter case', '(?i:a)b', {}, 'Ab', true],
    ['and not beyond it', '(?i:a)b', {}, 'AB', false],
    ['a repetition over 16', '^[0-9a-f]{40}$', {}, 'a'.repeat(40), true],
    ['one too few', '^[0-9a-f]{40}$', {}, 'a'.repeat(39), false],
    ['one too many', '^[0-9a-f]{40}$', {}, 'a'.repeat(41), false],
    ['an open repetition over 16', '^a{20,}$', {}, 'a'.repeat(20), true],
    ['a span over 16', '^a{3,40}$', {}, 'a'.repeat(40), true],
    ['a span over 16, beyond', '^a{3,40}$', {}, 'a'.repeat(41), false],
    ['nested repetitions', '^(?:a{4}b){5}$', {}, 'aaaab'.repeat(5), true],
    ['lazy quantifiers', 'a.*?b', {}, 'axxb', true],
    ['a brace that is none', 'a{x}', {}, 'a{x}', true],
    ['escapes', '\\x41\\u0042\\t\\.\\/', {}, 'AB\t./', true],
    ['the edges of the text', '\\Aab\\z', {}, 'ab', true],
    ['word borders', '\\bfoo\\b', {}, 'a foo!', true],
    ['an alternative that is empty', '^(?:a|)b$', {}, 'b', true]
  ])('know %s', (_, source, flags, text, expected) => {
    expect(test(source, flags, text)).toBe(expected)
  })

  it.each([
    ['(?=a)b', 'look-around is not supported: it cannot run in linear time'],
    ['(?<!a)b', 'look-around is not supported: it cannot run in linear time'],
    ['(a)\\1', 'back-references are not supported: they cannot run in linear time'],
    ['a++', 'possessive quantifiers are not supported'],
    ['(?>a)', 'this kind of group is not supported'],
    ['[[:alpha:]]', 'POSIX classes such as [:alpha:] are not supported'],
    ['(a', 'the regular expression lacks a ")"'],
    ['a)', 'the regular expression has a ")" too many'],
    ['[a', 'the regular expression lacks a "]"'],
    ['*a', 'the regular expression repeats nothing'],
    ['a{5,2}', 'a repetition of the regular expression ends before it begins'],
    ['[z-a]', 'a range of the regular expression ends before it begins'],
    ['a\\', 'the regular expression ends with a backslash'],
    ['(a{1000}){1000}', 'the regular expression is too large'],
    ['('.repeat(10_000), 'the regular expression is nested too deep'],
    ['\\p{L}', 'an escape of the regular expression is not supported']
  ])('are refused with a reason: %s', (source, reason) => {
    expect(compileRegex(source, NONE)).toBe(reason)
  })

  it('mean what the expression as written means', () => {
    const unit = fc.constantFrom('a', 'B', '[ab]', '[^b]', '.', '(?:a|Bb)', 'x')
    const count = fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '{0,18}', '{17,}')
    const source = fc.array(
      fc.tuple(unit, count).map(([one, times]) => one + times),
      { minLength: 1, maxLength: 4 }
    )
    const text = fc.string({ unit: fc.constantFrom('a', 'A', 'b', 'B', 'x'), maxLength: 24 })
    fc.assert(
      fc.property(source, text, fc.boolean(), (parts, subject, i) => {
        const written = `^${parts.join('')}$`
        expect(test(written, { i }, subject)).toBe(new RegExp(written, i ? 'i' : '').test(subject))
      }),
      { numRuns: 1000 }
    )
  })
})
