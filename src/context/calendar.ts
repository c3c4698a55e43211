/**
 * Context provider `calendar`: was this event inside or outside of working hours, where we work?
 *
 * Time zones are names of the IANA Time Zone Database (`Europe/Berlin`); their offsets come from the ICU data
 * of Node through luxon, so summer time is right. `workdays` is `mon-fri`, `mon,tue,thu`, `sun-thu` or a list;
 * `hours` is `08:00-19:00` (the end is outside) or, over midnight, `22:00-06:00`.
 */
import { IANAZone } from 'luxon'
import { z } from 'zod'
import { defineContext } from '../core/context.ts'
import type { KeywatchFields } from '../core/event.ts'

type CalendarFields = NonNullable<KeywatchFields['calendar']>

const DAYS: readonly string[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const FULL_NAMES: readonly string[] = [
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday'
]
const MINUTE_MS = 60_000
const QUARTER_MS = 15 * MINUTE_MS
const DAY_MINUTES = 24 * 60
/** The largest time that a JavaScript date can hold, in ms. */
const TIME_MS_MAX = 8.64e15
/** Entries of each cache; it is emptied when full. Two days of minutes, five months of quarter hours. */
const MINUTES_MAX = 2880
const QUARTERS_MAX = 14_400

/** Day of the week from its English name or first three letters: 0 is Sunday. -1 if it is none. */
function dayNumber(text: string): number {
  const name = text.trim().toLowerCase()
  const short = DAYS.indexOf(name)
  return short >= 0 ? short : FULL_NAMES.indexOf(name)
}

/** `mon-fri`, `mon,tue,thu`, `sat-mon` → seven flags from Sunday on. Undefined if it is no such text. */
function parseWorkdays(text: string): boolean[] | undefined {
  const flags = DAYS.map(() => false)
  for (const part of text.split(',')) {
    const ends = part.split('-')
    const first = dayNumber(ends[0] ?? '')
    const last = ends.length === 1 ? first : dayNumber(ends[1] ?? '')
    if (first < 0 || last < 0 || ends.length > 2) return undefined
    for (let day = first; ; day = (day + 1) % 7) {
      flags[day] = true
      if (day === last) break
    }
  }
  return flags
}

interface Hours {
  /** Minutes since midnight; `end` is the first minute outside. `end` < `start`: over midnight. */
  readonly start: number
  readonly end: number
}

/** `08:00-19:00` → minutes since midnight. `24:00` is allowed as the end. Undefined if it is no such text. */
function parseHours(text: string): Hours | undefined {
  const match = /^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$/.exec(text.trim())
  if (!match) return undefined
  const [startHour = 0, startMinute = 0, endHour = 0, endMinute = 0] = match.slice(1).map(Number)
  if (startMinute > 59 || endMinute > 59) return undefined
  const start = startHour * 60 + startMinute
  const end = endHour * 60 + endMinute
  if (start >= DAY_MINUTES || end > DAY_MINUTES || start === end) return undefined
  return { start, end }
}

/** True for a `YYYY-MM-DD` that is a day of the calendar. */
function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const time = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
}

const Workdays = z
  .union([z.string(), z.array(z.string()).min(1)])
  .transform((value, context) => {
    const flags = parseWorkdays(typeof value === 'string' ? value : value.join(','))
    if (flags) return flags
    context.addIssue({ code: 'custom', message: 'expected days, for instance mon-fri or mon,tue,thu' })
    return z.NEVER
  })
  .meta({ description: 'Days of work: `mon-fri`, `mon,tue,thu` or a list.' })

const HoursOption = z
  .string()
  .transform((value, context) => {
    const hours = parseHours(value)
    if (hours) return hours
    context.addIssue({ code: 'custom', message: 'expected hours, for instance 08:00-19:00 or 22:00-06:00' })
    return z.NEVER
  })
  .meta({ description: 'Hours of work in the time zone; the end is outside. May go over midnight.' })

