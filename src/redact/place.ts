/**
 * Where does a value stand, and was it presented or exposed there? Answered from the names on the way to it.
 * docs/redaction.md has the table.
 */
import type { CredentialUse } from '../core/credential.ts'
import type { Frame } from './frame.ts'
import { type KeyClass, KIND } from './key-class.ts'
import type { Names } from './names.ts'

const PATH_MAX = 300
/** Headers stand at most so many steps above their values: list, pair, wrappers. */
const HEADER_STEPS = 5
/** Places remembered; emptied when full. */
const KNOWN_MAX = 2048
const NAME_LENGTH_MAX = 80
const REQUEST = /^(?:request|req|http|http_request)$/

/** A place that was asked for: names on the way only, no indexes and no pairs. */
interface Known {
  readonly path: string
  readonly words: string
  /** A name up to here says that what is below is content or a response. */
  readonly content: boolean
  /** Steps up to the nearest name of headers. */
  readonly headers: number
  below: Map<string, Known> | undefined
}

const ROOT = { path: '', words: '', content: false, headers: HEADER_STEPS, below: undefined }

/** Answers from the names on the way to a value, and remembers the ways that were asked for, as clean names. */
export class Places {
  readonly #names: Names
  #root: Known = { ...ROOT }
  #count = 0

  constructor(names: Names) {
    this.#names = names
  }

  /** A dotted path: `request.headers.authorization`. A pair stands under its name, without index and wrappers. */
  pathOf(frames: readonly Frame[], depth: number, prefix: string): string {
    const known = prefix === '' && depth > 0 ? this.#known(frames, depth) : undefined
    return known !== undefined && known.path !== ''
      ? known.path
      : pathOf(frames.slice(0, depth), this.#names, prefix)
  }

  /**
   * Presented: an authentication header or attribute of the request itself. Everything else is exposed.
   * `found` is the class of the name that gave it away; undefined if only the text did.
   */
  useOf(frames: readonly Frame[], depth: number, found: KeyClass | undefined): CredentialUse {
    if (found === undefined || found.response || found.kind === KIND.setCookie) return 'exposed'
    // A server hands the session id out in its response: there too it is the session's, not a leak.
    if (found.kind === KIND.session) return 'presented'
    const authenticates = found.kind === KIND.auth || found.kind === KIND.cookie || found.kind === KIND.user
    if (!authenticates && found.kind !== KIND.secret) return 'exposed'
    const above = depth > 1 ? this.#known(frames, depth - 1) : undefined
    if (above)
      return (authenticates || found.header || above.headers < HEADER_STEPS - 1) && !above.content
        ? 'presented'
        : 'exposed'
    const steps = frames.slice(0, depth)
    const candidate = authenticates || found.header || inHeaders(steps, this.#names)
    return candidate && !isContent(steps, this.#names) ? 'presented' : 'exposed'
  }

  /** The place of the first `depth` steps, if each is a name. */
  #known(frames: readonly Frame[], depth: number): Known | undefined {
    let at = this.#root
    for (let i = 0; i < depth; i++) {
      const { label, pair } = frames[i]!
      if (typeof label === 'number' || pair !== '' || label.length > NAME_LENGTH_MAX) return undefined
      at = at.below?.get(label) ?? this.#learn(at, label)
    }
    return at
  }

  #learn(above: Known, label: string): Known {
    const facts = this.#names.of(label)
    const path = join(above.path, facts.shown)
    const known: Known = {
      path: path.length > PATH_MAX ? path.slice(0, PATH_MAX) : path,
      words: facts.words,
      content: above.content || facts.content || (facts.words === 'body' && REQUEST.test(above.words)),
      headers: facts.headers ? 0 : above.headers + 1,
      below: undefined
    }
    if (++this.#count > KNOWN_MAX) {
      this.#root = { ...ROOT }
      this.#count = 0
      return known
    }
    above.below ??= new Map()
    above.below.set(label, known)
    return known
  }
}

function pathOf(steps: readonly Frame[], names: Names, prefix: string): string {
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
function isContent(steps: readonly Frame[], names: Names): boolean {
  let before = ''
  for (let i = 0; i < steps.length - 1; i++) {
    const { label, pair } = steps[i]!
    if (typeof label === 'number' && pair === '') continue
    const facts = names.of(pair !== '' ? pair : String(label))
    if (facts.content) return true
    if (facts.words === 'body' && REQUEST.test(before)) return true
    before = facts.words
  }
  return false
}

function inHeaders(steps: readonly Frame[], names: Names): boolean {
  for (let i = Math.max(0, steps.length - HEADER_STEPS); i < steps.length - 1; i++) {
    const { label } = steps[i]!
    if (typeof label === 'string' && names.of(label).headers) return true
  }
  return false
}
