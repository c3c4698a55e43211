import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answers, selects } from './rules.ts'

describe('values of a detector', () => {
  it.each([
    ['text is compared without letter case', 'a: FooBar', { a: 'fOObAR' }, true],
    ['text is compared whole', 'a: foo', { a: 'foobar' }, false],
    ['* is any text', 'a: f*r', { a: 'foobar' }, true],
    ['* is also no text', 'a: foo*', { a: 'foo' }, true],
    ['? is one character', 'a: f?o', { a: 'fxo' }, true],
    ['? is not none', 'a: fo?', { a: 'fo' }, false],
    ['? is one character of two code units', 'a: a?c', { a: 'a😀c' }, true],
    ['wildcards mix', 'a: "*a?c*e*"', { a: 'xxabcddde' }, true],
    ['wildcards that do not fit', 'a: "*a?c*e*"', { a: 'xxacddde' }, false],
    ['a backslash is itself', String.raw`a: C:\dir\x`, { a: String.raw`C:\dir\x` }, true],
    ['two backslashes are one', String.raw`a: a\\b`, { a: String.raw`a\b` }, true],
    ['four are two', String.raw`a: a\\\\b`, { a: String.raw`a\\b` }, true],
    ['three are two', String.raw`a: a\\\b`, { a: String.raw`a\\b` }, true],
    ['an escaped star is a star', String.raw`a: a\*b`, { a: 'a*b' }, true],
    ['an escaped star is nothing else', String.raw`a: a\*b`, { a: 'axb' }, false],
    ['an escaped backslash leaves the star wild', String.raw`a: a\\*b`, { a: String.raw`a\xyzb` }, true],
    [
      'three backslashes and a star are a backslash and a star',
      String.raw`a: a\\\*b`,
      { a: String.raw`a\*b` },
      true
    ],
    ['a backslash at the end is itself', String.raw`a: a\ `.trim(), { a: 'a\\' }, true],
    ['a number equals a number', 'a: 443', { a: 443 }, true],
    ['a number equals its text', 'a: 443', { a: '443' }, true],
    ['a text equals its number', "a: '443'", { a: 443 }, true],
    ['a wildcard meets a number', 'a: 4*', { a: 403 }, true],
    ['1.0 equals 1', 'a: 1.0', { a: 1 }, true],
    ['1.0 equals the text 1.0', 'a: 1.0', { a: '1.0' }, true],
    ['a leading zero is text', 'a: 0042', { a: '0042' }, true],
    ['a leading zero is not the number', 'a: 0042', { a: 42 }, false],
    [
      'an integer too large for a number is text',
      'a: 12345678901234567890',
      { a: '12345678901234567890' },
      true
    ],
    ['true equals true', 'a: true', { a: true }, true],
    ['true equals the text', 'a: true', { a: 'True' }, true],
    ['true is not 1', 'a: true', { a: 1 }, false],
    ['yes is text', 'a: yes', { a: 'YES' }, true],
    ['yes is not true', 'a: yes', { a: true }, false],
    ['null: the field is absent', 'a: null', {}, true],
    ['null: the field is null', 'a:', { a: null }, true],
    ['null: the field has a value', 'a: ~', { a: '' }, false],
    ['null: all members are null', 'a: null', { a: [null, null] }, true],
    ['null: an empty list', 'a: null', { a: [] }, true],
    ['an empty list of values is null', 'a: []', {}, true],
    ['null in a list is one of the values', 'a: [x, null]', {}, true],
    ['null in a list beside a value', 'a: [x, null]', { a: 'y' }, false],
    ['the empty text is not absence', "a: ''", {}, false],
    ['the empty text', "a: ''", { a: '' }, true],
    ['* needs the field', 'a: "*"', {}, false],
    ['* takes the empty text', 'a: "*"', { a: '' }, true],
    ['* does not take null', 'a: "*"', { a: null }, false],
    ['contains nothing: any present value', "a|contains: ''", { a: 'x' }, true],
    ['a list is OR', 'a: [x, y]', { a: 'y' }, true],
    ['six values are still OR', 'a: [1, 2, 3, 4, 5, z*]', { a: 'zebra' }, true],
    ['six values, none fits', 'a: [1, 2, 3, 4, 5, 6]', { a: '7' }, false],
    ['an object is no value', 'a: "*"', { a: { b: 1 } }, false]
  ])('%s', (_, fields, event, expected) => {
    expect(selects(fields, event)).toBe(expected)
  })

  it.each([
    ['contains', 'a|contains: oba', { a: 'FOOBAR' }, true],
    ['contains with wildcard', 'a|contains: o*r', { a: 'xfoobarx' }, true],
    ['contains a number', 'a|contains: 40', { a: 1403 }, true],
    ['startswith', 'a|startswith: foo', { a: 'Foobar' }, true],
    ['startswith elsewhere', 'a|startswith: bar', { a: 'foobar' }, false],
    ['endswith', 'a|endswith: BAR', { a: 'foobar' }, true],
    ['all', 'a|contains|all: [foo, bar]', { a: 'foobar' }, true],
    ['all, one missing', 'a|contains|all: [foo, baz]', { a: 'foobar' }, false],
    ['all over different members', 'a|all: [x, y]', { a: ['x', 'y'] }, true],
    ['cased', 'a|cased: Foo', { a: 'foo' }, false],
    ['cased, equal', 'a|contains|cased: Foo', { a: 'xFoo' }, true],
    ['re is searched', 'a|re: o+b', { a: 'foobar' }, true],
    ['re is case-sensitive', 'a|re: FOO', { a: 'foobar' }, false],
    ['re with i', 'a|re|i: F[O-P]{2}', { a: 'foobar' }, true],
    ['re with inline i', 'a|re: (?i)FOO', { a: 'foobar' }, true],
    ['re, dot stops at a line', 'a|re: a.b', { a: 'a\nb' }, false],
    ['re with s', 'a|re|s: a.b', { a: 'a\nb' }, true],
    ['re, ^ is the beginning', 'a|re: ^b', { a: 'a\nb' }, false],
    ['re with m', 'a|re|m: ^b$', { a: 'a\nb\nc' }, true],
    ['re on a number', 'a|re: ^4\\d\\d$', { a: 403 }, true],
    ['re of a list is OR', 'a|re: [x, o]', { a: 'foo' }, true],
    ['cidr', 'a|cidr: 10.0.0.0/8', { a: '10.9.8.7' }, true],
    ['cidr outside', 'a|cidr: 10.0.0.0/8', { a: '11.0.0.1' }, false],
    ['cidr of a list', 'a|cidr: [192.0.2.0/24, 2001:db8::/32]', { a: '2001:DB8::5' }, true],
    ['gt', 'a|gt: 5', { a: 6 }, true],
    ['gt is strict', 'a|gt: 5', { a: 5 }, false],
    ['gte', 'a|gte: 5', { a: '5' }, true],
    ['lt', 'a|lt: 5', { a: 4.5 }, true],
    ['lte', 'a|lte: 5', { a: 5 }, true],
    ['lt of no number', 'a|lt: 5', { a: 'four' }, false],
    ['lt of the empty text', 'a|lt: 5', { a: '' }, false],
    ['lt of nothing', 'a|lt: 5', {}, false],
    ['exists', 'a|exists: true', { a: null }, true],
    ['exists, empty', 'a|exists: true', { a: [] }, true],
    ['exists, absent', 'a|exists: true', {}, false],
    ['exists not', 'a|exists: false', {}, true],
    ['exists not, present', 'a|exists: false', { a: '' }, false],
    ['neq', 'a|neq: x', { a: 'y' }, true],
    ['neq of an absent field', 'a|neq: x', {}, true],
    ['neq of a list: none of them', 'a|neq: [x, y]', { a: 'y' }, false],
    ['neq with contains', 'a|contains|neq: x', { a: 'axb' }, false],
    ['neq null: there is a value', 'a|neq: null', { a: 1 }, true],
    ['fieldref', 'a|fieldref: b', { a: 'X', b: 'x' }, true],
    ['fieldref, different', 'a|fieldref: b', { a: 'x', b: 'y' }, false],
    ['fieldref of what is absent', 'a|fieldref: b', { a: 'x' }, false],
    ['fieldref with endswith', 'a|fieldref|endswith: b', { a: 'user@x', b: '@X' }, true],
    ['fieldref with cased', 'a|fieldref|cased: b', { a: 'X', b: 'x' }, false],
    ['fieldref with neq', 'a|fieldref|neq: b', { a: 'x', b: 'y' }, true],
    ['fieldref over members', 'a|fieldref: b', { a: ['p', 'q'], b: ['q', 'r'] }, true],
    ['windash', "a|windash|contains: ' -enc '", { a: 'powershell /enc x' }, true],
    ['windash with an em dash', "a|windash|contains: ' -enc '", { a: 'powershell —enc x' }, true],
    ['windash from a slash', "a|windash|contains: ' /enc '", { a: 'powershell -enc x' }, true],
    [
      'windash leaves a hyphen within a word',
      'a|windash|contains: well-known',
      { a: 'x well/known x' },
      false
    ],
    ['windash is no letter', "a|windash|contains: ' -enc'", { a: 'x xenc' }, false]
  ])('modifier %s', (_, fields, event, expected) => {
    expect(selects(fields, event)).toBe(expected)
  })

  it.each([
    ['a keyword is a substring of any text', '[failed]', { x: { y: ['login FAILED now'] } }, true],
    ['a keyword meets a number', '[403]', { x: 1403 }, true],
    ['a keyword does not meet a key', '[x]', { x: 'y' }, false],
    ['keywords are OR', '[foo, bar]', { x: 'a bar' }, true],
    ['|all: keywords are AND', '{ "|all": [foo, bar] }', { x: 'foo', y: 'bar' }, true],
    ['|all: one is missing', '{ "|all": [foo, bar] }', { x: 'foo' }, false],
    ['|re: keywords are expressions', '{ "|re": "f.o$" }', { x: 'a foo' }, true],
    ['one keyword alone', 'foo', { x: 'a foo' }, true],
    ['a list of maps is OR', '[{ a: 1 }, { b: 2 }]', { b: 2 }, true],
    ['a map is AND', '{ a: 1, b: 2 }', { a: 1 }, false],
    ['maps and keywords in one list', '[{ a: 1 }, foo]', { x: 'foo' }, true]
  ])('%s', (_, selection, event, expected) => {
    expect(answers(`s: ${selection}\ncondition: s`, event)).toBe(expected)
  })

  it('compares any text with itself, whatever it holds', () => {
    const escaped = (text: string) => text.replace(/[\\*?]/g, char => `\\${char}`)
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), text => {
        fc.pre(text !== '')
        expect(selects(`a|cased: ${JSON.stringify(escaped(text))}`, { a: text })).toBe(true)
        expect(selects(`a|contains|cased: ${JSON.stringify(escaped(text))}`, { a: `<${text}>` })).toBe(true)
      })
    )
  })

  it('matches wildcards as a regular expression would', () => {
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 })
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 })
    fc.assert(
      fc.property(pattern, text, (wild, subject) => {
        fc.pre(wild !== '')
        const regex = new RegExp(`^${wild.replaceAll('*', '.*').replaceAll('?', '.')}$`)
        expect(selects(`a: ${JSON.stringify(wild)}`, { a: subject })).toBe(regex.test(subject))
      }),
      { numRuns: 500 }
    )
  })
})
