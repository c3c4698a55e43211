/**
 * The condition of a detector: which selections must hold?
 *
 * "Sigma Rules Specification 2.1", section Condition; from weak to strong: or, and, not, x of, parentheses.
 *
 *   or     = and *( "or" and )
 *   and    = not *( "and" not )
 *   not    = "not" not / "(" or ")" / ( "1" / "any" / "all" ) "of" ( "them" / pattern ) / name
 *   name   = 1*( ALPHA / DIGIT / "_" / "-" / "." )          pattern = name with "*"
 *
 * Operators are lower case. A real tokeniser, so that a selection may be called `notepad`. Selections that begin
 * with `_` are meant by no `them` and by no pattern that does not begin with `_` itself.
 */
import { compilePattern } from './pattern.ts'
import { allOf, type Predicate, someOf } from './selection.ts'

export type Condition =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'not'; readonly part: Condition }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Condition[] }

/** Why a condition cannot run; `column` is the offset in its text. */
export class ConditionError extends Error {
  readonly offset: number
  constructor(message: string, offset: number) {
    super(message)
    this.name = 'ConditionError'
    this.offset = offset
  }
}

interface Token {
  readonly text: string
  readonly offset: number
}

const LENGTH_MAX = 20_000
const DEPTH_MAX = 100
const RESERVED: ReadonlySet<string> = new Set(['and', 'or', 'not', 'of', 'them'])

function tokenise(text: string): Token[] {
  if (text.length > LENGTH_MAX) throw new ConditionError('the condition is too long', 0)
  const tokens: Token[] = []
  const matcher = /\s+|[()]|[A-Za-z0-9_.*-]+|./gsu
  for (const match of text.matchAll(matcher)) {
    const [part] = match
    if (/^\s/.test(part)) continue
    if (part === '|') {
      throw new ConditionError('aggregation after | is not supported: write a correlation rule', match.index)
    }
    if (!/^[()A-Za-z0-9_.*-]/.test(part))
      throw new ConditionError('this character does not belong here', match.index)
    tokens.push({ text: part, offset: match.index })
  }
  return tokens
}

/** Parses a condition over the given names of selections. Throws ConditionError. */
export function parseCondition(text: string, names: readonly string[]): Condition {
  const parser = new Parser(tokenise(text), names, text.length)
  return parser.whole()
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #names: readonly string[]
  readonly #end: number
  #at = 0

  constructor(tokens: readonly Token[], names: readonly string[], end: number) {
    this.#tokens = tokens
    this.#names = names
    this.#end = end
  }

  whole(): Condition {
    const found = this.#or(0)
    const rest = this.#tokens[this.#at]
    if (rest === undefined) return found
    const upper = RESERVED.has(rest.text.toLowerCase()) && !RESERVED.has(rest.text)
    throw new ConditionError(
      upper ? 'operators are written in lower case' : 'expected and, or, or the end',
      rest.offset
    )
  }

  #or(depth: number): Condition {
    return this.#chain('or', () => this.#chain('and', () => this.#not(depth)))
  }

  #chain(kind: 'and' | 'or', next: () => Condition): Condition {
    const first = next()
    const parts = [first]
    while (this.#tokens[this.#at]?.text === kind) {
      this.#at++
      parts.push(next())
    }
    return parts.length === 1 ? first : { kind, parts }
  }

  #not(depth: number): Condition {
    const token = this.#tokens[this.#at++]
    if (token === undefined) throw new ConditionError('the condition ends too early', this.#end)
    if (depth > DEPTH_MAX) throw new ConditionError('the condition is nested too deep', token.offset)
    if (token.text === 'not') return { kind: 'not', part: this.#not(depth + 1) }
    if (token.text === '(') {
      const inner = this.#or(depth + 1)
      if (this.#tokens[this.#at]?.text !== ')') throw new ConditionError('a ) is missing', this.#here())
      this.#at++
      return inner
    }
    if (this.#tokens[this.#at]?.text.toLowerCase() === 'of') return this.#selector(token)
    if (token.text === ')' || RESERVED.has(token.text)) {
      throw new ConditionError('expected the name of a selection', token.offset)
    }
    if (token.text.includes('*'))
      throw new ConditionError('a pattern needs 1 of or all of before it', token.offset)
    if (!this.#names.includes(token.text))
      throw new ConditionError('there is no selection of this name', token.offset)
    return { kind: 'name', name: token.text }
  }

  #selector(quantity: Token): Condition {
    const of = this.#tokens[this.#at++]
    const target = this.#tokens[this.#at++]
    if (of?.text !== 'of')
      throw new ConditionError('operators are written in lower case', of?.offset ?? this.#end)
    const all = quantity.text === 'all'
    if (!all && quantity.text !== '1' && quantity.text !== 'any') {
      throw new ConditionError('only 1 of, any of and all of are supported', quantity.offset)
    }
    if (target === undefined || target.text === '(' || target.text === ')') {
      throw new ConditionError('of needs them or a pattern', target?.offset ?? this.#end)
    }
    const chosen = target.text === 'them' ? this.#visible() : this.#matching(target.text)
    if (chosen.length === 0) throw new ConditionError('this matches no selection', target.offset)
    const parts = chosen.map(name => ({ kind: 'name', name }) as const)
    const [only] = parts
    if (only !== undefined && parts.length === 1) return only
    return { kind: all ? 'and' : 'or', parts }
  }

  #visible(): string[] {
    return this.#names.filter(name => !name.startsWith('_'))
  }

  #matching(pattern: string): string[] {
    const { test } = compilePattern(pattern, { open: 'none', cased: true, windash: false })
    const candidates = pattern.startsWith('_') ? this.#names : this.#visible()
    return candidates.filter(name => test(name))
  }

  #here(): number {
    return this.#tokens[this.#at]?.offset ?? this.#end
  }
}

/** Turns a parsed condition into a predicate over the compiled selections. */
export function compileCondition(
  condition: Condition,
  selections: ReadonlyMap<string, Predicate>
): Predicate {
  if (condition.kind === 'name') return selections.get(condition.name) ?? (() => false)
  if (condition.kind === 'not') {
    const part = compileCondition(condition.part, selections)
    return subject => !part(subject)
  }
  const parts = condition.parts.map(part => compileCondition(part, selections))
  return condition.kind === 'and' ? allOf(parts) : someOf(parts)
}
