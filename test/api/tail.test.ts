/** The live tail over real sockets: what it follows, what it filters, how it ends, and that nothing piles up. */
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { containsText, matches } from '../../src/api/match.ts'
import { entityManagement, httpActivity } from '../../src/core/build.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import { anEvent, fingerprintOf, NOW } from '../fakes/api.ts'
import { eventually, type Running, startApi } from './harness.ts'

let running: Running | undefined
const start = async () => (running = await startApi())
afterEach(async () => {
  await running?.close()
  running = undefined
})

/** Opens a tail and reads from it; `until` resolves with all text so far once it holds a part. */
async function follow(path: string) {
  const controller = new AbortController()
  const answer = await fetch(`${running?.url}${path}`, { signal: controller.signal })
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader() ?? expect.fail()
  let text = ''
  const until = async (part: string) => {
    while (!text.includes(part)) {
      const { value, done } = await reader.read()
      if (done) break
      text += value
    }
    return text
  }
  const rest = async () => {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return text
      text += value
    }
  }
  return { answer, until, rest, stop: () => controller.abort() }
}
const dataOf = (text: string) =>
  [...text.matchAll(/^data: (.*)$/gm)].map(match => JSON.parse(match[1] ?? '') as OcsfEvent)

describe('the tail', () => {
  it('follows the events journal from its head', async () => {
    const { journals } = await start()
    await journals.events.append([anEvent(1)])
    const tail = await follow('/api/v1/tail')
    expect(tail.answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(tail.answer.headers.get('x-content-type-options')).toBe('nosniff')
    await tail.until('following the events journal')
    await journals.events.append([anEvent(2), anEvent(3)])
    const text = await tail.until('id: 2\n')
    expect(dataOf(await tail.until(`${anEvent(3).metadata.uid}`))).toEqual([anEvent(2), anEvent(3)])
    expect(text).toContain('event: event\n')
    tail.stop()
  })

  it('follows the findings journal if asked', async () => {
    const { journals } = await start()
    const tail = await follow('/api/v1/tail?journal=findings')
    await tail.until('following')
    await journals.events.append([anEvent(1)])
    await journals.findings.append([anEvent(2)])
    const text = await tail.until('data: ')
    expect(text).toContain('event: finding\n')
    tail.stop()
  })

  it('lets only what fits the filters through', async () => {
    const { journals } = await start()
    const tail = await follow(`/api/v1/tail?actor=bob&credential=${fingerprintOf('x')}&text=NEEDLE`)
    await tail.until('following')
    await journals.events.append([
      anEvent(1, { actor: 'bob' }),
      anEvent(2, { actor: 'bob', secret: 'x' }),
      anEvent(3, { actor: 'bob', secret: 'x', message: 'a needle\n\ndata: forged' }),
      anEvent(4, { actor: 'eve', secret: 'x', message: 'a needle' })
    ])
    await journals.events.append([anEvent(5, { actor: 'bob', secret: 'x', message: 'last needle' })])
    const text = await tail.until('last needle')
    expect(dataOf(text).map(event => event.message)).toEqual(['a needle\n\ndata: forged', 'last needle'])
    tail.stop()
  })

  it('says that it is still there', async () => {
    const { clock } = await start()
    const tail = await follow('/api/v1/tail')
    await tail.until('following')
    await eventually(() => clock.sleeping() > 0)
    clock.advance(15_000)
    expect(await tail.until('still here')).toContain(': still here\n\n')
    tail.stop()
  })

  it('ends when the listener closes', async () => {
    const { close } = await start()
    const tail = await follow('/api/v1/tail')
    await tail.until('following')
    const closed = close()
    await tail.rest()
    await closed
  })

  it('stops reading the journal when the client goes, and frees its place', async () => {
    const { clock } = await start()
    for (let i = 0; i < 40; i++) {
      const tail = await follow('/api/v1/tail')
      expect(tail.answer.status).toBe(200)
      tail.stop()
      await eventually(() => clock.sleeping() === 0)
    }
  })

  it('is refused when there are too many', async () => {
    await start()
    const tails = await Promise.all(Array.from({ length: 32 }, () => follow('/api/v1/tail')))
    const answer = await fetch(`${running?.url}/api/v1/tail`)
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('10')
    for (const tail of tails) tail.stop()
  })

  it('cuts a client that takes nothing, and holds little for it meanwhile', async () => {
    const { port, journals, clock } = await start()
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET /api/v1/tail HTTP/1.1\r\nHost: localhost\r\n\r\n')
    )
    await new Promise<void>(resolve => socket.once('data', () => resolve()))
    socket.pause()
    const gone = new Promise<void>(resolve => socket.on('close', () => resolve()).on('error', () => {}))
    const big = 'x'.repeat(100_000)
    await journals.events.append(Array.from({ length: 500 }, (_, n) => anEvent(n, { message: big })))
    // One sleeper is the heartbeat, the second the wait for the stalled client.
    await eventually(() => clock.sleeping() === 2)
    clock.advance(30_000)
    await eventually(() => clock.sleeping() === 0)
    socket.resume()
    await gone
  })

  it.each(['journal=other', 'from=-1h', 'limit=1', 'credential=nope', 'class=nope'])(
    'with %s is 400',
    async query => {
      await start()
      expect((await fetch(`${running?.url}/api/v1/tail?${query}`)).status).toBe(400)
    }
  )

  it('takes no HEAD: a stream has no length to tell', async () => {
    await start()
    const answer = await fetch(`${running?.url}/api/v1/tail`, { method: 'HEAD' })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET')
  })
})