const options = z
  .strictObject({
    timezone: z
      .string()
      .refine(zone => IANAZone.isValidZone(zone), 'expected an IANA time zone, for instance Europe/Berlin')
      .default('UTC')
      .describe('IANA time zone in which days and hours are meant.'),
    workdays: Workdays.prefault('mon-fri'),
    hours: HoursOption.prefault('08:00-19:00'),
    holidays: z
      .array(z.string().refine(isDate, 'expected a date, for instance 2026-12-25'))
      .default([])
      .describe('Days off, as `YYYY-MM-DD`.')
  })
  .prefault({})
export type CalendarOptions = z.output<typeof options>

/** Puts a bounded number of entries into a map: empties it when full. */
function remember<V>(cache: Map<number, V>, max: number, key: number, value: V): V {
  if (cache.size >= max) cache.clear()
  cache.set(key, value)
  return value
}

/** One calendar with its caches. All times are milliseconds since 1970. */
class Calendar {
  readonly #zone: IANAZone
  readonly #workdays: readonly boolean[]
  readonly #hours: Hours
  readonly #holidays: ReadonlySet<string>
  readonly #offsets = new Map<number, number>()
  readonly #minutes = new Map<number, CalendarFields>()
  #lastMinute = Number.NaN
  #last: CalendarFields | undefined

  constructor(settings: CalendarOptions) {
    this.#zone = IANAZone.create(settings.timezone)
    this.#workdays = settings.workdays
    this.#hours = settings.hours
    this.#holidays = new Set(settings.holidays)
  }

  /** The fields of a moment; one frozen object per minute, shared by its events. */
  at(time: number): CalendarFields | undefined {
    const minute = Math.floor(time / MINUTE_MS)
    if (minute === this.#lastMinute) return this.#last
    if (!(Math.abs(time) <= TIME_MS_MAX)) return undefined
    this.#last =
      this.#minutes.get(minute) ?? remember(this.#minutes, MINUTES_MAX, minute, this.#compute(minute))
    this.#lastMinute = minute
    return this.#last
  }

  /**
   * Minutes east of UTC, cached per quarter hour of UTC: every zone of today changes at such a moment (the last
   * exception was Newfoundland, until 2011, one minute late).
   */
  #offset(minute: number): number {
    const quarter = Math.floor((minute * MINUTE_MS) / QUARTER_MS)
    return (
      this.#offsets.get(quarter) ??
      remember(this.#offsets, QUARTERS_MAX, quarter, this.#zone.offset(quarter * QUARTER_MS))
    )
  }

  #compute(minute: number): CalendarFields {
    // The local wall clock, read with the UTC functions of a shifted date: no second time zone is involved.
    const wall = (minute + this.#offset(minute)) * MINUTE_MS
    if (!(Math.abs(wall) <= TIME_MS_MAX - 86_400_000)) {
      return Object.freeze({ off_hours: true, weekend: false, holiday: false, local_time: '' })
    }
    const today = new Date(wall)
    const minuteOfDay = today.getUTCHours() * 60 + today.getUTCMinutes()
    const { start, end } = this.#hours
    const inside =
      end > start
        ? minuteOfDay >= start && minuteOfDay < end && this.#works(today)
        : // The hours after midnight belong to the day on which the shift began.
          (minuteOfDay >= start && this.#works(today)) ||
          (minuteOfDay < end && this.#works(new Date(wall - 86_400_000)))
    const text = today.toISOString()
    return Object.freeze({
      off_hours: !inside,
      weekend: this.#workdays[today.getUTCDay()] !== true,
      holiday: this.#holidays.has(dateOf(text)),
      local_time: text.slice(0, text.lastIndexOf(':'))
    })
  }

  #works(day: Date): boolean {
    return this.#workdays[day.getUTCDay()] === true && !this.#holidays.has(dateOf(day.toISOString()))
  }
}

const dateOf = (iso: string): string => iso.slice(0, iso.indexOf('T'))

export default defineContext({
  name: 'calendar',
  summary: 'Says of every event whether it fell outside of working hours.',
  options,
  open(settings) {
    const calendar = new Calendar(settings)
    return {
      apply(event) {
        const fields = calendar.at(event.time)
        if (fields !== undefined) event.unmapped.keywatch.calendar = fields
      }
    }
  }
})
