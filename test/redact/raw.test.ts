/** Is the text of a record what its clean data says, whichever of the three ways it was made? */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cleanText, memberCount, numberLength, type Walked } from '../../src/redact/raw.ts'
import { fake } from '../../src/redact/rules/rule.ts'
import { json, redactor, redactorWith, survives } from './support.ts'

const record = (raw: string) => redactor.record({ kind: 'json', raw, data: JSON.parse(raw) })
const PAT = `ghp_${fake(36, 'base62', 3)}`
const SESSION = fake(24, 'base62', 5)

/** Names and values that make a record likely to change, to double, and to be spelled in several ways. */
const name = fc.oneof(
  fc.constantFrom('authorization', 'password', 'token', 'x-api-key', 'msg', 'a', '7', '12', '__proto__', ''),
  fc.string({ maxLength: 6 })
)
const leaf = fc.oneof(
  fc.constantFrom(PAT, `Bearer ${PAT}`, SESSION, `said ${PAT} twice`, `{"password":"${SESSION}"}`, ':', ','),
  fc.string({ maxLength: 12 }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null)
)
const value = fc.letrec<{ value: unknown; object: [string, unknown][] }>(tie => ({
  value: fc.oneof({ depthSize: 'small' }, leaf, fc.array(tie('value'), { maxLength: 3 }), tie('object')),
  object: fc.array(fc.tuple(name, tie('value')), { maxLength: 5 })
})).object

/** JSON text with doubled members, white space, escapes and odd numbers, as the flags say. */
function spell(node: unknown, odd: { space: string; escape: boolean }): string {
  if (typeof node === 'string' && odd.escape) return JSON.stringify(node).replace(/[a-g]/g, escaped)
  if (Number.isSafeInteger(node) && Number(node) % 100 === 0 && node !== 0) return `${Number(node) / 100}e2`
  if (!Array.isArray(node)) return JSON.stringify(node) ?? 'null'
  const isObject = node.length > 0 && node.every(one => Array.isArray(one) && typeof one[0] === 'string')
  if (!isObject) return `[${node.map(one => spell(one, odd)).join(`,${odd.space}`)}]`
  const members = node.map(([key, one]) => `${spell(key, odd)}:${odd.space}${spell(one, odd)}`)
  return `{${members.join(`${odd.space},`)}}`
}
const escaped = (letter: string) => `\\u00${letter.charCodeAt(0).toString(16)}`

const odd = fc.record({ space: fc.constantFrom('', '', ' ', '\n  '), escape: fc.boolean() })

describe('the text of a changed record', () => {
  it('parses to the clean data and holds no credential, however it was spelled', () => {
    fc.assert(
      fc.property(value, odd, (members, how) => {
        const raw = spell(members, how)
        const found = record(raw)
        expect(JSON.parse(found.raw)).toEqual(found.data)
        expect(found.raw).not.toContain(PAT)
      }),
      { numRuns: 500 }
    )
  })

  it('is what JSON.stringify says if it was plain', () => {
    const data = {
      a: 1,
      msg: `said ${PAT}`,
      request: { headers: { authorization: `Bearer ${SESSION}` } },
      b: null
    }
    const found = json(data)
    expect(found.raw).toBe(JSON.stringify(found.data))
    expect(survives(found, PAT) || survives(found, SESSION)).toBe(false)
  })

  it('keeps the sender’s white space and numbers where nothing can hide', () => {
    const found = record(`{ "n": 1.50, "password": "${SESSION}" }`)
    expect(found.raw).toMatch(/^\{ "n": 1\.50, "password": "\[REDACTED:password:[^"]+" \}$/)
  })

  const hidden = [
    ['a doubled member', `{"msg":"${PAT}","msg":"x"}`],
    ['a doubled member and a changed one', `{"msg":"${PAT}","msg":"x","password":"${SESSION}"}`],
    [
      'a doubled member in the room that a short number makes',
      `{"n":1e20,"m":"0123456","m":1}`.replace('0123456', SESSION.slice(0, 7))
    ],
    ['the same value under a harmless name', `{"x":"${SESSION}","password":"${SESSION}"}`],
    ['a value that is also a name', `{"${SESSION}":1,"password":"${SESSION}"}`],
    ['names that are numbers, which come first in the data', `{"password":"${SESSION}","1":"${PAT}"}`],
    ['a value in escapes', `{"password":"${escaped('a')}${SESSION}","msg":"a"}`],
    [
      'a value in escapes and the same in plain under a harmless name',
      `{"x":"${SESSION}","password":"${escaped(SESSION.charAt(0))}${SESSION.slice(1)}"}`
    ],
    ['a number', `{"password":123456789012,"msg":"${PAT}"}`],
    ['a name that is a credential', `{"${PAT}":"x","password":"${SESSION}"}`]
  ] as const
  for (const [what, raw] of hidden)
    it(`tells the same as the data with ${what}`, () => {
      const found = record(raw)
      expect(JSON.parse(found.raw)).toEqual(found.data)
      expect(memberCount(found.raw)).toBe(memberCount(JSON.stringify(found.data)))
      expect(found.raw).not.toContain(PAT)
    })
})

describe('the shortest JSON text', () => {
  it('of a number is not longer than any of its spellings', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1e12, max: 1e12 }),
        fc.integer({ min: -3, max: 9 }),
        fc.integer({ min: 0, max: 4 }),
        (n, exponent, zeros) => {
          const text = `${n}${zeros > 0 ? `.${'0'.repeat(zeros)}` : ''}${exponent === 0 ? '' : `e${exponent}`}`
          const length = numberLength(Number(text))
          expect(Number.isNaN(length) || length <= text.length).toBe(true)
        }
      )
    )
  })

  const lengths: [number, number][] = [
    [0, 1],
    [7, 1],
    [10, 2],
    [-12, 3],
    [1200, 4],
    [1000, Number.NaN],
    [1.5, Number.NaN],
    [2 ** 53, Number.NaN],
    [Number.NaN, Number.NaN]
  ]
  for (const [number, length] of lengths)
    it(`of ${number} is ${length}`, () => expect(numberLength(number)).toBe(length))

  it('is the text of plain data, so that no member needs counting', () => {
    const walked: Walked = { members: -1, textLength: 9, edits: [], onlyEdits: true }
    expect(cleanText('{"a":"b"}', { a: 'b' }, false, walked)).toBe('{"a":"b"}')
    expect(cleanText('{"a":"b" }', { a: 'b' }, false, walked)).toBe('{"a":"b"}')
  })
})

describe('a redactor that has seen other records', () => {
  it('says of each what a new one says', () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 2, maxLength: 6 }), lists => {
        const used = redactorWith()
        const records = lists.map(members => {
          const raw = spell(members, { space: '', escape: false })
          return { kind: 'json' as const, raw, data: JSON.parse(raw) as unknown }
        })
        const found = [...records, ...records].map(one => used.record(one))
        const last = records.at(-1)
        expect(last && redactorWith().record(last)).toEqual(found.at(-1))
        expect(found.slice(0, records.length)).toEqual(found.slice(records.length))
      }),
      { numRuns: 20 }
    )
  })
})
