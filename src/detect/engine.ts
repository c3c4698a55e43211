/**
 * The detection engine: journal entries in, findings out, in order and the same on every replay.
 *
 * State is what windows and suppressions remember; it depends on the entries alone (no clock, no randomness)
 * and goes through snapshot() and restore() as JSON. A detector whose text changed starts empty.
 */
import { z } from 'zod'
import type { OcsfEvent } from '../core/event.ts'
import type { DetectorEngine, DetectorInfo } from '../core/finding.ts'
import type { Entry } from '../core/ports.ts'
import { evaluateEvent, type Facts, type Hit, type Plan, planDetectors, type State } from './evaluate.ts'
import { newSubject, pointAt } from './fields.ts'
import { buildFinding } from './finding.ts'
import { type DetectorFile, type DetectorSet, levelOf, loadDetectors } from './load.ts'
import { Router } from './logsource.ts'
import type { Head } from './rule.ts'
import { SUPPRESS_MS, Suppression } from './suppression.ts'

export interface EngineOptions {
  readonly files: readonly DetectorFile[]
  /** Groups remembered per detector. */
  readonly groupsMax?: number
}

/** The contract of core/finding.ts, and what was held back. */
export interface SigmaEngine extends DetectorEngine {
  /** Findings suppressed so far, by detector id. */
  suppressed(): ReadonlyMap<string, number>
}

const GROUPS_MAX = 100_000

const GroupLine = z.tuple([
  z.string(),
  z.number(),
  z.array(z.tuple([z.number(), z.string(), z.number(), z.string().nullable()]))
])
const Snapshot = z.object({
  version: z.literal(1),
  detectors: z.array(
    z.object({
      id: z.string(),
      revision: z.string(),
      groups: z.array(GroupLine),
      pauses: z.array(z.tuple([z.string(), z.number(), z.number(), z.number()])),
      evicted: z.number(),
      held: z.number()
    })
  )
})

/** What the engine keeps of one detector that makes findings. */
interface Kept {
  readonly head: Head
  readonly suppression: Suppression
  readonly state: State | undefined
}

/** Detectors as they are listed: those that can make a finding. */
export function listDetectors(set: DetectorSet): DetectorInfo[] {
  const infoOf = (head: Head, kind: DetectorInfo['kind']) => ({
    id: head.id,
    title: head.title,
    level: levelOf(head),
    file: head.file,
    kind
  })
  return [
    ...set.rules.filter(rule => !set.silent.has(rule)).map(rule => infoOf(rule.head, 'rule')),
    ...set.correlations.map(correlation => infoOf(correlation.head, 'correlation'))
  ]
}

class Engine implements SigmaEngine {
  readonly detectors: readonly DetectorInfo[]
  readonly problems: DetectorEngine['problems']
  readonly #router: Router<Plan>
  readonly #kept = new Map<string, Kept>()
  readonly #subject = newSubject(false)
  /** One object for all events, like the subject: an event that matches nothing allocates nothing. */
  readonly #facts = { id: '', time: 0, logged: 0, type: 0 }
  #anchor: OcsfEvent | undefined
  #findings: OcsfEvent[] = []
  readonly #report = (hit: Hit, facts: Facts): void => this.#onHit(hit, facts)

  constructor(options: EngineOptions) {
    const set = loadDetectors(options.files)
    const groupsMax = options.groupsMax ?? GROUPS_MAX
    const { plans, states } = planDetectors(set, groupsMax)
    this.detectors = listDetectors(set)
    this.problems = set.problems
    this.#router = new Router(plans)
    const keep = (head: Head, state: State | undefined) => {
      const pauseMs = head.suppressMs ?? SUPPRESS_MS[levelOf(head)]
      this.#kept.set(head.id, { head, state, suppression: new Suppression(pauseMs, groupsMax) })
    }
    for (const plan of plans) if (plan.loud) keep(plan.rule.head, undefined)
    for (const state of states) keep(state.head, state)
  }

  evaluate(entries: readonly Entry[]): OcsfEvent[] {
    this.#findings = []
    for (const { event } of entries) {
      const plans = this.#router.route(event)
      if (plans.length === 0) continue
      pointAt(this.#subject, event)
      this.#anchor = event
      this.#facts.id = event.metadata.uid
      this.#facts.time = event.time
      this.#facts.logged = event.metadata.logged_time
      this.#facts.type = event.type_uid
      evaluateEvent(plans, this.#subject, this.#facts, this.#report)
    }
    const found = this.#findings
    this.#findings = []
    this.#anchor = undefined
    this.#subject.event = {}
    this.#subject.keywatch = undefined
    return found
  }

  #onHit(hit: Hit, facts: Facts): void {
    const kept = this.#kept.get(hit.head.id)
    if (kept === undefined || this.#anchor === undefined) return
    const held = kept.suppression.admit(hit.groupKey, facts.time, facts.logged)
    if (held !== undefined) this.#findings.push(buildFinding(hit, this.#anchor, held))
  }

  snapshot(): unknown {
    const detectors = [...this.#kept.values()].map(({ head, suppression, state }) => ({
      id: head.id,
      revision: head.revision,
      groups: state?.windows.snapshot() ?? [],
      pauses: suppression.snapshot(),
      evicted: suppression.pauses.evicted + (state?.windows.groups.evicted ?? 0),
      held: suppression.held
    }))
    return { version: 1, detectors }
  }

  restore(snapshot: unknown): void {
    const parsed = Snapshot.safeParse(snapshot)
    const saved = new Map((parsed.data?.detectors ?? []).map(detector => [detector.id, detector]))
    for (const { head, suppression, state } of this.#kept.values()) {
      const found = saved.get(head.id)
      const usable = found?.revision === head.revision ? found : undefined
      suppression.restore(usable?.pauses ?? [])
      suppression.held = usable?.held ?? 0
      state?.windows.restore(usable?.groups ?? [])
      suppression.pauses.evicted = usable?.evicted ?? 0
    }
  }

  evictions(): ReadonlyMap<string, number> {
    const found = new Map<string, number>()
    for (const { head, suppression, state } of this.#kept.values()) {
      const count = suppression.pauses.evicted + (state?.windows.groups.evicted ?? 0)
      if (count > 0) found.set(head.id, count)
      suppression.pauses.evicted = 0
      if (state !== undefined) state.windows.groups.evicted = 0
    }
    return found
  }

  suppressed(): ReadonlyMap<string, number> {
    return new Map([...this.#kept.values()].map(({ head, suppression }) => [head.id, suppression.held]))
  }
}

/** Compiles the detectors and makes an engine with empty state. Never throws for what a file holds. */
export function createDetectorEngine(options: EngineOptions): SigmaEngine {
  return new Engine(options)
}
