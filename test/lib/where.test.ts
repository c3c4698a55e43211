import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { apiActivity, httpActivity } from '../../src/core/build.ts'
import { compileWhere } from '../../src/lib/where.ts'

const call = apiActivity({
  time: 1,
  activity: 'read',
  api: { operation: 'tools/call' },
  severity: 4,
  actor: { user: { name: 'Alice' } },
  keywatch: { mcp: { server: { name: 'github-mcp' } }, action: 'mcp.tools/call' }
})
const line = httpActivity({ time: 1, status: 'failure' })
line.unmapped.keywatch.source = 'edge'

const accepts = (text: string) => {
  const compiled = compileWhere(text)
  if ('problem' in compiled) throw new Error(compiled.problem)
  return [compiled.filter(call), compiled.filter(line)]
}

describe('a sink’s filter', () => {
  it.each([
    ['severity >= medium', [true, false]],
    ['severity:low', [false, true]],
    ['class = http_activity', [false, true]],
    ['class != http_activity', [true, false]],
    ['server: github*', [true, false]],
    ['not server = github*', [false, true]],
    ['actor = alice', [true, false]],
    ['action = "mcp.tools/call" or source = edge', [true, true]],
    ['severity >= high and (source = edge or status = failure)', [false, false]],
    ['status = failure and not (source = other)', [false, true]]
  ])('%s', (text, expected) => {
    expect(accepts(text)).toEqual(expected)
  })

  it.each([
    ['', /ends where/],
    ['severity', /ends where/],
    ['severity >= huge', /severity is one of/],
    ['colour = red', /none of severity/],
    ['actor > bob', /only severity has an order/],
    ['(class = x', /open parenthesis/],
    ['class = x class', /goes on unexpectedly/],
    ['__proto__ = x', /none of/],
    [`${'('.repeat(5000)}`, /nested too deeply|ends where/]
  ])('refuses %s and says where', (text, problem) => {
    const compiled = compileWhere(text)
    expect('problem' in compiled && compiled.problem).toMatch(problem)
  })

  it('never throws, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), text => {
        compileWhere(text)
      })
    )
  })
})
