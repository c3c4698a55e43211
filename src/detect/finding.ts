/**
 * A hit → an OCSF 1.8.0 Detection Finding (class 2004, activity Create), complete enough to act on alone.
 *
 * Everything in it comes from the detector's text and from journal entries, so a replay makes the same bytes.
 * The anchor is the event that completed the hit; what it says was redacted before it was written.
 */
import { PRODUCT } from '../core/build.ts'
import {
  CLASS_UIDS,
  type FindingInfo,
  type KeywatchFields,
  OCSF_VERSION,
  type OcsfEvent,
  SEVERITY
} from '../core/event.ts'
import { eventIdOf } from '../lib/event-id.ts'
import type { Hit } from './evaluate.ts'
import { levelOf } from './load.ts'
import type { Head } from './rule.ts'

/** The ATT&CK release that our tags were checked against. */
const ATTACK_VERSION = '19'
/** Ids of contributing events in a finding. */
const RELATED_MAX = 10
const MESSAGE_CHARS_MAX = 512
const CREATE = 1
const ANALYTIC_RULE = 1
const STATUS_NEW = 1

/** `attack.t1110.004`, `attack.credential-access` → OCSF attacks. One tactic is told of every technique. */
function attacksOf(tags: readonly string[]): NonNullable<FindingInfo['attacks']> {
  const named = tags.filter(tag => tag.startsWith('attack.')).map(tag => tag.slice('attack.'.length))
  const techniques = named.filter(tag => /^t\d{4}(\.\d{3})?$/.test(tag)).map(tag => tag.toUpperCase())
  const tactics = named
    .filter(tag => /^[a-z]+([-_][a-z]+)*$/.test(tag))
    .map(tag => ({ name: tag.split(/[-_]/).map(capital).join(' ') }))
  const [only] = tactics
  const shared = only !== undefined && tactics.length === 1 && techniques.length > 0 ? { tactic: only } : {}
  const attacks: NonNullable<FindingInfo['attacks']> = techniques.map(id => ({
    version: ATTACK_VERSION,
    technique: { uid: id.slice(0, 5) },
    ...(id.includes('.') ? { sub_technique: { uid: id } } : {}),
    ...shared
  }))
  if (!('tactic' in shared)) for (const tactic of tactics) attacks.push({ version: ATTACK_VERSION, tactic })
  return attacks
}

const SMALL_WORDS: ReadonlySet<string> = new Set(['and', 'of'])
const capital = (word: string): string =>
  SMALL_WORDS.has(word) ? word : word.slice(0, 1).toUpperCase() + word.slice(1)

/** What was seen, of the anchor: OCSF `evidences`, which needs an actor, an API, an endpoint or data. */
function evidencesOf(anchor: OcsfEvent): Record<string, unknown>[] {
  const { actor, api, src_endpoint, dst_endpoint, http_request, http_response, resources, user, entity } =
    anchor
  const evidence = { actor, api, src_endpoint, dst_endpoint, http_request, http_response, resources, user }
  const given: Record<string, unknown> = Object.fromEntries(
    Object.entries(evidence).filter(([, value]) => value !== undefined)
  )
  if (entity !== undefined) given['data'] = { entity }
  const enough = actor ?? api ?? src_endpoint ?? dst_endpoint ?? user ?? entity
  if (enough === undefined) given['data'] = { class_uid: anchor.class_uid, event: anchor.metadata.uid }
  return [given]
}

/** What an analyst pivots on. */
function pivots(anchor: KeywatchFields): Partial<KeywatchFields> {
  const { credentials, mcp, secret, environment, project, calendar } = anchor
  return {
    ...(environment === undefined ? {} : { environment }),
    ...(project === undefined ? {} : { project }),
    ...(secret === undefined ? {} : { secret }),
    ...(credentials === undefined ? {} : { credentials }),
    ...(mcp === undefined ? {} : { mcp }),
    ...(calendar === undefined ? {} : { calendar })
  }
}

function describe(head: Head): string | undefined {
  const parts = [head.description]
  if (head.falsePositives.length > 0) parts.push(`Known false positives: ${head.falsePositives.join('; ')}.`)
  const text = parts.filter(part => part !== undefined).join('\n\n')
  return text === '' ? undefined : text
}

function messageOf(hit: Hit, held: number): string {
  const group = Object.entries(hit.group).map(([name, value]) => `${name}=${value}`)
  const counted = hit.kind === 'correlation' ? `: ${hit.sightings.length} seen` : ''
  const before = held === 0 ? '' : `; ${held} more were suppressed since the last finding`
  const text = `${hit.head.title}${counted}${group.length === 0 ? '' : ` (${group.join(', ')})`}`
  return `${text.length > MESSAGE_CHARS_MAX ? `${text.slice(0, MESSAGE_CHARS_MAX)}…` : text}${before}`
}

/**
 * Builds the finding of a hit. `held`: how many of its group were suppressed since the last finding.
 * Its id depends on the detector, its revision, the group and the anchor: the same on every replay.
 */
export function buildFinding(hit: Hit, anchor: OcsfEvent, held: number): OcsfEvent {
  const { head, sightings } = hit
  const level = levelOf(head)
  const uid = eventIdOf('finding', head.id, head.revision, hit.groupKey, anchor.metadata.uid)
  const logged = anchor.metadata.logged_time
  const latest = sightings.slice(-RELATED_MAX)
  const attacks = attacksOf(head.tags)
  const desc = describe(head)
  const { category, product, service } = hit.rule.logsource
  const info: FindingInfo = {
    uid,
    title: head.title,
    ...(desc === undefined ? {} : { desc }),
    analytic: {
      uid: head.id,
      name: head.name ?? head.title,
      type_id: ANALYTIC_RULE,
      type: 'Rule',
      version: head.revision
    },
    ...(attacks.length === 0 ? {} : { attacks }),
    created_time: logged,
    first_seen_time: sightings[0]?.time ?? anchor.time,
    last_seen_time: sightings.at(-1)?.time ?? anchor.time,
    related_events: latest.map(({ id, type }) => ({ uid: id, type_uid: type })),
    types: [category ?? product ?? service ?? 'keywatch'],
    data_sources: [anchor.unmapped.keywatch.source]
  }
  const event: OcsfEvent = {
    class_uid: CLASS_UIDS.detection_finding,
    category_uid: 2,
    activity_id: CREATE,
    type_uid: CLASS_UIDS.detection_finding * 100 + CREATE,
    severity_id: SEVERITY[level],
    time: anchor.time,
    status_id: STATUS_NEW,
    message: messageOf(hit, held),
    metadata: { version: OCSF_VERSION, uid, product: PRODUCT, profiles: [], logged_time: logged },
    finding_info: info,
    evidences: evidencesOf(anchor),
    // Sigma: an informational rule must not raise an alert.
    is_alert: level !== 'informational',
    unmapped: {
      keywatch: {
        source: 'keywatch',
        source_type: 'detector',
        ...pivots(anchor.unmapped.keywatch),
        finding: {
          rule: head.id,
          level,
          group: hit.group,
          events: latest.map(({ id }) => id),
          count: sightings.length,
          ...(head.runbook === undefined ? {} : { runbook: head.runbook })
        },
        ...(head.author === undefined ? {} : { vendor: { rule_author: head.author } })
      }
    }
  }
  if (head.runbook !== undefined) event.remediation = { desc: `Follow the runbook ${head.runbook}` }
  return event
}
