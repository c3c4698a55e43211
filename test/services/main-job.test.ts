/**
 * The main job, done by the real program: what senders post is answered, can be found, makes findings, survives a
 * stop, can be rebuilt by replay, and cannot be changed unseen. The tests of the first block build on each other.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OcsfEvent } from '../../src/core/event.ts'
import { createKeywatch, type Keywatch } from '../e2e/keywatch.ts'
import { all, getJson, isDerived, page, status, uid } from '../e2e/reading.ts'
import {
  countsOf,
  DOPPLER_SECRET,
  dopplerBody,
  dopplerSignature,
  logRequest,
  nginxLine,
  post,
  postDoppler,
  postOtlp,
  traceRequest
} from '../e2e/senders.ts'
import { expectOcsf } from '../ocsf.ts'

const PATIENCE = { timeout: 60_000, interval: 100 }
const BURST_RULE = '2f4b1c36-8f0a-4e53-b7b5-91d7a3f0c6ee'
const OFF_HOURS_RULE = '5b7e2d7c-6a43-4c60-9d0e-0f6a8d1b7c21'
/** A GitHub token that never was one. */
const PLANTED = `ghp_${'zR4kW9qLx2Vb7NcT5mJh8sDf1pGy6aUe0iQo'}`
const START = Date.now() - 120_000
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
/** The one workday is never today, so that every change is off hours whenever the tests run. */
const workday = DAYS[(new Date().getUTCDay() + 3) % 7] ?? 'mon'

const CONFIG = {
  log: { level: 'info' },
  calendar: { timezone: 'UTC', workdays: workday, hours: '09:00-17:00' },
  limits: { body: '2MiB', inflatedBody: '4MiB' },
  sources: {
    'doppler-prod': { type: 'doppler', secret: DOPPLER_SECRET },
    edge: { type: 'access-log' },
    otlp: { type: 'otlp' }
  }
}

const ok = (accepted: number, quarantined = 0, duplicates = 0) => ({ accepted, quarantined, duplicates })
const LINES = Array.from({ length: 1000 }, (_, n) =>
  nginxLine({
    ip: `198.51.100.${n % 200}`,
    user: `user-${n % 10}`,
    time: START + n * 10,
    uri: n === 500 ? `/mcp?access_token=${PLANTED}` : `/mcp/${n}`
  })
)
const TRACE = traceRequest(1, 'tools/call search', {
  time: START,
  attributes: {
    'mcp.method.name': 'tools/call',
    'gen_ai.tool.name': 'search',
    'user.id': 'alice',
    'client.address': '203.0.113.5',
    'http.request.header.authorization': [`Bearer ${PLANTED}`]
  }
})
const LOG = logRequest('the tool was called', {
  time: START,
  attributes: { 'mcp.method.name': 'tools/call', 'mcp.server.name': 'files-mcp', 'user.id': 'bob' }
})

let keywatch: Keywatch
beforeAll(async () => {
  keywatch = await createKeywatch({ config: CONFIG })
  await keywatch.start()
})
afterAll(() => keywatch.remove())
const url = () => keywatch.url
/** Everything that is kept is an entry of the journal. */
const entries = async () => (await status(url())).journals.events.entries

