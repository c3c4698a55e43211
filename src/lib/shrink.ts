/**
 * How an event is made to fit a sink that cuts or refuses large ones: the redacted original goes first, then
 * long texts and lists are cut, at last only what identifies the event is left. Each says so in
 * `metadata.is_truncated` (https://schema.ocsf.io/1.8.0/objects/metadata). The journal keeps the whole.
 */
import type { OcsfEvent } from '../core/event.ts'

/** Longest text and list of the two cut forms. */
const CUTS = [
  { text: 2_000, list: 50 },
  { text: 100, list: 5 }
] as const
const MEMBERS_MAX = 100
const DEPTH_MAX = 12

function cutValue(value: unknown, cut: (typeof CUTS)[number], depth: number): unknown {
  if (typeof value === 'string')
    return value.length > cut.text ? value.slice(0, cut.text).toWellFormed() : value
  if (typeof value !== 'object' || value === null) return value
  if (depth >= DEPTH_MAX) return undefined
  if (Array.isArray(value)) return value.slice(0, cut.list).map(item => cutValue(item, cut, depth + 1))
  const members = Object.entries(value).slice(0, MEMBERS_MAX)
  return Object.fromEntries(
    members.map(([key, member]) => [key.slice(0, cut.text), cutValue(member, cut, depth + 1)])
  )
}

const marked = (event: OcsfEvent): OcsfEvent => ({
  ...event,
  metadata: { ...event.metadata, is_truncated: true }
})

/** The event with its texts and lists cut hard: small, shallow, and of the same shape. */
// Cutting keeps the shape but for lengths, so the result is an event still.
export const shortened = (event: OcsfEvent, cut: (typeof CUTS)[number] = CUTS[1]): OcsfEvent =>
  cutValue(marked(event), cut, 0) as OcsfEvent

/** What every class requires and Keywatch needs to find the whole event in the journal. */
function skeleton(event: OcsfEvent): OcsfEvent {
  const { source, source_type } = event.unmapped.keywatch
  const { version, uid, product, logged_time } = event.metadata
  const text = (value: string) => value.slice(0, 200).toWellFormed()
  return marked({
    class_uid: event.class_uid,
    category_uid: event.category_uid,
    activity_id: event.activity_id,
    type_uid: event.type_uid,
    severity_id: event.severity_id,
    time: event.time,
    message: text(event.message ?? ''),
    metadata: { version, uid: text(uid), product, profiles: [], logged_time },
    unmapped: { keywatch: { source: text(source), source_type: text(source_type), truncated: true } }
  })
}

/**
 * `encode(event)` if that has at most `bytesMax` UTF-8 bytes, else the encoding of the longest of its
 * shortened forms that has: without the original, texts cut, and the bare identity as the last resort.
 */
export function encodeWithin(
  event: OcsfEvent,
  bytesMax: number,
  encode: (event: OcsfEvent) => string
): string {
  const fits = (text: string) => text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax
  const whole = encode(event)
  if (fits(whole)) return whole
  const { raw_data: _, ...rest } = event
  const bare = marked(rest)
  const withoutRaw = encode(bare)
  if (fits(withoutRaw)) return withoutRaw
  for (const cut of CUTS) {
    const short = encode(shortened(bare, cut))
    if (fits(short)) return short
  }
  return encode(skeleton(event))
}
