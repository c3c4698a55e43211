/** What is left of content: its shape and sizes, and none of it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isContent, shapeOf, withoutContent } from '../../src/decode/otlp-content.ts'

describe('the shape', () => {
  const cases: [string, Parameters<typeof shapeOf>[0], unknown][] = [
    ['text', 'hello', 'string(5)'],
    ['a number', 7, 'number'],
    ['a boolean', true, 'boolean'],
    ['nothing', null, 'null'],
    ['a map', { path: '/etc', force: true }, { path: 'string(4)', force: 'boolean' }],
    ['a list', ['a', 1], ['string(1)', 'number']],
    ['an empty list', [], 'list(0)'],
    ['an empty map', {}, 'map(0)'],
    ['JSON in text', '{"path":"/etc","n":[1]}', { path: 'string(4)', n: ['number'] }],
    ['JSON with an escape, whose names the redactor may not have read', '{"\\u0061":1}', 'string(12)'],
    ['broken JSON in text', '{"path":', 'string(8)'],
    ['deep lists', [[[[['x']]]]], [[[['list(1)']]]]],
    [
      'a long list',
      Array.from({ length: 70 }, () => 1),
      [...Array.from({ length: 64 }, () => 'number'), 'and 6 more']
    ]
  ]
  it.each(cases)('of %s is as small as it says', (_, value, expected) => {
    expect(shapeOf(value)).toEqual(expected)
  })

  it('has a member named __proto__ as its own', () => {
    expect(JSON.stringify(shapeOf('{"__proto__":{"a":"b"}}'))).toBe('{"__proto__":{"a":"string(1)"}}')
  })

  it('never holds a leaf of the content', () => {
    const secret = 'S3cr3tLeaf'
    const leaf = fc.constantFrom(secret, `x${secret}`, `["${secret}"]`)
    const value = fc.oneof(leaf, fc.array(leaf), fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), leaf))
    fc.assert(
      fc.property(value, content => {
        expect(JSON.stringify(shapeOf(content))).not.toContain(secret)
        expect(JSON.stringify(shapeOf(JSON.stringify(content)))).not.toContain(secret)
      })
    )
  })
})

describe('attributes without content', () => {
  it('keep everything else, in its order', () => {
    const given = JSON.parse('{"b":1,"__proto__":{"x":1},"gen_ai.tool.call.result":"secret","a":"kept"}')
    expect(JSON.stringify(withoutContent(given))).toBe(
      '{"b":1,"__proto__":{"x":1},"gen_ai.tool.call.result":"string(6)","a":"kept"}'
    )
    expect(given['gen_ai.tool.call.result']).toBe('secret')
  })

  it.each([
    ['gen_ai.tool.call.arguments', true],
    ['mcp.tool.arguments', true],
    ['gen_ai.prompt.variable.code', true],
    ['environment.API_KEY', true],
    ['http.request.body.content', true],
    ['deployment.environment', false],
    ['gen_ai.tool.name', false],
    ['http.request.header.authorization', false]
  ])('are told by their names: %s', (name, content) => {
    expect(isContent(name)).toBe(content)
  })
})