describe('matching', () => {
  const http = httpActivity({
    time: NOW,
    request: { http_method: 'GET', url: { path: '/x' } },
    response: { code: 401 },
    dst: { hostname: 'mcp.example.com' },
    src: { ip: '192.0.2.1' }
  })
  const rotated = entityManagement({
    time: NOW,
    activity: 'update',
    entity: { name: 'DB_URL' },
    actor: { user: { uid: 'u1', email_addr: 'a@example.com' }, app_name: 'cli' },
    keywatch: {
      action: 'secret.updated',
      secret: { manager: 'doppler', name: 'DB_URL', path: 'prod', names: ['A', 'B'] }
    }
  })
  const table: [string, OcsfEvent, Parameters<typeof matches>[1], boolean][] = [
    ['nothing asked', http, {}, true],
    ['its class', http, { class: 'http_activity' }, true],
    ['another class', http, { class: 'api_activity' }, false],
    ['its status', http, { statusCode: 401 }, true],
    ['its host as the server', http, { server: 'mcp.example.com' }, true],
    ['the end of its host', http, { server: '*.example.com' }, true],
    ['the start of its host', http, { server: 'mcp.*' }, true],
    ['the middle of its host', http, { server: '*example*' }, true],
    ['any server', http, { server: '*' }, true],
    ['any server where there is none', rotated, { server: '*' }, false],
    ['its address', http, { ip: '192.0.2.1' }, true],
    ['no actor', http, { actor: 'alice' }, false],
    ['the actor by id', rotated, { actor: 'u1' }, true],
    ['the actor by e-mail', rotated, { actor: 'a@example.com' }, true],
    ['the program behind a person', rotated, { actor: 'cli' }, false],
    ['the secret by name', rotated, { secret: 'DB_URL' }, true],
    ['the secret by path', rotated, { secret: 'prod' }, true],
    ['one of its names', rotated, { secret: 'B' }, true],
    ['its action', rotated, { action: 'secret.updated' }, true],
    ['all but one condition', rotated, { action: 'secret.updated', source: 'x' }, false],
    ['a credential', anEvent(1), { credentials: ['x', fingerprintOf('hunter2')] }, true],
    ['another credential', anEvent(1), { credentials: ['x'] }, false]
  ]
  it.each(table)('%s', (_name, event, filter, expected) => {
    expect(matches(event, filter)).toBe(expected)
  })

  it('a text is found at any depth without running out of stack', () => {
    let deep: unknown = 'Needle'
    for (let i = 0; i < 100_000; i++) deep = [deep]
    expect(containsText(deep, 'needle')).toBe(true)
    expect(containsText({ needle: null }, 'needle')).toBe(false)
  })
})
