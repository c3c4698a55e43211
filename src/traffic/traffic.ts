/**
 * Made-up traffic of a company that uses MCP, with or without an attack in it: the same for the same options, to the
 * byte. A generator, so that a month of it needs no more memory than a minute.
 */
import { createAttack, type Span, type Story } from './attack.ts'
import { createFleet, type Fleet } from './fleet.ts'
import { Random } from './random.ts'
import type { TrafficRecord } from './record.ts'
import { MINUTE_MS, perMinute } from './rhythm.ts'
import { Scenes } from './scenes.ts'

export interface TrafficOptions extends Span {
  /** Any integer. */
  readonly seed: number
  /** Milliseconds since 1970. */
  readonly start: number
  readonly minutes: number
  /** Records per minute on average, those of the attack not counted. */
  readonly rate: number
  readonly attack: boolean
}

const streamOf = ({ seed }: Pick<TrafficOptions, 'seed'>) => new Random(`keywatch/traffic/${seed}`)

/** The fleet of a seed: whom an inventory should know. */
export const fleetOf = (options: Pick<TrafficOptions, 'seed'>): Fleet =>
  createFleet(streamOf(options).fork('fleet'))

/** The truth about the attack of these options, whether it is played or not. */
export const storyOf = (options: TrafficOptions): Story =>
  createAttack(fleetOf(options), options, streamOf(options).fork('attack')).story

/** All records in the order of their time. */
export function* traffic(options: TrafficOptions): Generator<TrafficRecord> {
  const fleet = fleetOf(options)
  const attack = options.attack ? createAttack(fleet, options, streamOf(options).fork('attack')).records : []
  let next = 0
  for (const record of background(fleet, options)) {
    for (let due = attack[next]; due !== undefined && due.time <= record.time; due = attack[++next]) yield due
    yield record
  }
  yield* attack.slice(next)
}

/** The normal days. What a scene still has to tell when the span ends is left out. */
function* background(fleet: Fleet, options: TrafficOptions): Generator<TrafficRecord> {
  const { start, minutes, rate } = options
  const random = streamOf(options).fork('background')
  const scenes = new Scenes(fleet, random.fork('scenes'))
  let pending: TrafficRecord[] = []
  let left = 0
  for (const [minute, count] of perMinute(start, minutes, Math.round(minutes * rate)).entries()) {
    const from = start + minute * MINUTE_MS
    // A scene has several records: what one minute has too many, the next has less.
    for (left += count; left > 0; ) {
      const made = scenes.at(from + random.below(MINUTE_MS))
      left -= made.length
      pending.push(...made)
    }
    pending.sort((a, b) => a.time - b.time)
    const end = from + MINUTE_MS
    const later = pending.findIndex(record => record.time >= end)
    const due = later === -1 ? pending : pending.slice(0, later)
    pending = later === -1 ? [] : pending.slice(later)
    yield* due
  }
}