describe('the main job', () => {
  it('writes a log of its own that can be read: ids and numbers are not redacted away', () => {
    expect(keywatch.said.stderr).toContain('"journal":"events"')
    expect(keywatch.said.stderr).not.toContain('REDACTED')
  })

  it('takes a signed webhook, log lines plain and in gzip, and OTLP in both encodings', async () => {
    expect(countsOf(await postDoppler(url(), dopplerBody('STRIPE_KEY')))).toEqual(ok(1))
    const text = `${LINES.join('\n')}\n`
    expect(countsOf(await post(`${url()}/ingest/edge`, text))).toEqual(ok(1000))
    const zipped = await post(`${url()}/ingest/edge`, gzipSync(text), { 'content-encoding': 'gzip' })
    expect(countsOf(zipped)).toEqual(ok(1000))
    for (const encoding of ['json', 'protobuf'] as const) {
      expect((await postOtlp(url(), 'logs', encoding, LOG)).status).toBe(200)
      expect((await postOtlp(url(), 'traces', encoding, TRACE)).status).toBe(200)
    }
  })

  it('lists every event once, over all pages, newest first, each valid OCSF', async () => {
    const found: OcsfEvent[] = []
    let cursor: string | null = null
    do {
      const one: Awaited<ReturnType<typeof page>> = await page(url(), {
        limit: 97,
        ...(cursor === null ? {} : { cursor })
      })
      expect(one.items.length).toBeLessThanOrEqual(97)
      found.push(...one.items)
      cursor = one.next
    } while (cursor !== null)
    // One webhook, the lines twice, and four OTLP records; one span in two encodings has one id.
    expect(found).toHaveLength(1 + 2000 + 4)
    for (const event of found) expectOcsf(event)
    expect(new Set(found.map(uid)).size).toBe(1 + 2000 + 2 + 1)
    const times = found.map(event => event.time)
    expect(times).toEqual(times.toSorted((a, b) => b - a))
  })

  it.each([
    ['class', { class: 'entity_management' }, 1],
    ['class by number', { class: 4002 }, 2000],
    ['source', { source: 'otlp' }, 4],
    ['ip', { ip: '198.51.100.7' }, 10],
    ['actor', { actor: 'user-3' }, 200],
    ['actor of a span', { actor: 'alice' }, 2],
    ['server', { server: 'files-mcp' }, 2],
    ['server of a span', { server: 'github-mcp-server' }, 2],
    ['secret', { secret: 'STRIPE_KEY' }, 1],
    ['action', { action: 'mcp.tools/call' }, 4],
    ['text', { text: '/mcp/777' }, 2],
    ['text and ip', { text: '/mcp/777', ip: '198.51.100.177' }, 2],
    ['two that exclude each other', { source: 'otlp', class: 'http_activity' }, 0],
    ['a time before all', { to: '2020-01-01' }, 0]
  ])('filters by %s', async (_, query, count) => {
    expect(await all(url(), query)).toHaveLength(count)
  })

  it('makes exactly one finding of a burst of refusals, and one of a change off hours', async () => {
    const burst = Array.from({ length: 12 }, () =>
      nginxLine({ ip: '203.0.113.77', time: START + 20_000, uri: '/mcp', status: 401 })
    )
    expect(countsOf(await post(`${url()}/ingest/edge`, burst.join('\n')))).toEqual(ok(12))
    await expect.poll(async () => (await all(url(), {}, 'findings')).length, PATIENCE).toBe(2)
    await expect.poll(() => isDerived(url()), PATIENCE).toBe(true)
    const findings = await all(url(), {}, 'findings')
    for (const finding of findings) expectOcsf(finding)
    expect(findings.map(finding => finding.unmapped.keywatch.finding?.rule).toSorted()).toEqual([
      BURST_RULE,
      OFF_HOURS_RULE
    ])
    expect(await all(url(), { rule: BURST_RULE }, 'findings')).toMatchObject([
      { unmapped: { keywatch: { finding: { level: 'high', group: { 'src_endpoint.ip': '203.0.113.77' } } } } }
    ])
  })

  it('says where a planted token was seen, by the secret and by its fingerprint', async () => {
    const answer = await post(`${url()}/api/v1/credentials/lookup`, JSON.stringify({ secret: PLANTED }), {
      'content-type': 'application/json'
    })
    expect(answer.status).toBe(200)
    // Our own API's answer.
    const { items, events } = JSON.parse(answer.text) as {
      items: { fingerprint: string; events: number }[]
      events: OcsfEvent[]
    }
    expect(items).toMatchObject([{ events: 4, presented: 2, exposed: 2, actors: ['alice', 'user-0'] }])
    expect(events).toHaveLength(4)
    const fingerprint = items[0]?.fingerprint ?? ''
    expect(await all(url(), { credential: fingerprint })).toHaveLength(4)
    expect(await getJson(`${url()}/api/v1/credentials/${fingerprint}`)).toMatchObject({ events: 4 })
    expect(answer.text).not.toContain(PLANTED)
  })

  it('calls a replayed webhook a duplicate', async () => {
    expect(countsOf(await postDoppler(url(), dopplerBody('STRIPE_KEY')))).toEqual(ok(0, 0, 1))
    expect(await all(url(), { source: 'doppler-prod' })).toHaveLength(1)
  })
})

