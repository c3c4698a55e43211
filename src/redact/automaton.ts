/**
 * Which of some hundred literal strings stand in a text, in one pass? A dense Aho-Corasick automaton
 * (A. Aho, M. Corasick, 1975): one table look-up per UTF-16 unit, letters of ASCII in either case.
 * States with an output are numbered last, so that "found something" is one comparison.
 */

const UNITS = 65536
const NONE: number[] = []

interface Node {
  readonly next: Map<number, Node>
  fail: Node | undefined
  readonly own: number[]
  /** Literals that the way to here starts with, shortest first. */
  starts: readonly number[]
  readonly depth: number
  id: number
}

const node = (depth: number): Node => ({
  next: new Map(),
  fail: undefined,
  own: [],
  starts: NONE,
  depth,
  id: 0
})

/** A to Z to a to z; nothing else is folded, so that positions stay the same. */
export const lowerAscii = (text: string): string => text.replace(/[A-Z]+/g, part => part.toLowerCase())

export class Automaton {
  readonly #classes = new Uint8Array(UNITS)
  readonly #table: Uint16Array
  readonly #shift: number
  /** States from here on have an output; from `#firstHard` on, one that is not only soft. */
  readonly #firstOutput: number
  readonly #firstHard: number
  /** Per output state: indexes of the literals that end there. */
  readonly #outputs: (readonly number[])[]
  /** Per output state: only literals that are wanted once end there. */
  readonly #once: readonly boolean[]
  readonly #literals: readonly string[]
  /** Per state: the literals that it starts with, shortest first. */
  readonly #starts: (readonly number[])[]
  /** Per state: how many of the characters read last it stands for. */
  readonly #depths: Uint16Array

  /**
   * `literals`: in lower case, none empty, none twice. `isSoft`: those that alone do not make a text suspicious;
   * see `look`. `isOnce`: those of which `hits` names the first occurrence of any, because one is enough to know.
   */
  constructor(
    literals: readonly string[],
    isSoft: (literal: string) => boolean = () => false,
    isOnce: (literal: string) => boolean = () => false
  ) {
    this.#literals = literals
    const count = this.#classify(literals)
    this.#shift = Math.ceil(Math.log2(count))
    const nodes = this.#link(this.#trie(literals))
    // The root is first of all, nodes with an output last.
    const silent = nodes.filter(n => n.own.length === 0)
    const hard = (n: Node) => n.own.some(index => !isSoft(literals[index] ?? ''))
    const soft = nodes.filter(n => n.own.length > 0 && !hard(n))
    const ordered = [...silent, ...soft, ...nodes.filter(n => n.own.length > 0 && hard(n))]
    this.#firstOutput = silent.length
    this.#firstHard = silent.length + soft.length
    this.#outputs = ordered.slice(this.#firstOutput).map(n => n.own)
    this.#once = this.#outputs.map(own => own.every(index => isOnce(literals[index] ?? '')))
    ordered.forEach((n, index) => {
      n.id = index
    })
    this.#depths = Uint16Array.from(ordered, n => n.depth)
    this.#starts = ordered.map(n => n.starts)
    if (ordered.length > UNITS) throw new RangeError('too many states')
    this.#table = new Uint16Array(ordered.length << this.#shift)
    for (const one of nodes) this.#fill(one, count)
  }

  #classify(literals: readonly string[]): number {
    let count = 1
    for (const literal of literals) {
      for (let i = 0; i < literal.length; i++) {
        const unit = literal.charCodeAt(i)
        if (this.#classes[unit] !== 0) continue
        this.#classes[unit] = count
        if (unit >= 97 && unit <= 122) this.#classes[unit - 32] = count
        count++
      }
    }
    return count
  }

  #trie(literals: readonly string[]): Node {
    const root = node(0)
    literals.forEach((literal, index) => {
      let at = root
      for (let i = 0; i < literal.length; i++) {
        const label = this.#classes[literal.charCodeAt(i)] ?? 0
        let child = at.next.get(label)
        if (!child) {
          child = node(at.depth + 1)
          at.next.set(label, child)
        }
        at = child
      }
      at.own.push(index)
    })
    return root
  }

  /** Breadth first: failure links, and the outputs of shorter suffixes. */
  #link(root: Node): Node[] {
    const queue: Node[] = [root]
    for (let head = 0; head < queue.length; head++) {
      const at = queue[head]!
      for (const [label, child] of at.next) {
        child.starts = child.own.length > 0 ? [...at.starts, ...child.own] : at.starts
        let fail = at.fail
        while (fail && !fail.next.has(label)) fail = fail.fail
        child.fail = fail?.next.get(label) ?? root
        child.own.push(...child.fail.own)
        queue.push(child)
      }
    }
    return queue
  }

  #fill(at: Node, count: number): void {
    const row = at.id << this.#shift
    if (at.fail) {
      const from = at.fail.id << this.#shift
      // Failure nodes are shallower and come earlier in breadth-first order: their rows are complete.
      this.#table.copyWithin(row, from, from + count)
    }
    for (const [label, child] of at.next) this.#table[row + label] = child.id
  }

  /** 0: no literal stands in the text; 1: only soft ones; 2: another. */
  look(text: string): 0 | 1 | 2 {
    const classes = this.#classes
    const table = this.#table
    const shift = this.#shift
    const first = this.#firstOutput
    const hard = this.#firstHard
    let state = 0
    let found: 0 | 1 = 0
    for (let i = 0; i < text.length; i++) {
      state = table[(state << shift) | classes[text.charCodeAt(i)]!]!
      if (state >= first) {
        if (state >= hard) return 2
        found = 1
      }
    }
    return found
  }

  /** The literals that a text starts with, shortest first. Looks no farther than one of them could reach. */
  startsOf(text: string): readonly number[] {
    const depths = this.#depths
    let last = 0
    let state = 0
    for (let i = 0; i < text.length; ) {
      state = this.#table[(state << this.#shift) | this.#classes[text.charCodeAt(i)]!]!
      // A state that is less deep than the text was read has dropped its first character.
      if (depths[state] !== ++i) break
      last = state
    }
    return this.#starts[last]!
  }

  /** Appends (literal, start) for each occurrence that ends before `to`, in the order of their ends. */
  hits(text: string, to: number, out: number[]): void {
    const classes = this.#classes
    const table = this.#table
    const shift = this.#shift
    const first = this.#firstOutput
    const end = Math.min(to, text.length)
    let state = 0
    let seen = false
    for (let i = 0; i < end; i++) {
      state = table[(state << shift) | classes[text.charCodeAt(i)]!]!
      if (state >= first) {
        if (this.#once[state - first]) {
          if (seen) continue
          seen = true
        }
        for (const literal of this.#outputs[state - first]!)
          out.push(literal, i + 1 - this.#literals[literal]!.length)
      }
    }
  }
}

/** The same answer as `Automaton.hits` by plain search: what the automaton is tested against. */
export function searchHits(literals: readonly string[], text: string, to: number, out: number[]): void {
  const lower = lowerAscii(text.slice(0, to))
  const found: [end: number, literal: number, start: number][] = []
  literals.forEach((literal, index) => {
    for (let at = lower.indexOf(literal); at !== -1; at = lower.indexOf(literal, at + 1))
      found.push([at + literal.length, index, at])
  })
  found.sort((a, b) => a[0] - b[0] || a[2] - b[2] || a[1] - b[1])
  for (const [, literal, start] of found) out.push(literal, start)
}
