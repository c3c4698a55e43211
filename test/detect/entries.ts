/** Entries of a journal for tests: events with ids and times, in order. */
import { httpActivity } from '../../src/core/build.ts'
import type { OcsfEvent } from '../../src/core/event.ts'
import type { Entry } from '../../src/core/ports.ts'

export const START = Date.parse('2026-11-23T10:00:00Z')

/** The events as a journal would give them; fills what the spine fills, where it is missing. */
export function entriesOf(events: readonly OcsfEvent[]): Entry[] {
  return events.map((event, sequence) => {
    event.metadata.uid ||= `event-${String(sequence).padStart(4, '0')}`
    event.metadata.logged_time ||= event.time + 5
    event.unmapped.keywatch.source ||= 'edge'
    event.unmapped.keywatch.source_type ||= 'access-log'
    return { sequence, pointer: { segment: 0, offset: sequence, length: 1 }, event }
  })
}

/** A request answered with a code, `seconds` after the start. */
export function refused(seconds: number, ip: string | undefined, id = '', code = 401): OcsfEvent {
  const event = httpActivity({
    time: START + seconds * 1000,
    status: code < 400 ? 'success' : 'failure',
    request: { http_method: 'POST', url: { path: '/mcp' } },
    response: { code },
    ...(ip === undefined ? {} : { src: { ip } })
  })
  event.metadata.uid = id
  return event
}
