/**
 * Detectors over any JSON, one line at a time: for `keywatch detectors match`, tests of detectors and hunts.
 *
 * Every match is told, nothing is suppressed. An event of Keywatch is routed by its log source, as in the engine.
 * Any other object has no log source to go by: all detectors are tried on it, with its own field names.
 */
import { CLASS_UIDS, type OcsfEvent } from '../core/event.ts'
import type { DetectorInfo, DetectorProblem, Level } from '../core/finding.ts'
import { listDetectors } from './engine.ts'
import { evaluateEvent, type Facts, type Group, type Hit, planDetectors } from './evaluate.ts'
import { newSubject, pointAt } from './fields.ts'
import { type DetectorFile, levelOf, loadDetectors } from './load.ts'
import { Router } from './logsource.ts'

export interface DetectorMatch {
  /** The detector's id. */
  readonly rule: string
  readonly title: string
  readonly level: Level
  readonly kind: 'rule' | 'correlation'
  /** Correlations: the group. */
  readonly group?: Group
  /** Correlations: ids of the events in the window, oldest first. */
  readonly events?: readonly string[]
}

export interface MatcherOptions {
  readonly files: readonly DetectorFile[]
  /** Also tell matches of rules that only feed correlations. */
  readonly everyRule?: boolean
  readonly groupsMax?: number
}

export interface Matcher {
  readonly detectors: readonly DetectorInfo[]
  readonly problems: readonly DetectorProblem[]
  /**
   * The detectors that match an event, in order. `at`: its id and time in ms, for correlations; by default those
   * of a Keywatch event. Without a time an event is not correlated.
   */
  match(event: object, at?: { id: string; time: number }): DetectorMatch[]
}

const GROUPS_MAX = 100_000
const CLASSES: ReadonlySet<unknown> = new Set(Object.values(CLASS_UIDS))

/** True for an event that Keywatch made. The marked boundary: its shape is ours from here on. */
function isOurs(event: object): event is OcsfEvent {
  if (!('class_uid' in event && 'metadata' in event && 'unmapped' in event)) return false
  if (!CLASSES.has(event.class_uid)) return false
  const { unmapped, metadata } = event
  if (typeof unmapped !== 'object' || unmapped === null || !('keywatch' in unmapped)) return false
  if (typeof metadata !== 'object' || metadata === null) return false
  const own = unmapped.keywatch
  return (
    typeof own === 'object' && own !== null && 'source_type' in own && typeof own.source_type === 'string'
  )
}

/** Compiles the detectors. Never throws for what a file holds. */
export function createMatcher(options: MatcherOptions): Matcher {
  const set = loadDetectors(options.files)
  const { plans } = planDetectors(
    options.everyRule === true ? { ...set, silent: new Set() } : set,
    options.groupsMax ?? GROUPS_MAX
  )
  const router = new Router(plans)
  const subject = newSubject(true)
  return {
    detectors: listDetectors(set),
    problems: set.problems,
    match(event, at) {
      const found: DetectorMatch[] = []
      const ours = isOurs(event)
      const own = ours
        ? { id: String(event.metadata.uid), time: Number(event.time) }
        : { id: '', time: Number.NaN }
      const { id, time } = at ?? own
      const facts: Facts = { id, time, logged: time, type: 0 }
      pointAt(subject, event)
      evaluateEvent(ours ? router.route(event) : plans, subject, facts, hit => found.push(matchOf(hit)))
      return found
    }
  }
}

function matchOf({ kind, head, group, sightings }: Hit): DetectorMatch {
  const match = { rule: head.id, title: head.title, level: levelOf(head), kind }
  return kind === 'rule' ? match : { ...match, group, events: sightings.map(({ id }) => id) }
}
