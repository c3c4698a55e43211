/**
 * Which credentials stand in one text? The automaton finds the marks; each mark wakes one grammar or rule that
 * verifies the place; encoded texts are scanned again as they read once decoded. Only positions come out.
 * Every step is linear in the text: rules cannot backtrack, values are skipped once taken, and a text in which too
 * many marks lead to nothing is given up (and then replaced whole by the caller).
 */
import { assignment } from './assignments.ts'
import { Automaton, searchHits } from './automaton.ts'
import { basic, bearer, login, neighbourSecret, privateKey, sqlPassword } from './loose.ts'
import { type Action, makeMarks } from './marks.ts'
import type { TokenRule } from './rules/rule.ts'
import { type Finding, finding, isBefore, RANK } from './spans.ts'
import { driverLogin, userinfo } from './url.ts'
import { base64Text, compose, decodedView, type View } from './views.ts'

/** Layers of encoding that are undone. */
const VIEWS_MAX = 3
/** Marks that may lead to nothing: this many, and one per so many characters. */
const VAIN_MAX = 20_000
const VAIN_PER_CHARACTERS = 16
/** Findings of one text. */
const FINDINGS_MAX = 20_000
/** A whole leaf that can be a Vault token of the old form: `s.` and 24 characters. */
const LEGACY_LENGTH = 26

/** Thrown when a text costs more than any real one; the caller fails closed. */
export class TooCostly extends Error {}

const isWord = (unit: number) =>
  (unit >= 97 && unit <= 122) || (unit >= 65 && unit <= 90) || (unit >= 48 && unit <= 57)
const isRun = (unit: number) => isWord(unit) || unit === 43 || unit === 47 || unit === 45 || unit === 95

/** What one scan carries from mark to mark. */
interface Pass {
  readonly text: string
  readonly out: Finding[]
  readonly depth: number
  namesFrom: number
  keysFrom: number
  runFrom: number
  runTo: number
  /** Bit n: the run was decoded from its n-th character on. */
  runTried: number
  /** End of the last JSON Web Token: inside, nothing else is looked for in base64. */
  jwtTo: number
  vain: number
  encoded: boolean
  readonly taken: Map<TokenRule, number>
}

export class Scanner {
  readonly #literals: readonly string[]
  readonly #actions: readonly (readonly Action[])[]
  readonly #automaton: Automaton
  readonly #prefilter: boolean

