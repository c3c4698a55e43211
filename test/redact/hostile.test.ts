/** Nothing makes the redactor throw, hang or fail open. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fake } from '../../src/redact/rules/rule.ts'
import { json, redactor } from './support.ts'

const GITHUB = `ghp_${fake(36)}`

describe('hostile input', () => {
  const unscannable = '[REDACTED:unscannable]'

  it('deeper than the limit is replaced, at any depth', () => {
    let deep: unknown = GITHUB
    for (let i = 0; i < 10_000; i++) deep = i % 2 ? [deep] : { a: deep }
    const found = redactor.record({ data: { ok: 1, deep }, kind: 'json' })
    expect(found.truncated).toBe(true)
    expect(found.raw).toContain(unscannable)
    expect(found.raw).toContain('"ok":1')
    expect(found.raw).not.toContain(GITHUB)
  })

  it('with too many members is replaced whole', () => {
    const data = Object.fromEntries(Array.from({ length: 5001 }, (_, i) => [`k${i}`, GITHUB]))
    expect(json(data)).toEqual({ data: unscannable, raw: unscannable, credentials: [], truncated: true })
  })

  it('with a string over the limit loses that string', () => {
    const data = { a: 'x'.repeat(1024 * 1024 + 1), b: 'ok' }
    expect(json(data)).toMatchObject({ data: { a: unscannable, b: 'ok' }, truncated: true })
    expect(redactor.text(data.a)).toBe(unscannable)
  })

  it('finds a token at the end of a megabyte', () => {
    const found = json({ a: `${'x '.repeat(500_000)}${GITHUB}` })
    expect(found.raw).not.toContain(GITHUB)
  })

  it('keeps prototype keys what they are', () => {
    const raw = `{"__proto__":{"password":"hunter2"},"constructor":{"prototype":{"token":"${GITHUB}"}},"toString":"x","hasOwnProperty":1}`
    const found = redactor.record({ data: JSON.parse(raw), raw, kind: 'json' })
    expect(found.raw).not.toMatch(/hunter2|ghp_/)
    expect(Object.keys(JSON.parse(found.raw))).toEqual([
      '__proto__',
      'constructor',
      'toString',
      'hasOwnProperty'
    ])
    expect(({} as Record<string, unknown>)['password']).toBeUndefined()
  })

  it('never throws, whatever it is given', () => {
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    const throwing = {
      get a(): string {
        throw new Error(GITHUB)
      }
    }
    for (const data of [
      undefined,
      null,
      1,
      10n,
      Number.NaN,
      Symbol('x'),
      () => 1,
      new Map([['a', GITHUB]]),
      new Date(0),
      cycle,
      throwing,
      { toJSON: () => GITHUB },
      '\ud800',
      [undefined],
      Buffer.from(GITHUB),
      new Float64Array(3)
    ]) {
      const found = redactor.record({ data, kind: 'json' })
      expect(typeof found.raw).toBe('string')
      expect(found.raw).not.toContain(GITHUB)
    }
  })

  it('survives any JSON and any text', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'binary' }), fc.string({ unit: 'binary' }), (raw, text) => {
        const found = redactor.record({ data: JSON.parse(raw), raw, kind: 'json' })
        expect(found.truncated).toBeUndefined()
        redactor.record({ data: { text }, raw: text, kind: 'line' })
        redactor.text(text)
      }),
      { numRuns: 500 }
    )
  })

  const MEGABYTE = 1024 * 1024
  const PATTERNS: string[] = [
    'token',
    'password=',
    'password="',
    "secret='",
    'eyJ',
    '_eyJ',
    '.eyJaaaaaaa',
    'ghp_',
    'sk-',
    'sk-a',
    '://',
    'a://b:',
    '://a@',
    '\\',
    '\\\\"',
    '%',
    '%25',
    '%41',
    '-----BEGIN PRIVATE KEY-----',
    '-----BEGIN ',
    'Z2hw',
    'cGFzc3dvcmQ',
    'Bearer ',
    'Bearer a ',
    'Cookie: a;',
    'Cookie: a=b;',
    '[REDACTED:',
    'kwfp1.',
    '+ASt',
    'Q~',
    'AKIA',
    'key',
    'key=',
    '{"a":',
    '[',
    '{"password":"',
    'xoxb-',
    '&#65;',
    '\u200b',
    '@tcp(',
    ' -u ',
    '<password>',
    '?code=',
    'authorization: digest ',
    's.',
    'identified by '
  ]
  it.each(PATTERNS)('a megabyte of %j ends, scanned or given up', pattern => {
    const text = pattern.repeat(Math.ceil(MEGABYTE / pattern.length)).slice(0, MEGABYTE)
    const found = redactor.record({ data: { text }, kind: 'json' })
    expect(found.raw.length).toBeLessThan(40 * MEGABYTE)
    expect(redactor.text(text.slice(0, 65_536)).length).toBeLessThan(40 * 65_536)
  })
})
