import fc from 'fast-check'
import { DateTime } from 'luxon'
import { describe, expect, it } from 'vitest'
import calendar from '../../src/context/calendar.ts'
import { httpActivity } from '../../src/core/build.ts'
import { expectOcsf } from '../ocsf.ts'

const eventAt = (time: number) => {
  const event = httpActivity({ time })
  event.metadata.uid = 'x'
  return event
}
const fieldsAt = (options: unknown, moment: string | number) => {
  const event = eventAt(typeof moment === 'number' ? moment : Date.parse(moment))
  calendar.open(calendar.options.parse(options)).apply(event)
  return event.unmapped.keywatch.calendar
}
const BERLIN = {
  timezone: 'Europe/Berlin',
  workdays: 'mon-fri',
  hours: '08:00-19:00',
  holidays: ['2026-12-25']
}

describe('calendar context', () => {
  it.each([
    ['a weekday at noon is inside', BERLIN, '2026-11-23T11:00:00Z', false, false, false],
    ['the first minute is inside', BERLIN, '2026-11-23T07:00:00Z', false, false, false],
    ['the minute before is outside', BERLIN, '2026-11-23T06:59:59.999Z', true, false, false],
    ['the end is outside', BERLIN, '2026-11-23T18:00:00Z', true, false, false],
    ['the last millisecond is inside', BERLIN, '2026-11-23T17:59:59.999Z', false, false, false],
    ['Saturday is outside', BERLIN, '2026-11-21T11:00:00Z', true, true, false],
    ['a holiday is outside', BERLIN, '2026-12-25T11:00:00Z', true, false, true],
    ['the holiday begins at local midnight', BERLIN, '2026-12-24T23:00:00Z', true, false, true],
    ['summer time moves the hours', BERLIN, '2026-07-01T06:00:00Z', false, false, false],
    ['winter time moves them back', BERLIN, '2026-12-01T06:00:00Z', true, false, false],
    ['listed days only', { workdays: 'mon,tue,thu' }, '2026-11-25T12:00:00Z', true, true, false],
    ['days as a YAML list', { workdays: ['Wednesday'] }, '2026-11-25T12:00:00Z', false, false, false],
    ['a week from Sunday', { workdays: 'sun-thu' }, '2026-11-22T12:00:00Z', false, false, false],
    [
      'a range over the end of the week',
      { workdays: 'fri-sun' },
      '2026-11-22T12:00:00Z',
      false,
      false,
      false
    ],
    ['defaults: UTC, inside', undefined, '2026-11-23T08:00:00Z', false, false, false],
    ['defaults: UTC, outside', undefined, '2026-11-23T19:00:00Z', true, false, false],
    ['a night shift before midnight', { hours: '22:00-06:00' }, '2026-11-20T23:00:00Z', false, false, false],
    ['its end on Saturday morning', { hours: '22:00-06:00' }, '2026-11-21T05:59:00Z', false, true, false],
    ['after its end', { hours: '22:00-06:00' }, '2026-11-21T06:00:00Z', true, true, false],
    ['no shift began on Sunday', { hours: '22:00-06:00' }, '2026-11-23T03:00:00Z', true, false, false],
    ['around the clock', { hours: '00:00-24:00' }, '2026-11-23T23:59:00Z', false, false, false]
  ])('%s', (_, options, moment, off_hours, weekend, holiday) => {
    expect(fieldsAt(options, moment)).toMatchObject({ off_hours, weekend, holiday })
  })

  it('tells the local time, on both sides of both changes of the clock', () => {
    const local = (moment: string) => fieldsAt(BERLIN, moment)?.local_time
    expect(local('2026-03-29T00:59:00Z')).toBe('2026-03-29T01:59')
    expect(local('2026-03-29T01:00:00Z')).toBe('2026-03-29T03:00')
    expect(local('2026-10-25T00:30:00Z')).toBe('2026-10-25T02:30')
    expect(local('2026-10-25T01:30:00Z')).toBe('2026-10-25T02:30')
    expect(fieldsAt({ timezone: 'Asia/Kathmandu' }, '2026-01-01T00:00:00Z')?.local_time).toBe(
      '2026-01-01T05:45'
    )
  })

  it('agrees with luxon at any moment in any zone, also out of order', () => {
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata']
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.array(fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2035, 0) }), { maxLength: 20 }),
        (timezone, times) => {
          const context = calendar.open(calendar.options.parse({ timezone }))
          for (const time of times) {
            const event = eventAt(time)
            context.apply(event)
            const local = DateTime.fromMillis(time, { zone: timezone })
            expect(event.unmapped.keywatch.calendar).toEqual({
              off_hours: !(local.weekday <= 5 && local.hour >= 8 && local.hour < 19),
              weekend: local.weekday > 5,
              holiday: false,
              local_time: local.toFormat("yyyy-MM-dd'T'HH:mm")
            })
          }
        }
      )
    )
  })

  it('sets nothing for a time that is none, and never throws', () => {
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY, -9e15])
      expect(fieldsAt(BERLIN, time)).toBeUndefined()
    expect(fieldsAt(BERLIN, 8.64e15)).toBeDefined()
  })

  it('makes a valid event', () => {
    const event = eventAt(Date.parse('2026-11-23T11:00:00Z'))
    calendar.open(calendar.options.parse(BERLIN)).apply(event)
    expectOcsf(event)
  })

  it.each([
    ['an unknown zone', { timezone: 'Europe/Nowhere' }],
    ['an unknown day', { workdays: 'mon-fry' }],
    ['three ends', { workdays: 'mon-tue-wed' }],
    ['no day', { workdays: '' }],
    ['an hour that is none', { hours: '08:00-25:00' }],
    ['an empty span', { hours: '08:00-08:00' }],
    ['a date that is none', { holidays: ['2026-02-30'] }],
    ['an unknown option', { zone: 'UTC' }]
  ])('refuses %s', (_, options) => {
    expect(calendar.options.safeParse(options).success).toBe(false)
  })
})