  /** `prefilter` false: marks are found by plain search, and no text is skipped unseen. For tests. */
  constructor(prefilter = true) {
    const { literals, actions } = makeMarks()
    this.#literals = literals
    this.#actions = actions
    // Addresses are everywhere; only one with an `@` can have userinfo.
    this.#automaton = new Automaton(
      literals,
      literal => literal === '://',
      literal => actions[literals.indexOf(literal)]!.every(action => action.kind === 'encoded')
    )
    this.#prefilter = prefilter
  }

  /** True if nothing in the text can be a credential or a forged placeholder. One pass, no allocation. */
  clean(text: string): boolean {
    if (!this.#prefilter) return false
    const seen = this.#automaton.look(text)
    if (seen === 2 || (seen === 1 && text.includes('@'))) return false
    return !(text.length === LEGACY_LENGTH && text.startsWith('s.'))
  }

  /** All findings, unmerged, in no order. Throws TooCostly. */
  scan(text: string): Finding[] {
    const out: Finding[] = []
    if (!this.#scanOnce(text, out, 0)) return out
    let outer: View | undefined
    for (let layer = 0; layer < VIEWS_MAX; layer++) {
      const inner = decodedView(outer?.text ?? text)
      if (!inner) break
      outer = outer ? compose(outer, inner) : inner
      this.#scanView(outer, out)
    }
    return out
  }

  #scanView(view: View, out: Finding[]): void {
    const found: Finding[] = []
    this.#scanOnce(view.text, found, 0)
    for (const one of found) {
      one.start = view.from[one.start] ?? 0
      one.end = view.from[one.end] ?? 0
      if (one.end > one.start) out.push(one)
    }
  }

  /** Returns true if the text has encodings to undo. */
  #scanOnce(text: string, out: Finding[], depth: number): boolean {
    const hits: number[] = []
    if (this.#prefilter) this.#automaton.hits(text, text.length, hits)
    else searchHits(this.#literals, text, text.length, hits)
    const pass: Pass = {
      text,
      out,
      depth,
      namesFrom: 0,
      keysFrom: 0,
      runFrom: 0,
      runTo: -1,
      runTried: 0,
      jwtTo: 0,
      vain: 0,
      encoded: false,
      taken: new Map()
    }
    if (text.length === LEGACY_LENGTH && text.startsWith('s.')) this.#legacy(pass)
    const vainMax = VAIN_MAX + text.length / VAIN_PER_CHARACTERS
    for (let i = 0; i < hits.length; i += 2) {
      const literal = hits[i]!
      const at = hits[i + 1]!
      for (const action of this.#actions[literal]!)
        this.#act(action, at, this.#literals[literal]!.length, pass)
      if (pass.vain > vainMax || out.length > FINDINGS_MAX) throw new TooCostly()
    }
    return pass.encoded
  }

  #legacy(pass: Pass): void {
    const action = this.#actions[this.#literals.indexOf(' s.')]?.[0]
    if (action?.kind === 'rule') this.#rule(action.rule, 0, pass)
  }

  #act(action: Action, at: number, length: number, pass: Pass): void {
    const { text, out } = pass
    switch (action.kind) {
      case 'rule':
        this.#rule(action.rule, at + action.lead, pass)
        break
      case 'name':
        if (at < pass.namesFrom) break
        pass.vain++
        pass.namesFrom = assignment(text, at, at + length, out)
        break
      case 'encoded':
        pass.encoded = true
        break
      case 'base64':
        this.#base64(action.exact, action.back, at, pass)
        break
      case 'url':
        userinfo(text, at, out)
        break
      case 'bearer':
        bearer(text, at, out)
        break
      case 'basic':
        basic(text, at, out)
        break
      case 'infix':
        this.#infix(action, at, pass)
        break
      case 'dsn':
        driverLogin(text, at, out)
        break
      case 'pem':
        if (at >= pass.keysFrom) pass.keysFrom = privateKey(text, at, out)
        break
      case 'login':
        login(text, at, out)
        break
      case 'sql':
        sqlPassword(text, at, out)
        break
      case 'forged':
        out.push({ ...forged(text, at), value: '', type: '', rank: 0, rule: undefined, param: '' })
        break
      case 'wake':
        break
    }
  }

  #rule(rule: TokenRule, start: number, pass: Pass): void {
    if (start < (pass.taken.get(rule) ?? 0)) return
    const isGlued = rule.left !== 'any' && start > 0 && isWord(pass.text.charCodeAt(start - 1))
    const pattern = isGlued ? rule.glued : rule.pattern
    if (!pattern) {
      pass.vain++
      return
    }
    pattern.lastIndex = start
    const found = pattern.exec(pass.text)
    if (found) {
      const end = start + found[0].length
      pass.taken.set(rule, end)
      if (rule.perRun) pass.jwtTo = end
      pass.out.push(finding(start, end, found[0], rule.type, RANK.format, rule))
      if (rule.type === 'aws-access-key-id') neighbourSecret(pass.text, end, pass.out)
      return
    }
    pass.vain++
    if (rule.perRun) {
      let end = start
      while (
        end < pass.text.length &&
        (isWord(pass.text.charCodeAt(end)) ||
          pass.text.charCodeAt(end) === 95 ||
          pass.text.charCodeAt(end) === 45)
      )
        end++
      pass.taken.set(rule, end)
    }
  }

  #infix(action: Action & { kind: 'infix' }, at: number, pass: Pass): void {
    const { text } = pass
    const side = 120
    let from = at
    while (from > 0 && at - from < side && isInfix(text.charCodeAt(from - 1))) from--
    let to = at
    while (to < text.length && to - at < side && isInfix(text.charCodeAt(to))) to++
    while (to < text.length && text.charCodeAt(to) === 61) to++
    pass.vain += 4
    const run = text.slice(from, to)
    if (action.rule.pattern.test(run)) pass.out.push(finding(from, to, run, action.rule.type, RANK.format))
  }

  /** The run of base64 around a mark, decoded in the mark's own alignment, scanned; the whole run is the span. */
  #base64(exact: string, back: number, at: number, pass: Pass): void {
    const { text, depth } = pass
    if (depth >= VIEWS_MAX || at < pass.jwtTo || !text.startsWith(exact, at)) return
    if (at >= pass.runTo) {
      let from = at
      const floor = Math.max(0, pass.runTo)
      while (from > floor && isRun(text.charCodeAt(from - 1))) from--
      let to = at
      while (to < text.length && isRun(text.charCodeAt(to))) to++
      while (to < text.length && text.charCodeAt(to) === 61) to++
      pass.runFrom = from
      pass.runTo = to
      pass.runTried = 0
    }
    pass.vain++
    const quantum = at - back - pass.runFrom
    if (quantum < 0 || (pass.runTried & (1 << (quantum % 4))) !== 0) return
    pass.runTried |= 1 << (quantum % 4)
    const inner = base64Text(text.slice(pass.runFrom + (quantum % 4), pass.runTo))
    if (inner === undefined) return
    const found: Finding[] = []
    this.#scanOnce(inner, found, depth + 1)
    for (const one of found) {
      if (one.neutral !== undefined) continue
      pass.out.push(finding(pass.runFrom, pass.runTo, one.value, one.type, one.rank, one.rule))
    }
  }

  /** The rule whose token this text is as a whole, from its first characters. */
  formatOf(value: string): TokenRule | undefined {
    let best: TokenRule | undefined
    for (const literal of this.#automaton.startsOf(value)) {
      for (const action of this.#actions[literal]!) {
        if (action.kind !== 'rule' || action.lead > 0) continue
        const pattern = action.rule.pattern
        pattern.lastIndex = 0
        if (pattern.test(value) && pattern.lastIndex === value.length && isBefore(action.rule, best))
          best = action.rule
      }
    }
    return best
  }
}

const isInfix = (unit: number) => isRun(unit) || unit === 126 || unit === 46

/** A look-alike of our placeholders loses its bracket, a look-alike of a fingerprint its dot. */
function forged(text: string, at: number): { start: number; end: number; neutral: string } {
  if (text.charCodeAt(at) === 91) return { start: at, end: at + 1, neutral: '(' }
  return { start: at + 5, end: at + 6, neutral: '-' }
}