describe('what is refused', () => {
  const signed = (body: string) => ({ path: '/hooks/doppler-prod', body, headers: dopplerSignature(body) })
  const hook = dopplerBody('REFUSED')
  const otlp = { path: '/v1/logs', headers: { 'content-type': 'application/json' } }
  const zeros = gzipSync(Buffer.alloc(5 * 1024 * 1024))

  it.each<
    [string, number, string, { path: string; body: string | Buffer; headers?: Record<string, string> }]
  >([
    ['no signature', 401, 'KW_AUTH_SIGNATURE', { path: '/hooks/doppler-prod', body: hook }],
    [
      'a signature by another secret',
      401,
      'KW_AUTH_SIGNATURE',
      { ...signed(hook), headers: dopplerSignature(hook, 'another') }
    ],
    ['a signature of another body', 401, 'KW_AUTH_SIGNATURE', { ...signed(hook), body: `${hook} ` }],
    ['an unknown source', 404, 'KW_SOURCE_UNKNOWN', { path: '/hooks/nobody', body: hook }],
    ['a source on the wrong route', 404, 'KW_SOURCE_UNKNOWN', { path: '/ingest/doppler-prod', body: hook }],
    ['a body that is too large', 413, 'KW_BODY_TOO_LARGE', { path: '/ingest/edge', body: 'x'.repeat(2.1e6) }],
    [
      'a body that inflates to too much',
      413,
      'KW_BODY_TOO_LARGE',
      { path: '/ingest/edge', body: zeros, headers: { 'content-encoding': 'gzip' } }
    ],
    [
      'damaged gzip',
      400,
      'KW_BODY_ENCODING',
      { path: '/ingest/edge', body: zeros.subarray(0, 900), headers: { 'content-encoding': 'gzip' } }
    ],
    [
      'an unknown encoding',
      415,
      'KW_BODY_ENCODING',
      { path: '/ingest/edge', body: 'x', headers: { 'content-encoding': 'br' } }
    ],
    ['an empty webhook', 400, 'KW_BODY_UNPARSEABLE', signed('')],
    ['broken OTLP', 400, '', { ...otlp, body: `{"resourceLogs":[{"password":"${PLANTED}"` }],
    [
      'broken OTLP protobuf',
      400,
      '',
      { ...otlp, body: PLANTED, headers: { 'content-type': 'application/x-protobuf' } }
    ]
  ])('%s is answered with %i', async (_, expected, code, request) => {
    const before = await entries()
    const answer = await post(url() + request.path, request.body, request.headers)
    expect(answer.status).toBe(expected)
    expect(answer.text).toContain(code)
    expect(answer.text).not.toContain(PLANTED)
    expect(answer.text).not.toContain('REFUSED')
    expect(await entries()).toBe(before)
  })

  it('keeps a bad line among good ones as a quarantine event', async () => {
    const good = nginxLine({ ip: '192.0.2.200', time: START + 30_000, uri: '/good' })
    const broken = `{"status":200,"password":"${PLANTED}"`
    const answer = await post(`${url()}/ingest/edge`, [good, 'no access log', broken, good].join('\n'))
    expect(countsOf(answer)).toEqual(ok(2, 2))
    const kept = await all(url(), { source: 'edge', action: 'keywatch.quarantine' })
    for (const event of kept) expectOcsf(event)
    expect(kept.map(event => event.unmapped.keywatch.quarantine?.record).toSorted()).toEqual([1, 2])
    // A line of text is kept, redacted; broken JSON by length and hash alone.
    expect(kept.map(event => event.raw_data).toSorted()).toEqual(['no access log', undefined])
    expect(JSON.stringify(kept)).not.toContain(PLANTED)
  })
})

