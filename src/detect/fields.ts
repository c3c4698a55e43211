/**
 * Which values of an event does a detector mean by a field's name?
 *
 * In this order, the first that is there wins:
 * 1. a key of the event that is spelled just so, dots included;
 * 2. the dotted path below `unmapped.keywatch` (`calendar.off_hours`, `secret.name`, `action`);
 * 3. the dotted path in the event itself (`http_response.code`): OCSF;
 * 4. for the log sources `webserver` and `proxy`, the W3C name of the Sigma taxonomy (`sc-status`, `c-ip`).
 * Arrays on the way and at the end fan out: a test holds if it holds for any member.
 */

/** One event as detectors see it. An engine owns one and moves it from event to event: nothing is allocated. */
export interface Subject {
  event: object
  /** `unmapped.keywatch`, or undefined in an event that is not Keywatch's. */
  keywatch: object | undefined
  /** Keys may hold dots. False for our own events: OCSF is closed and has none, so nobody looks for them. */
  dotted: boolean
}

export const newSubject = (dotted: boolean): Subject => ({ event: {}, keywatch: undefined, dotted })

/** A view chooses the aliases. */
export type View = 'plain' | 'web'

/** Sigma taxonomy appendix, category `webserver` and `proxy` (W3C Extended Log File Format) → OCSF, in order. */
const WEB_ALIASES: ReadonlyMap<string, readonly string[]> = new Map([
  ['c-ip', ['src_endpoint.ip']],
  ['cs-username', ['actor.user.name', 'actor.user.uid']],
  ['cs-method', ['http_request.http_method']],
  ['cs-uri-stem', ['http_request.url.path']],
  ['cs-uri-query', ['http_request.url.query_string']],
  ['cs-uri', ['http_request.url.url_string', 'http_request.url.path']],
  ['c-uri', ['http_request.url.url_string', 'http_request.url.path']],
  ['cs-host', ['http_request.url.hostname', 'dst_endpoint.hostname']],
  ['r-dns', ['dst_endpoint.hostname', 'http_request.url.hostname']],
  ['cs-user-agent', ['http_request.user_agent']],
  ['c-useragent', ['http_request.user_agent']],
  ['cs-referer', ['http_request.referrer']],
  ['cs-referrer', ['http_request.referrer']],
  ['cs-version', ['http_request.version']],
  ['sc-status', ['http_response.code']],
  ['sc-bytes', ['http_response.length']],
  ['dst_ip', ['dst_endpoint.ip']],
  ['dst_port', ['dst_endpoint.port']],
  ['src_ip', ['src_endpoint.ip']],
  ['src_port', ['src_endpoint.port']]
])

/** A test of one value: text, number, boolean, null or, where a path ends early, an object. */
export type ValueTest = (value: unknown) => boolean

/** What a walk found: nothing there, something that does not match, a match. */
type Outcome = 0 | 1 | 2
const ABSENT = 0
const PRESENT = 1
const MATCH = 2

/** Arrays in arrays deeper than this are not looked into. */
const FANOUT_DEPTH_MAX = 16

/** The marked boundary: JSON objects are read by key; what comes out is `unknown` and checked by the test. */
const lookUp = (node: object, key: string): unknown => (node as Record<string, unknown>)[key]

interface Path {
  /** `dotted`: the whole name as one key of the event. */
  readonly root: 'event' | 'keywatch' | 'dotted'
  readonly keys: readonly string[]
  /** True if a key is also a name of Object.prototype: only own members count then. */
  readonly guarded: boolean
}

const pathOf = (root: Path['root'], keys: readonly string[]): Path => ({
  root,
  keys,
  guarded: keys.some(key => key in Object.prototype)
})

function leaf(value: unknown, test: ValueTest, depth: number): Outcome {
  if (!Array.isArray(value)) return test(value) ? MATCH : PRESENT
  if (depth < FANOUT_DEPTH_MAX) {
    for (const member of value) if (leaf(member, test, depth + 1) === MATCH) return MATCH
  }
  return PRESENT
}

