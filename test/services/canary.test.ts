/**
 * Nothing unredacted is ever written or sent (ARCHITECTURE.md): secrets are planted through every source and in
 * every place, with sinks, dead letters and Keywatch's own traces on, and then searched for in everything that the
 * program left behind or said: files, requests to sinks, answers, logs, metrics, traces, output of commands.
 */
import { appendFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createNest, createSearch, nameOf } from '../e2e/canaries.ts'
import { createKeywatch, freePort, type Keywatch } from '../e2e/keywatch.ts'
import { jsonLines, otlpRequests, type Plant, requests, textLines, webhooks } from '../e2e/plants.ts'
import { all, files, indexTexts, isDerived, journalBytes, status } from '../e2e/reading.ts'
import { DOPPLER_SECRET, nginxLine, postOtlp } from '../e2e/senders.ts'
import { expectOcsf } from '../ocsf.ts'
import { startDatadog } from '../receivers/datadog.ts'
import type { Receiver } from '../receivers/receiver.ts'
import { startSplunk } from '../receivers/splunk.ts'
import { startWebhook, TEST_SECRET } from '../receivers/webhook.ts'

const PATIENCE = { timeout: 60_000, interval: 200 }
const seed = Number(process.env['KW_SEED'] ?? Date.now() % 1_000_000)
const nest = createNest(seed)

