/** Entries for the tests of the store, made with the builders of core/build.ts. */
import { apiActivity } from '../../src/core/build.ts'
import type { Actor, KeywatchFields, OcsfEvent } from '../../src/core/event.ts'
import type { Entry, EntryBatch } from '../../src/core/ports.ts'
import { eventIdOf } from '../../src/lib/event-id.ts'

export const T0 = Date.UTC(2026, 0, 5)
export const DAY = 86_400_000

export interface Particulars {
  time?: number
  server?: string
  actor?: Actor
  ip?: string
  status?: number
  source?: string
  action?: string
  secret?: NonNullable<KeywatchFields['secret']>
  fingerprint?: string
}

/** A tool call that presents one credential that all entries share and exposes one of its own. */
export function entryOf(sequence: number, particulars: Particulars = {}): Entry {
  const event = apiActivity({
    time: particulars.time ?? T0 + sequence,
    activity: 'read',
    api: { operation: 'tools/call' },
    actor: particulars.actor ?? { user: { name: 'alice' } },
    src: { ip: particulars.ip ?? '192.0.2.1' },
    response: { code: particulars.status ?? 200 },
    keywatch: {
      action: particulars.action ?? 'mcp.tools/call',
      environment: 'production',
      ...(particulars.secret ? { secret: particulars.secret } : {}),
      credentials: [
        { fingerprint: 'kwfp1.k1.every', type: 'github-pat', where: 'headers', use: 'presented' },
        {
          fingerprint: particulars.fingerprint ?? `kwfp1.k1.${sequence}`,
          type: 'password',
          where: 'url',
          use: 'exposed'
        },
        { type: 'otp', where: 'body', use: 'exposed' }
      ],
      mcp: { method: 'tools/call', tool: 'search', server: { name: particulars.server ?? 'github-mcp' } }
    }
  })
  return entry(sequence, event, particulars.source ?? 'gateway')
}

export function findingOf(sequence: number, rule = 'rule-a', level = 'high'): Entry {
  const event = apiActivity({ time: T0 + sequence, activity: 'read', api: { operation: 'x' } })
  event.class_uid = 2004
  event.category_uid = 2
  event.unmapped.keywatch.finding = { rule, level, group: { server: 'a', actor: 'b' }, events: [], count: 3 }
  return entry(sequence, event, 'keywatch')
}

function entry(sequence: number, event: OcsfEvent, source: string): Entry {
  event.metadata.uid = eventIdOf('test', String(sequence))
  event.metadata.logged_time = event.time
  event.unmapped.keywatch.source = source
  event.unmapped.keywatch.source_type = 'otlp'
  return { sequence, pointer: { segment: 3, offset: sequence * 1000, length: 100 + (sequence % 50) }, event }
}

/** A batch whose cursor says how many entries come before it: `cursor-7`. */
export const batch = (entries: readonly Entry[]): EntryBatch => ({
  entries,
  next: `cursor-${(entries.at(-1)?.sequence ?? -1) + 1}`
})