describe('hostile input', () => {
  const deep = (levels: number) => `${'{"a":['.repeat(levels)}1${']}'.repeat(levels)}`
  const binary = Buffer.from(Array.from({ length: 20_000 }, (_, n) => (n * n * 31 + n * 7) % 256))
  const BODIES: readonly [string, Buffer][] = [
    [
      'prototype keys',
      Buffer.from(
        '{"__proto__":{"status":500},"constructor":{"prototype":{"x":1}},"status":200,"remote_addr":"192.0.2.9","toString":1,"hasOwnProperty":null}'
      )
    ],
    ['nesting of 10,000', Buffer.from(deep(5000))],
    ['nesting that never closes', Buffer.from('['.repeat(100_000))],
    ['a string of 1 MB', Buffer.from(JSON.stringify({ status: 200, uri: 'A'.repeat(1 << 20) }))],
    ['a line of 1 MB', Buffer.alloc(1 << 20, 0x41)],
    ['1 MB of newlines', Buffer.alloc(1 << 20, 0x0a)],
    ['1 MB of quotes', Buffer.alloc(1 << 20, 0x22)],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])],
    ['lone surrogates', Buffer.from('{"status":200,"uri":"/\\ud800","user":"\\udfff"}')],
    ['binary', binary],
    ['NUL bytes', Buffer.alloc(4096)],
    ['terminal commands', Buffer.from(nginxLine({ time: START, user: '\u001b[2J', agent: '\u202e\u0000' }))],
    ['numbers out of range', Buffer.from('{"status":1e999,"time":-1e300,"remote_addr":{"a":[]}}')]
  ]

  /** Posts it; what is not refused is in the journal, entry by entry. */
  async function counted(path: string, body: Buffer, headers: Record<string, string> = {}) {
    const before = await entries()
    const answer = await post(url() + path, body, headers)
    const kept = (await entries()) - before
    if (answer.status !== 400) {
      const { accepted, quarantined } = countsOf(answer)
      expect(kept).toBe(accepted + quarantined)
    } else expect(kept).toBe(0)
  }

  it.each(BODIES)(
    '%s: nothing crashes, and every record is counted and kept, or refused',
    async (_, body) => {
      await counted('/ingest/edge', body)
      await counted('/hooks/doppler-prod', body, dopplerSignature(body))
      for (const type of ['application/json', 'application/x-protobuf']) {
        const given = await post(`${url()}/v1/traces`, body, { 'content-type': type })
        expect([200, 400]).toContain(given.status)
      }
      expect(await getJson(`${url()}/healthz`)).toEqual({ status: 'ok' })
    }
  )

  it('all of it is valid OCSF and can be read again', async () => {
    const found = await all(url())
    expect(found).toHaveLength(await entries())
    for (const event of found) expectOcsf(event)
  })
})

describe('the commands beside a running Keywatch', () => {
  it.each<[string, string[], string, number, string]>([
    ['check of a good configuration', ['check'], '', 0, '3 sources, 0 sinks'],
    ['search that finds', ['search', '--text', '/mcp/777'], '', 0, '198.51.100.177'],
    ['search that finds nothing', ['search', '--ip', '192.0.2.254'], '', 1, ''],
    ['search with a wrong filter', ['search', '--ip', 'nowhere'], '', 2, ''],
    ['search of findings', ['search', '--findings', '--level', 'high'], '', 0, 'Burst'],
    ['lookup of a secret that was seen', ['lookup'], `${PLANTED}\n`, 0, '4 events'],
    ['lookup of one that was not', ['lookup'], 'ghp_nobodyEverSawThisOne0000000000000000', 1, 'never seen'],
    ['lookup of nothing', ['lookup'], '', 2, ''],
    ['dlq ls without dead letters', ['dlq', 'ls'], '', 0, '0 dead letters'],
    ['dlq show of what is not there', ['dlq', 'show', 'dl_nothing'], '', 2, ''],
    ['verify', ['verify'], '', 0, 'events: intact'],
    ['replay, which must not run beside it', ['replay'], '', 2, ''],
    ['a command that does not exist', ['frobnicate'], '', 2, '']
  ])('%s', async (_, args, input, code, said) => {
    const finished = await keywatch.command(args, input)
    expect({ code: finished.code, stderr: code === 0 ? finished.stderr : '' }).toEqual({ code, stderr: '' })
    expect(finished.stdout).toContain(said)
    expect(finished.stdout + finished.stderr).not.toContain(PLANTED)
  })

  it('search prints JSON that is the event', async () => {
    const finished = await keywatch.command(['search', '--json', '--secret', 'STRIPE_KEY'])
    expect(JSON.parse(finished.stdout)).toEqual((await all(url(), { secret: 'STRIPE_KEY' }))[0])
  })
})