/** A collector of traces that keeps whatever it is sent, headers too. */
async function startCollector() {
  const received: Buffer[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [Buffer.from(`${request.url}\n${request.rawHeaders.join('\n')}\n`)]
    const body: Buffer[] = []
    request.on('data', (chunk: Buffer) => body.push(chunk))
    request.on('end', () => {
      const bytes = Buffer.concat(body)
      received.push(...chunks, request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  })
  const port = await freePort()
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${port}`, received, server }
}

describe('planted secrets', () => {
  let keywatch: Keywatch
  let tailed = ''
  let receivers: Receiver[] = []
  let collector: Awaited<ReturnType<typeof startCollector>>
  /** Every answer that Keywatch gave, headers and body. */
  const answers: string[] = []

  beforeAll(async () => {
    collector = await startCollector()
    // One event in ten is refused by the webhook's far side, so that there are dead letters.
    const poison = (id: string) => /[05]$/.test(id)
    receivers = [await startDatadog(), await startSplunk(), await startWebhook({ chaos: { poison } })]
    const [dd, siem, hook] = receivers.map(receiver => receiver.url)
    keywatch = await createKeywatch({
      config: {},
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '200' }
    })
    tailed = join(keywatch.folder, 'access.log')
    await writeFile(tailed, '')
    await keywatch.configure({
      log: { level: 'debug' },
      journal: { segmentSize: '64KiB', checkpointInterval: '1s' },
      sources: {
        'doppler-prod': { type: 'doppler', secret: DOPPLER_SECRET },
        edge: { type: 'access-log' },
        file: { type: 'access-log', path: tailed, poll: '50ms' },
        otlp: { type: 'otlp', content: 'keep' }
      },
      sinks: {
        dd: { type: 'datadog', apiKey: 'dd-test-key', url: dd },
        siem: { type: 'splunk', token: 'hec-test-token', url: siem },
        hook: { type: 'webhook', secret: TEST_SECRET, url: hook, batch: { events: 20 } }
      }
    })
    await keywatch.start()
  })
  afterAll(async () => {
    await keywatch.remove()
    for (const receiver of receivers) await receiver.stop()
    collector.server.closeAllConnections()
    collector.server.close()
  })

  async function ask({ path, method = 'POST', body, headers = {} }: Plant): Promise<number> {
    const response = await fetch(keywatch.url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: new Uint8Array(Buffer.from(body)) })
    })
    answers.push(`${JSON.stringify([...response.headers])}\n${await response.text()}`)
    return response.status
  }

  it('are planted through every source and in every kind of request', async () => {
    for (const line of [...textLines(nest, 'posted'), ...jsonLines(nest, 'posted')])
      expect(await ask({ path: '/ingest/edge', body: line })).toBe(200)
    for (const plant of requests(nest)) {
      const given = await ask(plant)
      if (plant.status !== undefined)
        expect({ path: plant.path, given }).toEqual({ path: plant.path, given: plant.status })
    }
    for (let round = 0; round < nest.rounds; round++) {
      nest.round(round)
      const lines = [...textLines(nest, 'one body'), ...jsonLines(nest, 'one body')]
      expect(await ask({ path: '/ingest/edge', body: lines.join('\n') })).toBe(200)
      nest.round(round)
      await appendFile(tailed, `${[...textLines(nest, 'tailed'), ...jsonLines(nest, 'tailed')].join('\n')}\n`)
      nest.round(round)
      expect(await ask({ path: '/ingest/edge', body: `[${jsonLines(nest, 'array').join(',')}]` })).toBe(200)
      nest.round(round)
      for (const plant of webhooks(nest)) expect(await ask(plant)).toBe(plant.status)
      for (const encoding of ['json', 'protobuf'] as const) {
        nest.round(round)
        const base = round * 200 + (encoding === 'json' ? 1 : 100)
        for (const [signal, request] of otlpRequests(nest, `OTLP ${encoding}`, base)) {
          const answer = await postOtlp(keywatch.url, signal, encoding, request)
          expect(answer.status).toBe(200)
          answers.push(answer.text)
        }
      }
    }
    // A finding that quotes a group, from lines with a secret in them.
    const burst = Array.from({ length: 12 }, () =>
      nginxLine({
        ip: '203.0.113.99',
        time: Date.now(),
        status: 401,
        uri: `/?token=${nest.opaque('burst', 'opaque token')}`
      })
    )
    expect(await ask({ path: '/ingest/edge', body: burst.join('\n') })).toBe(200)
    expect(nest.planted.length).toBeGreaterThan(2000)
    expect(new Set(nest.planted.map(({ format }) => format)).size).toBeGreaterThanOrEqual(20)
  })

  it('went all the way: indexed, detected, delivered, dead letters and traces made', async () => {
    const tailedLines = nest.planted.filter(({ place }) => place.startsWith('tailed')).length
    await expect
      .poll(async () => (await all(keywatch.url, { source: 'file' })).length, PATIENCE)
      .toBeGreaterThan(tailedLines / 3)
    await expect.poll(() => isDerived(keywatch.url), PATIENCE).toBe(true)
    await expect
      .poll(
        async () => (await status(keywatch.url)).sinks.map(sink => sink.lag.events + sink.lag.findings),
        PATIENCE
      )
      .toEqual([0, 0, 0])
    expect((await status(keywatch.url)).sinks.find(({ id }) => id === 'hook')?.deadLetters).toBeGreaterThan(0)
    expect((await all(keywatch.url, {}, 'findings')).length).toBeGreaterThan(0)
    const events = await all(keywatch.url)
    for (const event of events) expectOcsf(event)
    // Planted where it was seen: most events list what was taken out of them.
    const credentials = events.flatMap(event => event.unmapped.keywatch.credentials ?? [])
    expect(credentials.length).toBeGreaterThan(nest.planted.length / 2)
  })

  it('are nowhere', async () => {
    for (const list of ['events', 'findings'] as const)
      answers.push(JSON.stringify(await all(keywatch.url, {}, list)))
    for (const path of ['/metrics', '/api/v1/status', '/', '/openapi.json', '/readyz'])
      await ask({ path, method: 'GET' })
    for (const args of [
      ['search', '--limit', '5000'],
      ['search', '--json', '--limit', '5000'],
      ['search', '--findings'],
      ['dlq', 'ls'],
      ['dlq', 'ls', '--json'],
      ['check', '--json']
    ])
      await keywatch.command(args)
    // The commands of a person who gives a secret where none belongs.
    await keywatch.command(['lookup'], `${nest.known('lookup command')}\n`)
    await keywatch.command(['lookup', nest.opaque('lookup, as an argument', 'opaque token')])
    await keywatch.command([
      'search',
      '--credential',
      nest.opaque('search, as a fingerprint', 'opaque token')
    ])
    await keywatch.command(['search', '--ip', nest.opaque('search, as an address', 'opaque token')])
    expect(await keywatch.stop()).toBe(0)
    await keywatch.command(['verify'])
    await keywatch.command(['replay', '--detect'])

    // What the configuration gave it.
    nest.adopt('the secret of the webhook source', DOPPLER_SECRET)
    nest.adopt('the key of Datadog', 'dd-test-key')
    nest.adopt('the token of Splunk', 'hec-test-token')
    nest.adopt('the secret of the webhook sink', TEST_SECRET.slice('whsec_'.length))
    const search = createSearch(nest.planted)
    for (const [path, bytes] of await files(keywatch.dataDir))
      search.through(`file ${path.slice(keywatch.dataDir.length + 1)}`, bytes)
    for (const name of ['events', 'findings'] as const)
      search.through(`journal ${name}`, await journalBytes(keywatch.dataDir, name))
    search.through('texts of the index', (await indexTexts(keywatch.dataDir)).join('\n'))
    for (const [index, receiver] of receivers.entries())
      search.through(`requests to ${['Datadog', 'Splunk', 'the webhook'][index]}`, receiver.bodies.join('\n'))
    search.through('answers', answers.join('\n'))
    search.through('own traces', Buffer.concat(collector.received))
    search.through('stdout', keywatch.said.stdout)
    search.through('stderr', keywatch.said.stderr)
    expect(Buffer.concat(collector.received).toString()).toContain('keywatch.ingest')

    const found = new Map<string, Set<string>>()
    for (const { canary, where } of search.hits)
      found.set(nameOf(canary), (found.get(nameOf(canary)) ?? new Set()).add(where))
    process.stdout.write(
      `canary.test.ts: KW_SEED=${seed}: ${nest.planted.length} secrets of ` +
        `${new Set(nest.planted.map(({ format }) => format)).size} formats, in ${search.forms} forms, ` +
        `looked for in ${search.bytes} bytes: ${found.size} kinds found\n`
    )
    const survivors = [...found].map(([name, places]) => `${name}: ${[...places].join(', ')}`)
    expect(survivors.toSorted()).toEqual([])
  })

  it('would be found: the search sees each form in the middle of other bytes', () => {
    const canary = nest.planted[0] ?? expect.unreachable()
    const { core } = canary
    for (const text of [
      core,
      core.slice(core.length / 2),
      encodeURIComponent(core),
      Buffer.from(`ab${core}c`).toString('base64'),
      Buffer.from(`a${core}`).toString('base64url'),
      Buffer.from(core).toString('hex')
    ]) {
      const again = createSearch([canary])
      again.through('here', `x${text}y`)
      expect(again.hits).toHaveLength(1)
    }
    const nothing = createSearch([canary])
    nothing.through('here', 'x'.repeat(1000))
    expect(nothing.hits).toEqual([])
  })
})
