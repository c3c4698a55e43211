import { describe, expect, it } from 'vitest'
import { compileNetwork } from '../../src/detect/address.ts'
import { selects } from './rules.ts'

const web = {
  class_uid: 4002,
  metadata: { uid: 'x' },
  src_endpoint: { ip: '192.0.2.7' },
  actor: { user: { name: 'ann' } },
  http_request: {
    http_method: 'POST',
    user_agent: 'curl/8',
    url: { path: '/mcp', query_string: 'a=1', hostname: 'mcp.example.com' }
  },
  http_response: { code: 403 },
  unmapped: { keywatch: { source: 'edge', source_type: 'access-log', action: 'x' } }
}

describe('fields of a detector', () => {
  it.each([
    ['a flat key before a path', 'a.b: flat', { 'a.b': 'flat', a: { b: 'deep' } }, true],
    ['a flat key hides the path', 'a.b: deep', { 'a.b': 'flat', a: { b: 'deep' } }, false],
    ['a path', 'a.b: deep', { a: { b: 'deep' } }, true],
    [
      'Keywatch before OCSF',
      'x.y: own',
      { x: { y: 'ocsf' }, unmapped: { keywatch: { x: { y: 'own' } } } },
      true
    ],
    ['a member of an array', 'a: 2', { a: [1, 2] }, true],
    ['arrays on the way', 'a.b.c: 3', { a: [{ b: [{ c: 1 }, { c: 3 }] }] }, true],
    ['arrays in arrays', 'a: 3', { a: [[1], [[3]]] }, true],
    ['an array has no length', 'a.length: 2', { a: [1, 2] }, false],
    ['a text has no members', 'a.length|exists: true', { a: 'xx' }, false],
    ['a name of Object.prototype', 'constructor|exists: true', {}, false],
    ['another one on the way', 'a.toString.name|exists: true', { a: {} }, false],
    ['the same as an own key', '__proto__.x: 1', JSON.parse('{"__proto__": {"x": 1}}'), true],
    ['a key without a value', 'a|exists: true', { a: undefined }, false]
  ])('%s', (_, fields, event, expected) => {
    expect(selects(fields, event)).toBe(expected)
  })

  it.each([
    ['sc-status: 403'],
    ['c-ip: 192.0.2.7'],
    ['cs-method: post'],
    ['cs-uri-stem: /mcp'],
    ['cs-uri-query|contains: a='],
    ['cs-user-agent|startswith: curl'],
    ['cs-username: ann'],
    ['cs-host|endswith: .example.com'],
    ['http_response.code: 403']
  ])('the W3C names of proxy and web server rules: %s', fields => {
    expect(selects(fields, web, 'proxy')).toBe(true)
    expect(selects(fields, web, 'webserver')).toBe(true)
  })

  it('knows the W3C names in no other log source', () => {
    expect(selects('sc-status: 403', web)).toBe(false)
  })

  it('does not fail on depth, size or what JSON.parse can make', () => {
    let deep: unknown = 'x'
    for (let depth = 0; depth < 10_000; depth++) deep = [deep]
    expect(selects('a: x', { a: deep })).toBe(false)
    let nested: object = {}
    for (let depth = 0; depth < 10_000; depth++) nested = { a: nested, b: 'needle' }
    expect(selects('a.a.b: needle', nested)).toBe(true)
    expect(selects('a|contains: needle', { a: `${'x'.repeat(1_000_000)}NEEDLE` })).toBe(true)
    expect(selects('a|re: needle', { a: '\u0000\ud800needle' })).toBe(true)
  })
})

describe('networks', () => {
  const inside = (network: string, address: string) => {
    const found = compileNetwork(network)
    if (typeof found === 'string') throw new Error(found)
    return found(address)
  }
  it.each([
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['0.0.0.0/0', '255.255.255.255', true],
    ['0.0.0.0/0', '::1', false],
    ['192.0.2.0/24', '::ffff:192.0.2.9', true],
    ['192.0.2.0/24', '::ffff:c000:209', true],
    ['::ffff:192.0.2.0', '192.0.2.0', true],
    ['fe80::/10', 'fe80::1%eth0', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['::/0', '1::', true],
    ['192.0.2.0/24', '192.0.2', false],
    ['192.0.2.0/24', '192.0.2.01', false],
    ['192.0.2.0/24', 'example.com', false],
    ['192.0.2.0/24', '', false],
    ['::/0', '1'.repeat(1_000_000), false]
  ])('%s holds %s: %s', (network, address, expected) => {
    expect(inside(network, address)).toBe(expected)
  })

  it.each([
    ['10.0.0.1/8', 'the network has bits set beyond its prefix'],
    ['2001:db8::1/32', 'the network has bits set beyond its prefix'],
    ['10.0.0.0/33', 'the length of the prefix is wrong'],
    ['10.0.0.0/', 'the length of the prefix is wrong'],
    ['10.0.0', 'expected an IP network, for instance 10.0.0.0/8'],
    ['010.0.0.0/8', 'expected an IP network, for instance 10.0.0.0/8']
  ])('refuses %s: %s', (network, reason) => {
    expect(compileNetwork(network)).toBe(reason)
  })
})
