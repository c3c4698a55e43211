import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLoopback, parseAddress } from '../../src/config/address.ts'
import { nearest, showPath } from '../../src/config/problem.ts'
import { editDistance } from '../../src/lib/edit-distance.ts'

describe('a suggestion', () => {
  const known = ['apiKey', 'url', 'token', 'timeout', 'recordsPerBody', 'webhook']
  const cases: [string, string | undefined][] = [
    ['api_key', 'apiKey'],
    ['API-KEY', 'apiKey'],
    ['tokn', 'token'],
    ['toekn', 'token'],
    ['webhok', 'webhook'],
    ['uri', 'url'],
    ['recordsPerBdoy', 'recordsPerBody'],
    ['colour', undefined],
    ['x'.repeat(1_000_000), undefined]
  ]
  it.each(cases)('for %s', (name, expected) => {
    expect(nearest(name, known)).toBe(expected)
  })

  it('rests on a distance that is symmetric, zero only for equals, and at most the longer length', () => {
    const word = fc.string({ maxLength: 12 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b)
        expect(distance).toBe(editDistance(b, a))
        expect(distance === 0).toBe(a === b)
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length))
      })
    )
  })
})

describe('a path', () => {
  const cases: [(string | number)[], string][] = [
    [['tokens', 0, 'sha256'], 'tokens[0].sha256'],
    [['sources', 'a b'], 'sources.(a name not shown)'],
    [['sinks', 'dd_2-x', 'url'], 'sinks.dd_2-x.url'],
    [['secret:hunter2'], '(a name not shown)'],
    [[`a${'b'.repeat(1000)}`], '(a name not shown)'],
    [[], '']
  ]
  it.each(cases)('%j is shown as %s', (path, shown) => {
    expect(showPath(path)).toBe(shown)
  })
})

describe('a listen address', () => {
  const cases: [string, { host: string; port: number } | undefined, boolean?][] = [
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }, true],
    ['127.8.9.1:0', { host: '127.8.9.1', port: 0 }, true],
    ['localhost:80', { host: 'localhost', port: 80 }, true],
    ['[::1]:4318', { host: '::1', port: 4318 }, true],
    ['0.0.0.0:8080', { host: '0.0.0.0', port: 8080 }, false],
    ['[::]:8080', { host: '::', port: 8080 }, false],
    ['keywatch.example.com:443', { host: 'keywatch.example.com', port: 443 }, false],
    ['127.0.0.1.example.com:1', { host: '127.0.0.1.example.com', port: 1 }, false],
    ['localhost.example.com:1', { host: 'localhost.example.com', port: 1 }, false],
    ['[::ffff:127.0.0.1]:1', { host: '::ffff:127.0.0.1', port: 1 }, false],
    ['8080', undefined],
    [':8080', undefined],
    ['::1:8080', undefined],
    ['127.1:80', undefined],
    ['1.2.3.999:80', undefined],
    ['localhost:65536', undefined],
    ['localhost:', undefined],
    ['a b:80', undefined],
    ['[localhost]:80', undefined]
  ]
  it.each(cases)('%s', (text, expected, loopback) => {
    const found = parseAddress(text)
    expect(found).toEqual(expected)
    if (found) expect(isLoopback(found.host)).toBe(loopback)
  })
})
