/** What is known of a credential, by fingerprint and by the secret itself, and that the secret is never said. */
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { secretOf } from '../../src/api/credentials.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import { anEvent, fingerprintOf, NOW } from '../fakes/api.ts'
import { type Running, startApi } from './harness.ts'

let running: Running | undefined
const start = async (change?: Parameters<typeof startApi>[0]) => (running = await startApi(change))
afterEach(async () => {
  await running?.close()
  running = undefined
})

interface Page {
  items: OcsfEvent[]
  next: string | null
  scanned?: number
  unreadable?: number
}
async function get<T = Page>(path: string): Promise<T> {
  const answer = await fetch(`${running?.url}${path}`)
  expect(answer.status, path).toBe(200)
  // A test reads what the document says the answer is.
  return (await answer.json()) as T
}
async function refused(path: string, init?: RequestInit) {
  const answer = await fetch(`${running?.url}${path}`, init)
  const { error } = (await answer.json()) as { error: { code: string; message: string } }
  return { status: answer.status, headers: answer.headers, ...error }
}

describe('a credential', () => {
  it('is summarised by its fingerprint', async () => {
    const { journals } = await start()
    await journals.events.append([anEvent(1), anEvent(2), anEvent(3, { secret: 'other' })])
    const fingerprint = fingerprintOf('hunter2')
    expect(await get(`/api/v1/credentials/${fingerprint}`)).toMatchObject({ fingerprint, events: 2 })
    expect(await refused(`/api/v1/credentials/${fingerprintOf('unseen')}`)).toMatchObject({ status: 404 })
    const wrong = await refused('/api/v1/credentials/hunter2')
    expect(wrong).toMatchObject({ status: 404, code: 'KW_NOT_FOUND' })
    expect(wrong.message).not.toContain('hunter2')
  })

  const lookup = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    fetch(`${running?.url}/api/v1/credentials/lookup`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers }
    })

  it('is looked up by the secret itself, which is neither answered nor logged nor audited', async () => {
    const { journals, audit, log } = await start()
    await journals.events.append(Array.from({ length: 150 }, (_, n) => anEvent(n)))
    const answer = await lookup('{"secret": "hunter2"}')
    expect(answer.status).toBe(200)
    const text = await answer.text()
    const body = JSON.parse(text)
    const fingerprint = fingerprintOf('hunter2')
    expect(body.fingerprints).toEqual([fingerprint])
    expect(body.items).toMatchObject([{ fingerprint, events: 150 }])
    expect(body.events.length).toBe(100)
    const rest = await get(`/api/v1/events?credential=${fingerprint}&cursor=${body.next}`)
    expect(rest.items.length).toBe(50)
    expect(audit).toEqual([
      {
        action: 'credential.lookup',
        caller: 'local',
        address: '127.0.0.1',
        time: NOW,
        fingerprints: [fingerprint],
        found: 1
      }
    ])
    expect(text + log.text() + JSON.stringify(audit)).not.toContain('hunter2')
  })

  it('that was never seen has nothing to show', async () => {
    await start()
    const body = await (await lookup('{"secret": "unseen"}')).json()
    expect(body).toEqual({ fingerprints: [fingerprintOf('unseen')], items: [], events: [], next: null })
  })

  const secret = 'hunter2hunter2'
  const bad: [string, string | Uint8Array<ArrayBuffer>, number, Record<string, string>?][] = [
    ['broken JSON', `{"secret": ${secret}`, 400],
    ['no object', `"${secret}"`, 400],
    ['null', 'null', 400],
    ['an array', `["${secret}"]`, 400],
    ['no secret', '{}', 400],
    ['an empty secret', '{"secret": ""}', 400],
    ['a number', '{"secret": 1}', 400],
    ['more members', `{"secret": "${secret}", "x": 1}`, 400],
    ['a secret in a prototype', `{"__proto__": {"secret": "${secret}"}}`, 400],
    ['a prototype beside it', `{"secret": "${secret}", "__proto__": {}}`, 400],
    ['a constructor', `{"constructor": {"prototype": {"secret": "${secret}"}}}`, 400],
    ['invalid UTF-8', new Uint8Array([0x7b, 0xff, 0xfe]), 400],
    ['depth of ten thousand', '['.repeat(10_000), 400],
    ['a body over 64 KiB', `{"secret": "${'x'.repeat(65_536)}"}`, 413],
    ['a form', `{"secret": "${secret}"}`, 415, { 'content-type': 'application/x-www-form-urlencoded' }],
    ['plain text', `{"secret": "${secret}"}`, 415, { 'content-type': 'text/plain' }],
    [
      'a content type with tricks',
      `{"secret": "${secret}"}`,
      415,
      { 'content-type': 'text/plain; application/json' }
    ],
    ['an encoding', `{"secret": "${secret}"}`, 415, { 'content-encoding': 'gzip' }]
  ]
  it.each(bad)('is not looked up for %s', async (_name, body, status, headers) => {
    const { audit, log } = await start()
    const answer = await lookup(body, headers)
    expect(answer.status).toBe(status)
    expect(await answer.text()).not.toContain('hunter2')
    expect(log.text()).not.toContain('hunter2')
    expect(audit).toEqual([])
  })

  it('lookups are limited per address', async () => {
    const { clock } = await start()
    for (let i = 0; i < 20; i++) expect((await lookup('{"secret": "guess"}')).status).toBe(200)
    const answer = await lookup('{"secret": "guess"}')
    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('2')
    clock.advance(2000)
    expect((await lookup('{"secret": "guess"}')).status).toBe(200)
  })

  it('whatever JSON comes, either it is exactly {secret} or nothing is fingerprinted', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        const value: unknown = JSON.parse(text)
        const right =
          typeof value === 'object' &&
          value !== null &&
          Object.keys(value).join() === 'secret' &&
          'secret' in value
        if (right && typeof value.secret === 'string' && value.secret !== '')
          expect(secretOf(Buffer.from(text))).toBe(value.secret)
        else expect(() => secretOf(Buffer.from(text))).toThrow('The body must')
      })
    )
  })
})
