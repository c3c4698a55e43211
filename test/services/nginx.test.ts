/**
 * The logs of a real nginx against what was sent to it: method, target, status, address, agent and user of
 * every event, for ordinary and hostile requests, in three formats; then followed through rotations.
 */
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OcsfEvent } from '../../src/core/event.ts'
import type { Decoded, Source } from '../../src/core/source.ts'
import { systemClock } from '../../src/lib/clock.ts'
import accessLog from '../../src/sources/access-log.ts'
import { expectOcsf } from '../ocsf.ts'
import { eventsOf, openSource, outcomeOf, requestOf, uncleaned } from '../sources/contract.ts'
import { type Nginx, nginxAvailable, REQUESTS, type Sent, startNginx } from './nginx-server.ts'

const skip = !nginxAvailable && process.env['CI'] !== 'true'
if (skip)
  process.stderr.write('LOUD SKIP: no nginx here; its logs are not compared (apt-get install nginx)\n')

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 1000) throw new Error('it did not come true within 20 s')
    await pause(20)
  }
}

const linesOf = (path: string) =>
  existsSync(path) ? readFileSync(path).toString('latin1').split('\n').length - 1 : 0

/** The status that the client saw; undefined where it saw none (HTTP/0.9, 444). */
const statusSeen = (answer: Buffer) => /^HTTP\/1\.\d (\d{3})/.exec(answer.toString('latin1'))?.[1]

/** What an event says of the things that the test knows. */
const toldBy = (event: OcsfEvent) => {
  const url = event.http_request?.url
  const path = url?.url_string ?? url?.path
  const query = url?.url_string === undefined ? url?.query_string : undefined
  return {
    method: event.http_request?.http_method,
    target: path === undefined ? undefined : query === undefined ? path : `${path}?${query}`,
    agent: event.http_request?.user_agent,
    user: event.actor?.user?.name,
    address: event.src_endpoint?.ip ?? event.src_endpoint?.name
  }
}

const known = ({ method, target, agent, user, by }: Sent) => ({
  method,
  target: method === undefined ? undefined : target,
  agent,
  user,
  address: by === 'unix' ? 'unix:' : '127.0.0.1'
})

describe.skipIf(skip)('the logs of a real nginx', () => {
  let nginx: Nginx
  const answers: (string | undefined)[] = []
  const source = openSource(accessLog, {})

  beforeAll(async () => {
    nginx = await startNginx()
    for (const { bytes, by } of REQUESTS) {
      answers.push(statusSeen(await nginx.send(bytes, by)))
      // The line comes after the answer; one at a time, so that their order is known.
      await until(() => linesOf(join(nginx.folder, 'json.log')) === answers.length)
    }
  })
  afterAll(() => nginx?.stop())

  /** Through the source as a body, every event valid, none bad. */
  function events(file: string): OcsfEvent[] {
    const outcome = outcomeOf(source, requestOf(readFileSync(join(nginx.folder, file))))
    expect(outcome.decoded?.bad).toEqual([])
    expect(outcome.unmapped).toEqual([])
    for (const event of outcome.events) expectOcsf(event)
    return outcome.events
  }

  it.each(['combined.log', 'main.log'])('say in %s what was sent, with no mismatch', file => {
    const found = events(file)
    const told = found.map((event, at) => ({ name: REQUESTS[at]?.name, ...toldBy(event) }))
    expect(told).toEqual(REQUESTS.map(sent => ({ name: sent.name, ...known(sent) })))
    if (file === 'main.log')
      for (const [at, { forwarded }] of REQUESTS.entries())
        expect(found[at]?.http_request?.x_forwarded_for).toEqual(forwarded)
  })

  it.each(['combined.log', 'main.log', 'json.log'])('have in %s the status that the client saw', file => {
    const found = events(file)
    expect(found).toHaveLength(REQUESTS.length)
    for (const [at, event] of found.entries()) {
      const seen = answers[at]
      if (seen !== undefined)
        expect([REQUESTS[at]?.name, event.status_code]).toEqual([REQUESTS[at]?.name, seen])
    }
    expect(found.map(event => event.http_response?.code)).toContain(444)
    expect(answers.filter(seen => seen === undefined).length).toBeLessThanOrEqual(2)
  })

  it('say in JSON what was sent, with paths as nginx normalises them', () => {
    for (const [at, event] of events('json.log').entries()) {
      const sent = REQUESTS[at]
      if (sent === undefined) throw new Error('more lines than requests')
      const { name, address, agent, user } = { name: sent.name, ...known(sent) }
      expect({ name, ...toldBy(event) }).toMatchObject({ name, address, agent, user })
      const readable = event.http_response?.code !== 400
      if (readable) expect([name, event.http_request?.http_method]).toEqual([name, sent.method])
      if (readable && /^\/[a-z/.-]*$/.test(sent.target ?? '') && !sent.target?.includes('..'))
        expect([name, event.http_request?.url?.path]).toEqual([name, sent.target])
      expect(Math.abs(event.time - Date.now())).toBeLessThan(600_000)
      if (sent.mcp)
        expect(event).toMatchObject({ class_uid: 6003, unmapped: { keywatch: { mcp: sent.mcp } } })
    }
  })

  it('are followed through rotations by rename and USR1, every line exactly once', async () => {
    const path = join(nginx.folder, 'main.log')
    const followed: Source = openSource(
      accessLog,
      { path, format: 'nginx-combined', from: 'end', poll: '20ms', grace: '300ms' },
      { clock: systemClock }
    )
    const fed: Decoded[] = []
    const marks = new Map<string, string>()
    const follow = (signal: AbortSignal) =>
      followed.pull?.({
        feed: async (decoded, mark) => {
          fed.push(decoded)
          if (mark) marks.set(mark.key, mark.value)
          return { accepted: decoded.records.length, quarantined: decoded.bad.length, duplicates: 0 }
        },
        mark: key => marks.get(key),
        signal
      })
    let abort = new AbortController()
    let running = follow(abort.signal)
    await until(() => marks.size > 0)
    const sent: string[] = []
    const ask = async (times: number) => {
      for (let i = 0; i < times; i++) {
        const target = `/followed/${sent.length}`
        sent.push(target)
        await nginx.send(get(target))
      }
    }
    for (let rotation = 1; rotation <= 4; rotation++) {
      await ask(15)
      renameSync(path, `${path}.${rotation}`)
      // Until it is told, nginx goes on in the renamed file.
      await ask(5)
      nginx.reopen()
      await until(() => existsSync(path))
      await ask(5)
      if (rotation === 2) {
        abort.abort()
        await running
      }
      if (rotation === 3) {
        // Down for one whole rotation, and up again.
        abort = new AbortController()
        running = follow(abort.signal)
      }
    }
    const targets = () =>
      fed.flatMap(({ records }) =>
        records.flatMap(record => eventsOf(followed, uncleaned(record)).map(e => e.http_request?.url?.path))
      )
    await until(() => targets().length >= sent.length)
    // Long enough for a line to come twice.
    await pause(1000)
    abort.abort()
    await running
    expect(fed.flatMap(({ bad }) => bad)).toEqual([])
    expect(targets()).toEqual(sent)
  })
})

const get = (target: string) => `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
