/**
 * How do zod's findings read in our own words? Zod quotes the input; these never do. A schema whose author
 * gave a message of his own keeps it.
 */
import { z } from 'zod'
import { didYouMean, type Path } from './problem.ts'

/** A finding, relative to the schema that made it. */
export interface Finding {
  readonly path: Path
  readonly message: string
  /** `key`: the name is wrong, not the value. */
  readonly at: 'key' | 'value'
  /** The kind zod expected and did not get, where it was about a kind. */
  readonly expected?: string
  /** Made from names and choices alone. Otherwise a schema's author wrote it, and it may quote the value. */
  readonly ours: boolean
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of options',
  record: 'a map of names',
  null: 'nothing',
  date: 'a date'
}

const FORMATS: Readonly<Record<string, string>> = {
  url: 'a URL, for instance https://example.com',
  email: 'an e-mail address',
  uuid: 'a UUID',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
  cidrv4: 'an IPv4 range, for instance 10.0.0.0/8',
  cidrv6: 'an IPv6 range, for instance fd00::/8',
  hostname: 'a host name',
  date: 'a date, for instance 2026-12-25',
  time: 'a time, for instance 08:00',
  datetime: 'a time, for instance 2026-12-25T08:00:00Z',
  duration: 'a duration',
  base64: 'Base64',
  base64url: 'Base64 for URLs'
}

const show = (value: unknown) => (typeof value === 'string' ? value : String(value))

/** `one of: a, b`, with the nearest if a text came close. */
function choices(values: readonly unknown[], input: unknown): string {
  const names = values.map(show)
  if (names.length === 0) return 'not allowed here'
  const hint = typeof input === 'string' ? didYouMean(input, names) : ''
  return names.length === 1 ? `expected ${names[0]}${hint}` : `expected one of: ${names.join(', ')}${hint}`
}

function wrongKind(expected: string, input: unknown): string {
  if (input === null) return 'has no value'
  const quotes = expected === 'string' && (typeof input === 'number' || typeof input === 'boolean')
  return `expected ${KINDS[expected] ?? 'something else'}${quotes ? '; put it in quotes' : ''}`
}

function size(issue: z.core.$ZodRawIssue<z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall>): string {
  const small = issue.code === 'too_small'
  const limit = Number(small ? issue.minimum : issue.maximum)
  if (
    small &&
    limit === 1 &&
    issue.inclusive !== false &&
    issue.origin !== 'number' &&
    issue.origin !== 'int'
  )
    return 'must not be empty'
  const unit =
    issue.origin === 'string'
      ? ' characters'
      : issue.origin === 'array'
        ? ' items'
        : issue.origin === 'set'
          ? ' items'
          : ''
  const bound =
    issue.inclusive === false ? (small ? 'more than' : 'less than') : small ? 'at least' : 'at most'
  return `expected ${bound} ${limit}${unit}`
}

/** Names that a closed map takes, for a suggestion. */
function knownNames(schema: unknown): string[] {
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape)
  if (schema instanceof z.ZodRecord && schema.keyType instanceof z.ZodEnum)
    return schema.keyType.options.map(show)
  return []
}

/**
 * Makes zod speak our words. `findings` takes them back out. `also`: further names
 * that the outermost map takes.
 */
export const wordingWith =
  (also: readonly string[]): z.core.$ZodErrorMap =>
  issue =>
    OURS + word(issue, (issue.path ?? []).length === 0 ? also : [])

/** Begins a message of ours on its way through zod, so that it can be told from one of a schema's author. */
const OURS = '\u0001'

function word(issue: z.core.$ZodRawIssue, also: readonly string[]): string {
  if (issue.input === undefined && issue.code !== 'custom' && issue.code !== 'unrecognized_keys')
    return 'missing'
  switch (issue.code) {
    case 'invalid_type':
      return wrongKind(issue.expected, issue.input)
    case 'too_big':
    case 'too_small':
      return size(issue)
    case 'invalid_format':
      return `expected ${FORMATS[issue.format] ?? 'another form'}`
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}`
    case 'invalid_value':
      return choices(issue.values, issue.input)
    case 'unrecognized_keys': {
      const known = [...knownNames(issue.inst), ...also]
      return issue.keys.map(key => `unknown option${didYouMean(key, known)}`).join('\n')
    }
    case 'invalid_key':
      return 'not allowed as a name here'
    case 'invalid_union':
      return ''
    default:
      return 'not valid'
  }
}

const plainPath = (path: readonly PropertyKey[]): Path =>
  path.map(part => (typeof part === 'number' ? part : String(part)))

/** Zod's issues, unions taken apart and unknown options one by one. */
export function findings(issues: readonly z.core.$ZodIssue[], prefix: Path = []): Finding[] {
  return issues.flatMap((issue): Finding[] => {
    const path = [...prefix, ...plainPath(issue.path)]
    const ours = issue.message.startsWith(OURS)
    const message = ours ? issue.message.slice(OURS.length) : issue.message
    if (issue.code === 'unrecognized_keys') {
      const lines = message.split('\n')
      const told = (index: number) => lines[index] ?? 'unknown option'
      return issue.keys.map((key, i) => ({ path: [...path, key], message: told(i), at: 'key', ours }))
    }
    if (issue.code === 'invalid_union' && ours) return unionFindings(issue, path)
    if (issue.code === 'invalid_element') return findings(issue.issues, path)
    const finding: Finding = { path, message, at: issue.code === 'invalid_key' ? 'key' : 'value', ours }
    return [issue.code === 'invalid_type' ? { ...finding, expected: issue.expected } : finding]
  })
}

const wrongKindAtRoot = (branch: readonly z.core.$ZodIssue[]) =>
  branch.some(({ path, code }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value'))

/** The branch that was probably meant: of the right kind, with the fewest faults; else all forms in one sentence. */
function unionFindings(issue: z.core.$ZodIssueInvalidUnion, path: Path): Finding[] {
  const one = (message: string): Finding[] => [{ path, message, at: 'value', ours: true }]
  const near = issue.errors.filter(branch => !wrongKindAtRoot(branch)).sort((a, b) => a.length - b.length)
  const inside = near.find(branch => branch.some(nested => nested.path.length > 0))
  const best = inside ?? (near.length === 1 ? near[0] : undefined)
  if (best) return findings(best, path)
  const told = (near.length > 0 ? near : issue.errors).flatMap(branch => findings(branch, path))
  const authored = told.filter(({ ours }) => !ours)
  if (authored.length > 0) return authored
  const messages = new Set(told.map(({ message }) => message))
  for (const whole of ['missing', 'has no value']) if (messages.has(whole)) return one(whole)
  if (messages.size > 0) {
    const forms = [...messages].map(message =>
      message.replace(/^expected /, '').replace(/; put it in quotes$/, '')
    )
    return one(`expected ${forms.join(' or ')}`)
  }
  const options = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(show) : []
  return one(options.length > 0 ? `expected one of: ${options.join(', ')}` : 'not valid')
}
