/**
 * The memory of one correlation: which groups have enough sightings within the last time span?
 *
 * Per group the N newest sightings are kept, N being the threshold, in the strict order of (event time, event
 * id). The window is full if all N lie in (newest − span, newest]. Because only the newest are kept and an id is
 * kept once, a repeated event changes nothing, whenever it comes. For value_count a sighting is the newest of its
 * value. All decisions depend on the entries alone; a group is forgotten when it was idle for the span and a day
 * of our own clock (`logged_time`), or when there are too many groups: the one touched longest ago goes.
 */
import { Recent } from './recent.ts'

export interface Sighting {
  /** Event time in ms. */
  readonly time: number
  /** Event id. */
  readonly id: string
  /** Class and activity of the event: OCSF `type_uid`. */
  readonly type: number
  /** What is counted: the event's id, or the value of a field. */
  readonly value: string
}

/** How late an event may come and still find its group, in ms of our own clock. */
export const LATENESS_MS = 86_400_000

const isBefore = (a: Sighting, b: Sighting): boolean => a.time < b.time || (a.time === b.time && a.id < b.id)

/** One snapshot line per group: key, touched, sightings as (time, id, type, value or null if it is the id). */
export type GroupSnapshot = [string, number, [number, string, number, string | null][]]

export class Windows {
  readonly #spanMs: number
  readonly #threshold: number
  readonly #distinct: boolean
  /** Per group, oldest first. */
  readonly groups: Recent<Sighting[]>

  constructor(options: { spanMs: number; threshold: number; distinct: boolean; groupsMax: number }) {
    this.#spanMs = options.spanMs
    this.#threshold = options.threshold
    this.#distinct = options.distinct
    this.groups = new Recent(options.groupsMax, options.spanMs + LATENESS_MS)
  }

  /** Notes a sighting; the full window, oldest first, if this one completes or renews it. */
  add(key: string, sighting: Sighting, logged: number): readonly Sighting[] | undefined {
    const sightings = this.groups.touch(key, logged) ?? this.groups.add(key, [], logged)
    if (!this.#insert(sightings, sighting)) return undefined
    const oldest = sightings[0]
    const newest = sightings.at(-1)
    if (sightings.length < this.#threshold || oldest === undefined || newest === undefined) return undefined
    return oldest.time > newest.time - this.#spanMs ? sightings : undefined
  }

  /** False if the sighting is known already or older than all that is kept. */
  #insert(list: Sighting[], sighting: Sighting): boolean {
    if (this.#distinct) {
      const known = list.findIndex(other => other.value === sighting.value)
      const other = list[known]
      if (other !== undefined) {
        if (!isBefore(other, sighting)) return false
        list.splice(known, 1)
      }
    }
    let low = 0
    let high = list.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = list[middle]
      if (other !== undefined && isBefore(other, sighting)) low = middle + 1
      else high = middle
    }
    const next = list[low]
    if (next !== undefined && next.id === sighting.id && next.time === sighting.time && !this.#distinct)
      return false
    if (low === 0 && list.length >= this.#threshold) return false
    list.splice(low, 0, sighting)
    if (list.length > this.#threshold) list.shift()
    return true
  }

  snapshot(): GroupSnapshot[] {
    return [...this.groups.entries()].map(([key, sightings, touched]) => [
      key,
      touched,
      sightings.map(({ time, id, type, value }) => [time, id, type, value === id ? null : value])
    ])
  }

  restore(groups: readonly GroupSnapshot[]): void {
    this.groups.clear()
    for (const [key, touched, lines] of groups) {
      const sightings = lines.map(([time, id, type, value]) => ({ time, id, type, value: value ?? id }))
      this.groups.put(key, sightings, touched)
    }
  }
}
