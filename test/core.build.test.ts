import { describe, expect, it } from 'vitest'
import {
  apiActivity,
  authentication,
  endpoint,
  entityManagement,
  httpActivity,
  lifecycle,
  translationError
} from '../src/core/build.ts'
import type { OcsfEvent } from '../src/core/event.ts'
import { eventIdOf, uuidV7 } from '../src/lib/event-id.ts'
import { expectOcsf, schemaAvailable } from './ocsf.ts'

const finish = (event: OcsfEvent) => {
  event.metadata.uid = uuidV7()(event.time)
  event.metadata.logged_time = event.time
  event.unmapped.keywatch.source = 's'
  event.unmapped.keywatch.source_type = 't'
  return event
}

describe('OCSF builders', () => {
  it.each([
    [
      'an API call with nothing known',
      apiActivity({ time: 1, activity: 'other', api: { operation: 'tools/call' } })
    ],
    [
      'an API call with a trace',
      apiActivity({ time: 1, activity: 'read', api: { operation: 'x' }, trace: { uid: 'a'.repeat(32) } })
    ],
    ['an unparseable request', httpActivity({ time: 1 })],
    [
      'a request with an actor',
      httpActivity({
        time: 1,
        request: { http_method: 'GET', url: { path: '/' } },
        actor: { user: { name: 'a' } }
      })
    ],
    [
      'an unusual method',
      httpActivity({ time: 1, request: { http_method: 'PROPFIND' }, response: { code: 207 } })
    ],
    [
      'a secret change',
      entityManagement({ time: 1, activity: 'update', entity: { name: 'A', type: 'Secret', type_id: 99 } })
    ],
    [
      'a login',
      authentication({
        time: 1,
        activity: 'logon',
        user: { name: 'a' },
        service: { name: 'vault' },
        status: 'failure'
      })
    ],
    ['a quarantined record', translationError({ time: 1 })],
    ['a checkpoint', lifecycle('Checkpoint', { time: 1 })]
  ])('make valid events from the least that a source can give: %s', (_, event) => {
    expectOcsf(finish(event))
  })

  it('put an address where OCSF allows it', () => {
    expect(endpoint('192.0.2.1', 80)).toEqual({ ip: '192.0.2.1', port: 80 })
    expect(endpoint('[2001:db8::1%eth0]')).toEqual({ ip: '2001:db8::1' })
    expect(endpoint('proxy-1.example.com')).toEqual({ hostname: 'proxy-1.example.com' })
    expect(endpoint('unix:')).toEqual({ name: 'unix:' })
    expect(endpoint('-')).toBeUndefined()
  })

  it.skipIf(!schemaAvailable)('the judge refuses an event with an attribute that OCSF does not know', () => {
    const event = { ...finish(translationError({ time: 1 })), nonsense: 1 }
    expect(() => expectOcsf(event)).toThrow(/additional properties/)
  })
})

describe('event ids', () => {
  it('are equal for equal parts and differ when a boundary moves', () => {
    expect(eventIdOf('a', 'bc')).toBe(eventIdOf('a', 'bc'))
    expect(eventIdOf('a', 'bc')).not.toBe(eventIdOf('ab', 'c'))
    expect(eventIdOf('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
  it('are time-ordered where the vendor gives none', () => {
    const make = uuidV7()
    expect(make(1_000) < make(2_000)).toBe(true)
    expect(make(Date.UTC(2026, 10, 22))).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    )
  })
})