function walk(start: unknown, path: Path, from: number, test: ValueTest, depth: number): Outcome {
  let node = start
  for (let index = from; index < path.keys.length; index++) {
    if (typeof node !== 'object' || node === null) return ABSENT
    if (Array.isArray(node)) {
      let best: Outcome = ABSENT
      if (depth >= FANOUT_DEPTH_MAX) return best
      for (const member of node) {
        const found = walk(member, path, index, test, depth + 1)
        if (found === MATCH) return MATCH
        if (found > best) best = found
      }
      return best
    }
    const key = path.keys[index] ?? ''
    if (path.guarded && !Object.hasOwn(node, key)) return ABSENT
    node = lookUp(node, key)
    if (node === undefined) return ABSENT
  }
  return leaf(node, test, depth)
}

const isSomething: ValueTest = value => value !== null
const anything: ValueTest = () => true

/** A field of a detector, compiled once. */
export class Field {
  readonly name: string
  readonly view: View
  readonly #paths: readonly Path[]

  constructor(name: string, view: View) {
    this.name = name
    this.view = view
    const keys = name.split('.')
    const single = keys.length === 1
    const paths = [pathOf(single ? 'event' : 'dotted', [name]), pathOf('keywatch', keys)]
    if (!single) paths.push(pathOf('event', keys))
    if (view === 'web') {
      for (const alias of WEB_ALIASES.get(name) ?? []) paths.push(pathOf('event', alias.split('.')))
    }
    this.#paths = paths
  }

  /** True if the test holds for any value of the field; false if the field is not there. */
  any(subject: Subject, test: ValueTest): boolean {
    return this.#find(subject, test) === MATCH
  }

  /** True if the field is there, whatever its value. */
  exists(subject: Subject): boolean {
    return this.#find(subject, anything) !== ABSENT
  }

  /** True if the field is not there, or holds nothing but null. */
  isNull(subject: Subject): boolean {
    return this.#find(subject, isSomething) !== MATCH
  }

  /** The distinct values as texts, at most `max`; objects and nulls are left out. */
  texts(subject: Subject, max: number): string[] {
    const found: string[] = []
    this.#find(subject, value => {
      const text = textOfValue(value)
      if (text !== undefined && !found.includes(text)) found.push(text)
      return found.length >= max
    })
    return found
  }

  #find(subject: Subject, test: ValueTest): Outcome {
    for (const path of this.#paths) {
      if (path.root === 'dotted' && !subject.dotted) continue
      const root = path.root === 'keywatch' ? subject.keywatch : subject.event
      if (root === undefined) continue
      const found = walk(root, path, 0, test, 0)
      if (found !== ABSENT) return found
    }
    return ABSENT
  }
}

/** A scalar as the text that detectors compare; undefined for null and objects. */
export function textOfValue(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return undefined
}

/** True if the test holds for any text or number anywhere in an event, arrays and objects included. */
export function anywhere(subject: Subject, test: (text: string) => boolean): boolean {
  const rest: unknown[] = [subject.event]
  while (rest.length > 0) {
    const node = rest.pop()
    if (typeof node === 'string') {
      if (test(node)) return true
    } else if (typeof node === 'number') {
      if (test(String(node))) return true
    } else if (typeof node === 'object' && node !== null) {
      for (const value of Object.values(node)) rest.push(value)
    }
  }
  return false
}

/** Points a subject at an event. `unmapped.keywatch` is looked up once for all detectors. */
export function pointAt(subject: Subject, event: object): void {
  subject.event = event
  const unmapped = lookUp(event, 'unmapped')
  const own = typeof unmapped === 'object' && unmapped !== null ? lookUp(unmapped, 'keywatch') : undefined
  subject.keywatch = typeof own === 'object' && own !== null ? own : undefined
}
