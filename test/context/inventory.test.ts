import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import inventory from '../../src/context/inventory.ts'
import { apiActivity, httpActivity } from '../../src/core/build.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import { editDistance as distance } from '../../src/lib/edit-distance.ts'
import { expectOcsf } from '../ocsf.ts'

const SERVERS = [
  {
    name: 'github-mcp-server',
    hosts: ['mcp.example.com'],
    environment: 'production',
    audience: 'mcp-github'
  },
  { name: 'slack-mcp', hosts: ['gateway.internal', 'Slack.Example.com:8443'] },
  { name: 'jira', hosts: ['gateway.internal'] },
  { name: 'mcp-12', hosts: [] },
  { name: 'search-eu', hosts: [] }
]
const context = inventory.open(inventory.options.parse({ servers: SERVERS }))

const call = (name?: string, host?: string) => {
  const event = apiActivity({
    time: 1,
    activity: 'other',
    api: { operation: 'tools/call' },
    ...(host === undefined ? {} : { dst: { hostname: host } }),
    keywatch: { mcp: { method: 'tools/call', ...(name === undefined ? {} : { server: { name } }) } }
  })
  event.metadata.uid = 'x'
  return event
}
const serverOf = (event: OcsfEvent) => {
  context.apply(event)
  expectOcsf(event)
  return event.unmapped.keywatch.mcp?.server
}

describe('inventory context', () => {
  it.each([
    ['by its name', 'github-mcp-server', undefined],
    ['by its name in another letter case', ' GitHub-MCP-Server', undefined],
    ['by its host', undefined, 'mcp.example.com'],
    ['by its host with a final dot', undefined, 'MCP.example.com.'],
    ['by its host, under a name that is not listed', 'whatever', 'mcp.example.com']
  ])('knows a server %s, and sets its canonical name and environment', (_, name, host) => {
    const event = call(name, host)
    expect(serverOf(event)).toEqual({ name: 'github-mcp-server', known: true, environment: 'production' })
    expect(event.unmapped.keywatch.environment).toBe('production')
  })

  it('keeps an environment that the event already tells', () => {
    const event = call('github-mcp-server')
    event.unmapped.keywatch.environment = 'staging'
    serverOf(event)
    expect(event.unmapped.keywatch.environment).toBe('staging')
  })

  it('makes proxy traffic to a known host an MCP event, and leaves other traffic alone', () => {
    const proxied = (hostname: string) =>
      httpActivity({ time: 1, request: { url: { hostname, path: '/mcp' } }, response: { code: 200 } })
    expect(serverOf(proxied('slack.example.com'))).toEqual({ name: 'slack-mcp', known: true })
    const other = proxied('www.example.org')
    context.apply(other)
    expect(other.unmapped.keywatch.mcp).toBeUndefined()
  })

  it('lets the name decide where one gateway host leads to several servers', () => {
    expect(serverOf(call('jira', 'gateway.internal'))).toEqual({ name: 'jira', known: true })
    expect(serverOf(call('confluence', 'gateway.internal'))).toEqual({ name: 'confluence', known: false })
  })

  it('has no opinion on an MCP event that names neither server nor host', () => {
    expect(serverOf(call())).toBeUndefined()
  })

  it('sets nothing at all without servers', () => {
    const event = call('github-mcp-server', 'mcp.example.com')
    const before = structuredClone(event)
    inventory.open(inventory.options.parse(undefined)).apply(event)
    expect(event).toEqual(before)
  })

  it.each([
    ['github-mcp-sever', 'github-mcp-server', 'edit distance 1'],
    ['gihtub-mcp-server', 'github-mcp-server', 'edit distance 1'],
    ['githubb-mcpserver', 'github-mcp-server', 'edit distance 2'],
    ['githud-mcp-server', 'github-mcp-server', 'edit distance 1'],
    ['g1thub-mcp-server', 'github-mcp-server', 'homoglyph'],
    ['githυb-mcp-server', 'github-mcp-server', 'homoglyph'],
    ['ѕlack-mcp', 'slack-mcp', 'homoglyph'],
    ['5lack-mcp', 'slack-mcp', 'homoglyph'],
    ['j1ra', 'jira', 'homoglyph'],
    ['slack\u200b-mcp', 'slack-mcp', 'same name, written differently'],
    ['slack_mcp', 'slack-mcp', 'same name, written differently'],
    ['@evil/slack-mcp', 'slack-mcp', 'same name, written differently'],
    ['mcp-slack', 'slack-mcp', 'word order'],
    ['mcp-server-github', 'github-mcp-server', 'word order'],
    ['github-mcp-svr', 'github-mcp-server', 'server word'],
    ['github-mcp-srv', 'github-mcp-server', 'server word'],
    ['github-mcp', 'github-mcp-server', 'server word'],
    ['slack-mcp-server', 'slack-mcp', 'server word']
  ])('calls %s a lookalike of %s: %s', (name, lookalike_of, lookalike_reason) => {
    expect(serverOf(call(name))).toEqual({ name, known: false, lookalike_of, lookalike_reason })
  })

  it('compares hosts as well', () => {
    expect(serverOf(call('thing', 'mcp.examp1e.com'))).toMatchObject({
      known: false,
      lookalike_of: 'github-mcp-server',
      lookalike_reason: 'host: homoglyph'
    })
  })

  it.each([
    ['a name with nothing in common', 'weather'],
    ['another short name', 'jura'],
    ['another instance number', 'mcp-13'],
    ['another instance number with more digits', 'mcp-1'],
    ['another region', 'search-us'],
    ['a name without characters', '---'],
    ['a name of a megabyte', 'github-mcp-server'.repeat(60_000)],
    ['a name like a prototype key', '__proto__'],
    ['half a surrogate pair', '\ud83d']
  ])('does not call %s a lookalike', (_, name) => {
    expect(serverOf(call(name))).toEqual({ name, known: false })
  })

  it('answers the same from the cache, and survives more names than the cache holds', () => {
    for (let index = 0; index < 12_000; index++) context.apply(call(`unknown-${index}`))
    expect(serverOf(call('github-mcp-sever'))?.lookalike_of).toBe('github-mcp-server')
    expect(serverOf(call('github-mcp-sever'))?.lookalike_of).toBe('github-mcp-server')
  })

  it.each([
    ['a server listed twice', { servers: [{ name: 'a' }, { name: 'A' }] }],
    ['a server without a name', { servers: [{ hosts: ['a'] }] }],
    ['an unknown option', { servers: [{ name: 'a', host: 'b' }] }]
  ])('refuses %s', (_, options) => {
    expect(inventory.options.safeParse(options).success).toBe(false)
  })
})

describe('the distance of two names', () => {
  it('is symmetric, zero for equal names, and never more than the cap plus one', () => {
    const name = fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', 'c', '-') })
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(distance(a, b, 2)).toBe(distance(b, a, 2))
        expect(distance(a, a, 2)).toBe(0)
        expect(distance(a, b, 2)).toBeLessThanOrEqual(3)
        expect(distance(a, b, 2) === 0).toBe(a === b)
      })
    )
  })
})
