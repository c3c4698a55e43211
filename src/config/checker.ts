/**
 * How does one part of the file meet its schema? Runs a schema over plain values, puts what it finds into our
 * words and at its place, and keeps values out of every message, even those that a component's author wrote.
 */
import { z } from 'zod'
import { type Parsed, UNRESOLVED } from './document.ts'
import type { Path, Problem } from './problem.ts'
import { type Finding, findings, wordingWith } from './wording.ts'

export type Values = Record<string, unknown>

export const isValues = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What `parse` returns where there were problems. */
export const FAILED: unique symbol = Symbol('failed')

/** All checks over one file. State: the problems so far. */
export class Checker {
  readonly problems: Problem[] = []
  readonly #parsed: Parsed

  constructor(parsed: Parsed) {
    this.#parsed = parsed
  }

  /**
   * `value` as its schema puts it out, or FAILED after its problems were added. A text that came from `${…}`
   * counts as the number or truth value it spells, where the schema wants one. `also`: names that belong to
   * the same map, for suggestions.
   */
  parse<T extends z.ZodType>(
    schema: T,
    value: unknown,
    prefix: Path,
    also: readonly string[] = []
  ): z.output<T> | typeof FAILED {
    let result = attempt(schema, value, also)
    if (!result.success && this.#spell(value, findings(result.issues), prefix))
      result = attempt(schema, value, also)
    if (result.success) return result.data
    for (const finding of findings(result.issues, prefix)) this.add(finding)
    return FAILED
  }

  add(finding: Finding): void {
    const value = valueAt(this.#parsed.value, finding.path)
    if (value === UNRESOLVED) return
    const { places } = this.#parsed
    const problem = places.problem(finding.path, finding.message, finding.at)
    if (finding.at === 'key' && places.get(finding.path)?.bare) {
      const owner = places.problem(finding.path.slice(0, -1), '').path
      this.problems.push({ ...problem, path: owner, message: 'a name without a colon and a value' })
    } else if (!finding.ours && quotes(finding.message, value)) {
      this.problems.push({ ...problem, message: 'not valid' })
    } else {
      this.problems.push(problem)
    }
  }

  /** Changes texts in place to what the schema wanted; true if any was changed. */
  #spell(value: unknown, found: readonly Finding[], prefix: Path): boolean {
    let changed = false
    for (const { path, expected } of found) {
      const owner = valueAt(value, path.slice(0, -1))
      const name = path.at(-1)
      if (expected === undefined || name === undefined || !isValues(owner)) continue
      if (this.#parsed.places.get([...prefix, ...path])?.foreign !== true) continue
      const spelled = spell(owner[name], expected)
      if (spelled === undefined) continue
      owner[name] = spelled
      changed = true
    }
    return changed
  }
}

/** A message of someone else that holds the value, unless that is too short to mean anything. */
const quotes = (message: string, value: unknown) =>
  typeof value === 'string' && value.length >= 4 && message.includes(value)

function spell(value: unknown, expected: string): number | boolean | undefined {
  if (typeof value !== 'string') return undefined
  if (expected === 'boolean') return value === 'true' ? true : value === 'false' ? false : undefined
  const isNumber = (expected === 'number' || expected === 'int') && /^-?\d+(\.\d+)?$/.test(value)
  return isNumber ? Number(value) : undefined
}

/** The value at a path, or undefined. */
function valueAt(root: unknown, path: Path): unknown {
  let value = root
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = Reflect.get(value, part)
  }
  return value
}

type Attempt<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly issues: readonly z.core.$ZodIssue[] }

/** A schema that throws is a fault of its author, told as one problem of the whole value. */
function attempt<T extends z.ZodType>(
  schema: T,
  value: unknown,
  also: readonly string[]
): Attempt<z.output<T>> {
  try {
    const result = schema.safeParse(value, { error: wordingWith(also) })
    return result.success
      ? { success: true, data: result.data }
      : { success: false, issues: result.error.issues }
  } catch {
    return { success: false, issues: [{ code: 'custom', path: [], message: 'not valid', input: undefined }] }
  }
}

/** Names of the options that a component's schema declares itself; none if it is no map of options. */
export function namesOf(schema: unknown): ReadonlySet<string> {
  if (schema instanceof z.ZodObject) return new Set(Object.keys(schema.shape))
  if (schema instanceof z.ZodPipe) return namesOf(schema.in)
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional)
    return namesOf(schema.unwrap())
  return new Set()
}
