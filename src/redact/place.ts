/**
 * Where does a value stand, and was it presented or exposed there? Answered from the names on the way to it.
 * docs/redaction.md has the table.
 */
import type { CredentialUse } from '../core/credential.ts'
import { type KeyClass, KIND } from './key-class.ts'
import type { Names } from './names.ts'

const PATH_MAX = 300
/** Headers stand at most so many steps above their values: list, pair, wrappers. */
const HEADER_STEPS = 5

/** One step of the way: the name or index, and the name of the pair if the value is half of one. */
export interface Step {
  readonly label: string | number
  /** `headers: [{name, value}]`: the name. Empty if the step is none. */
  readonly pair: string
}

/** A dotted path: `request.headers.authorization`. A pair stands under its name, without index and wrappers. */
export function pathOf(steps: readonly Step[], names: Names, prefix: string): string {
  let path = prefix
  let beforeIndex: string | undefined
  let inPair = false
  for (const { label, pair } of steps) {
    if (pair !== '') {
      path = join(beforeIndex ?? path, names.of(pair).shown)
      beforeIndex = undefined
      inPair = true
    } else if (typeof label === 'number') {
      if (inPair) continue
      beforeIndex = path
      path = join(path, String(label))
    } else {
      const facts = names.of(label)
      if (inPair && facts.name.kind === KIND.value) continue
      beforeIndex = undefined
      path = join(path, facts.shown)
      inPair = false
    }
  }
  return path === '' ? 'record' : path.length > PATH_MAX ? path.slice(0, PATH_MAX) : path
}

const join = (path: string, label: string): string => (path === '' ? label : `${path}.${label}`)

/** True if one of the names above the value says that it is content or a response. */
function isContent(steps: readonly Step[], names: Names): boolean {
  let before = ''
  for (let i = 0; i < steps.length - 1; i++) {
    const { label, pair } = steps[i]!
    if (typeof label === 'number' && pair === '') continue
    const facts = names.of(pair !== '' ? pair : String(label))
    if (facts.content) return true
    if (facts.words === 'body' && /^(?:request|req|http|http_request)$/.test(before)) return true
    before = facts.words
  }
  return false
}

function inHeaders(steps: readonly Step[], names: Names): boolean {
  for (let i = Math.max(0, steps.length - HEADER_STEPS); i < steps.length - 1; i++) {
    const { label } = steps[i]!
    if (typeof label === 'string' && names.of(label).headers) return true
  }
  return false
}

/**
 * Presented: an authentication header or attribute of the request itself. Everything else is exposed.
 * `found` is the class of the name that gave it away; undefined if only the text did.
 */
export function useOf(steps: readonly Step[], names: Names, found: KeyClass | undefined): CredentialUse {
  if (found === undefined || found.response || found.kind === KIND.setCookie) return 'exposed'
  // A server hands the session id out in its response: there too it is the session's, not a leak.
  if (found.kind === KIND.session) return 'presented'
  const candidate =
    found.kind === KIND.auth ||
    found.kind === KIND.cookie ||
    found.kind === KIND.user ||
    (found.kind === KIND.secret && (found.header || inHeaders(steps, names)))
  return candidate && !isContent(steps, names) ? 'presented' : 'exposed'
}
