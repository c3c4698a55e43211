/** Small detectors for tests: YAML text in, answers out. */
import { createMatcher } from '../../src/detect/matcher.ts'

export const fileOf = (text: string, path = 'test.yml') => ({ path, text })

/** A rule document around a detection (YAML, indented by two). */
export const ruleOf = (detection: string, head = 'title: T\nlogsource: { product: keywatch }') =>
  `${head}\ndetection:\n${detection
    .trim()
    .split('\n')
    .map(line => `  ${line}`)
    .join('\n')}\n`

/** Does a selection with these lines (YAML, one field a line) match the object? Fails the test if it cannot load. */
export function selects(fields: string, event: object, category?: string): boolean {
  const body = fields
    .trim()
    .split('\n')
    .map(line => `  ${line}`)
    .join('\n')
  const head = category === undefined ? undefined : `title: T\nlogsource: { category: ${category} }`
  return answers(`s:\n${body}\ncondition: s`, event, head)
}

/** Does a whole detection match the object? */
export function answers(detection: string, event: object, head?: string): boolean {
  const matcher = createMatcher({ files: [fileOf(ruleOf(detection, head))] })
  if (matcher.problems.length > 0)
    throw new Error(matcher.problems.map(problem => problem.message).join('; '))
  return matcher.match(event).length === 1
}

/** What is wrong with a detection, as `line:column message`. */
export function complaints(text: string): string[] {
  return createMatcher({ files: [fileOf(text)] }).problems.map(
    problem => `${problem.line}:${problem.column} ${problem.message}`
  )
}