/** What the queries say, without Keywatch's own events: a stop and a lookup add some. */
async function answers() {
  const events: Record<string, OcsfEvent[]> = {}
  for (const source of ['doppler-prod', 'edge', 'otlp']) events[source] = await all(url(), { source })
  return {
    ...events,
    ip: await all(url(), { ip: '198.51.100.7' }),
    actor: await all(url(), { actor: 'user-*' }),
    text: await all(url(), { text: '/mcp/77' }),
    findings: (await all(url(), {}, 'findings')).map(withoutOurTime)
  }
}
/** A finding that is made again has the same content; only when it was written differs. */
const withoutOurTime = (finding: OcsfEvent) => ({
  ...finding,
  metadata: { ...finding.metadata, logged_time: 0 }
})

describe('after a stop', () => {
  let before: Awaited<ReturnType<typeof answers>>

  it('a restart has everything, and still knows a replayed webhook', async () => {
    before = await answers()
    const stopping = performance.now()
    expect(await keywatch.stop()).toBe(0)
    // Not a measure of speed: a stop that waits for a time-out somewhere is a bug.
    expect(performance.now() - stopping).toBeLessThan(10_000)
    await keywatch.start()
    expect(await answers()).toEqual(before)
    expect(countsOf(await postDoppler(url(), dopplerBody('STRIPE_KEY')))).toEqual(ok(0, 0, 1))
    // The same lines again are new requests: only a retry of what was never answered is a duplicate.
    expect(countsOf(await post(`${url()}/ingest/edge`, LINES[0] ?? ''))).toEqual(ok(1))
    before = await answers()
  })

  it('replay rebuilds the index with equal answers', async () => {
    await keywatch.stop()
    const finished = await keywatch.command(['replay', '--json'])
    expect(finished).toMatchObject({ code: 0 })
    expect(JSON.parse(finished.stdout)).toMatchObject({ findings: before.findings.length })
    await keywatch.start()
    expect(await answers()).toEqual(before)
  })

  it('replay --detect makes the same findings again', async () => {
    await keywatch.stop()
    const finished = await keywatch.command(['replay', '--detect', '--json'])
    expect(finished).toMatchObject({ code: 0 })
    const equal = before.findings.length
    expect(equal).toBeGreaterThanOrEqual(2)
    expect(JSON.parse(finished.stdout)).toMatchObject({ compared: { equal, new: 0, gone: 0 } })
    await keywatch.start()
    expect(await answers()).toEqual(before)
  })

  it('verify says intact, and after one changed byte it names the file and the place', async () => {
    await keywatch.stop()
    expect(await keywatch.command(['verify'])).toMatchObject({ code: 0 })
    const folder = join(keywatch.dataDir, 'journal', 'events')
    const name = (await readdir(folder)).find(file => file.endsWith('.ndjson')) ?? ''
    const bytes = await readFile(join(folder, name))
    for (const share of [0.2, 0.5, 0.9]) {
      const at = Math.floor(bytes.length * share)
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      await writeFile(join(folder, name), changed)
      const finished = await keywatch.command(['verify'])
      expect(finished.code).toBe(1)
      const place = new RegExp(`${name} at byte (\\d+)`).exec(finished.stdout)
      expect(Number(place?.[1])).toBeLessThanOrEqual(at)
      expect(finished.stdout).toContain('events: broken')
    }
    await writeFile(join(folder, name), bytes)
    expect(await keywatch.command(['verify'])).toMatchObject({ code: 0 })
  })

  it('search says that nobody answers, and check names what is wrong with a configuration', async () => {
    expect(await keywatch.command(['search'])).toMatchObject({ code: 2 })
    await keywatch.configure({ ...CONFIG, sources: { edge: { type: 'acess-log' } } })
    const finished = await keywatch.command(['check'])
    expect(finished.code).toBe(1)
    expect(finished.stderr).toContain('access-log')
    expect((await keywatch.command(['start'])).code).toBe(2)
  })
})
