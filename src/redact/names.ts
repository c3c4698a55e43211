/** What is known of a member's name, remembered per name, because a record's names are those of the record before. */
import { classifyName, type KeyClass, normaliseName } from './key-class.ts'
import type { Scanner } from './scan.ts'

export interface NameFacts {
  readonly name: KeyClass
  /** The name holds a credential or a forged placeholder and must be replaced. */
  readonly dirty: boolean
  /** In words: `x_api_key`. */
  readonly words: string
  /** As it may stand in a path: cut, without control characters, `*` if dirty. */
  readonly shown: string
  /** What is below it is content or a response, not authentication of the request itself. */
  readonly content: boolean
  /** What is below it are headers. */
  readonly headers: boolean
  /** In an object of MCP, the name can be that of its session. */
  readonly session: boolean
}

const NAMES_MAX = 4096
/** Longer names are classified each time. */
const NAME_LENGTH_MAX = 80
const SHOWN_MAX = 64
/** Members of a record whose order is remembered. */
const ORDER_MAX = 128

const CONTENT =
  /^(?:arguments|args|params|input|inputs|output|outputs|result|results|error|errors|exception|message|messages|content|structured_content|response|res|resp|reply|upstream_response|response_headers?|response_body|request_body|tool_input|tool_output|completion|prompt|form|command|argv)$/
const SESSION = /^(?:id|session|session_?id)$/
const HEADERS = /(?:^|_)(?:headers?|metadata|http)$/

/**
 * A cache of clean names only, emptied when full, so that an attacker's names cannot fill memory.
 * It holds names as they stand in every clean record, never a value.
 */
export class Names {
  readonly #facts = new Map<string, NameFacts>()
  readonly #order: (string | undefined)[] = new Array(ORDER_MAX).fill(undefined)
  readonly #orderFacts: (NameFacts | undefined)[] = new Array(ORDER_MAX).fill(undefined)
  readonly #scanner: Scanner

  constructor(scanner: Scanner) {
    this.#scanner = scanner
  }

  /**
   * The facts of the member that a walk meets as its `at`-th. Records of one sender have their members in one order,
   * so that they nearly always are those of the record before.
   */
  at(at: number, name: string): NameFacts {
    if (at >= ORDER_MAX) return this.of(name)
    if (this.#order[at] === name) return this.#orderFacts[at]!
    const facts = this.of(name)
    if (this.#facts.has(name)) {
      this.#order[at] = name
      this.#orderFacts[at] = facts
    }
    return facts
  }

  of(name: string): NameFacts {
    return this.#facts.get(name) ?? this.#learn(name)
  }

  #learn(name: string): NameFacts {
    const dirty = !this.#scanner.clean(name) && this.#scanner.scan(name).length > 0
    const words = normaliseName(name)
    const facts: NameFacts = {
      name: classifyName(name),
      dirty,
      words,
      shown: dirty ? '*' : name.slice(0, SHOWN_MAX).replace(/[\u0000-\u001f\u007f\ud800-\udfff]/g, '?'),
      content: CONTENT.test(words),
      headers: HEADERS.test(words),
      session: SESSION.test(words)
    }
    if (dirty || name.length > NAME_LENGTH_MAX) return facts
    if (this.#facts.size >= NAMES_MAX) this.#facts.clear()
    this.#facts.set(name, facts)
    return facts
  }
}
