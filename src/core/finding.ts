/**
 * A finding: what a detector says. Emitted as an OCSF Detection Finding (2004) into the findings journal.
 * Its id is a hash of (rule, revision, group key, anchor): the same on every replay and at every sink.
 */
import type { OcsfEvent } from './event.ts'
import type { Entry } from './ports.ts'

export const LEVELS = ['informational', 'low', 'medium', 'high', 'critical'] as const
export type Level = (typeof LEVELS)[number]

export interface DetectorInfo {
  readonly id: string
  readonly title: string
  readonly level: Level
  readonly file: string
  readonly kind: 'rule' | 'correlation'
}

/** A file, or a document in one, that cannot run; the others do. */
export interface DetectorProblem {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

/** The detectors, ready to run over a journal in order. Deterministic: state depends on entries alone. */
export interface DetectorEngine {
  readonly detectors: readonly DetectorInfo[]
  readonly problems: readonly DetectorProblem[]
  /** Findings that these entries complete, in order. */
  evaluate(entries: readonly Entry[]): OcsfEvent[]
  /** JSON of all windows and counters. */
  snapshot(): unknown
  /** Takes a snapshot back; state of rules that changed since is dropped. */
  restore(snapshot: unknown): void
  /** Correlation groups dropped since the last call, by detector id. */
  evictions(): ReadonlyMap<string, number>
}
