/**
 * What is a problem with the configuration, and how does it read? Problems carry names of options and
 * allowed choices, never a value: a value may be a secret, or may have come from `${…}`.
 */
import { editDistance } from '../lib/edit-distance.ts'

export type Path = readonly (string | number)[]

export interface Problem {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1. */
  readonly column: number
  /** `sinks.siem.url`; empty for a problem of the whole file. */
  readonly path: string
  /** Our own words; quotes no value. */
  readonly message: string
}

/** A name that may be shown: an option or an id. Anything else may be a value that slipped into a key's place. */
const SHOWABLE = /^[A-Za-z_][A-Za-z0-9_-]{0,39}$|^[a-z0-9][a-z0-9_-]{0,62}$/

export const showName = (name: string): string => (SHOWABLE.test(name) ? name : '(a name not shown)')

/** `['tokens', 0, 'sha256']` → `tokens[0].sha256`. */
export function showPath(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else text += text === '' ? showName(part) : `.${showName(part)}`
  }
  return text
}

/** `keywatch.yml:5:5 sinks.siem.token: missing` */
export function formatProblem({ file, line, column, path, message }: Problem): string {
  return `${file}:${line}:${column} ${path === '' ? '' : `${path}: `}${message}`
}

/** In the order of the file; equal problems once. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const unique = new Map(problems.map(problem => [formatProblem(problem), problem]))
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column)
}

const plain = (name: string) => name.toLowerCase().replaceAll(/[_-]/g, '')

/** The known name that was probably meant: equal but for case and dashes, else a few edits away. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  if (name.length > 64) return undefined
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const distance = editDistance(plain(name), plain(candidate))
    const allowed = Math.max(1, Math.round(candidate.length * 0.4))
    if (distance <= allowed && distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `; did you mean "url"?`, or nothing. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const found = nearest(name, known)
  return found === undefined ? '' : `; did you mean "${found}"?`
}
