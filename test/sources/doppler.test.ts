/** The doppler source: signatures, both names of its one event, and payloads that users made up. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { KeywatchError } from '../../src/core/errors.ts'
import doppler from '../../src/sources/doppler.ts'
import { fixtureRequest, openSource, outcomeOf, RECEIVED_AT, requestOf, sourceContract } from './contract.ts'

const SECRET = 'whsec_test'
const signature = {
  header: 'X-Doppler-Signature',
  value: (body: Buffer) => `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`
}

sourceContract(doppler, {
  options: { secret: SECRET },
  fixtures: [
    'doppler-webhook',
    'doppler-all-kinds',
    'doppler-no-diff',
    'doppler-custom-payload',
    'doppler-unknown-type',
    'doppler-activity-log'
  ],
  signature
})

describe('doppler', () => {
  const source = openSource(doppler, { secret: SECRET })

  it('agrees with a signature that was computed elsewhere', () => {
    const { body } = fixtureRequest('doppler-webhook')
    const known = 'sha256=ed9bab1a1f7619de99eb0544528e4af1dfc62af797e58d0ff5503ff3c993701e'
    expect(source.authenticate?.(requestOf(body, { 'X-Doppler-Signature': known }))).toBeUndefined()
  })

  it('takes a signature under any of the active secrets, and under none that is retired', () => {
    const { body } = fixtureRequest('doppler-webhook')
    const request = requestOf(body, { 'X-Doppler-Signature': signature.value(body) })
    const accepts = (secret: string[]) =>
      openSource(doppler, { secret }).authenticate?.(request) === undefined
    expect(accepts(['new', SECRET])).toBe(true)
    expect(accepts([SECRET, 'new'])).toBe(true)
    expect(accepts(['new'])).toBe(false)
  })

  it('makes one event per kind of change, with all names', () => {
    const { events } = outcomeOf(source, fixtureRequest('doppler-all-kinds', { signature }))
    expect(events.map(event => [event.unmapped.keywatch.action, event.unmapped.keywatch.secret])).toEqual([
      [
        'secret.created',
        { manager: 'doppler', path: 'Backend/prd_eu', names: ['GITHUB_TOKEN', 'SLACK_TOKEN'] }
      ],
      ['secret.updated', { manager: 'doppler', path: 'Backend/prd_eu', name: 'STRIPE_API_KEY' }],
      ['secret.deleted', { manager: 'doppler', path: 'Backend/prd_eu', name: 'OLD_KEY' }]
    ])
    expect(events.every(event => event.time === RECEIVED_AT)).toBe(true)
  })

  it('lets the configuration name the environment', () => {
    const own = openSource(doppler, { secret: SECRET, environment: 'production' })
    const { events } = outcomeOf(own, fixtureRequest('doppler-webhook', { signature }))
    expect(events[0]?.unmapped.keywatch.environment).toBe('production')
  })

  it('tells a repetition by the body, for a day unless told otherwise', () => {
    expect(source.dedupe).toEqual({ by: 'body', windowMs: 900_000 })
    expect(openSource(doppler, { secret: SECRET, window: '10m' }).dedupe).toEqual({
      by: 'body',
      windowMs: 600_000
    })
  })

  it('needs a secret unless it listens on loopback, where the listener decides', () => {
    const none = doppler.options.parse({})
    expect(doppler.check?.(none, { loopback: false })).toEqual([
      { path: ['secret'], message: expect.stringContaining('secret') }
    ])
    expect(doppler.check?.(none, { loopback: true })).toEqual([])
    expect(() => openSource(doppler, {}, { loopback: false })).toThrow(KeywatchError)
    expect(openSource(doppler, {}).authenticate).toBeUndefined()
  })

  it('keeps of a body that is no JSON nothing but the bytes for a hash', () => {
    const decoded = source.decode?.(requestOf('{"secret": "abc'))
    expect(decoded).toMatchObject({ records: [], bad: [{ index: 0, reason: 'The body is not valid JSON.' }] })
    expect(decoded?.bad[0]?.keep).toBeUndefined()
  })
})
