import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Condition, compileCondition, parseCondition } from '../../src/detect/condition.ts'
import { newSubject } from '../../src/detect/fields.ts'
import type { Predicate } from '../../src/detect/selection.ts'

const NAMES = ['sel_a', 'sel_b', 'filter_main', 'notepad', 'order', '_hidden', 'android']
const SUBJECT = newSubject(true)

/** Compiles a condition over NAMES and answers it for the set of selections that hold. */
function holds(text: string, held: ReadonlySet<string>): boolean {
  const selections = new Map<string, Predicate>(NAMES.map(name => [name, () => held.has(name)]))
  return compileCondition(parseCondition(text, NAMES), selections)(SUBJECT)
}

/** Brute force: the tree itself, without parser and compiler. */
function evaluate(condition: Condition, held: ReadonlySet<string>): boolean {
  if (condition.kind === 'name') return held.has(condition.name)
  if (condition.kind === 'not') return !evaluate(condition.part, held)
  return condition.kind === 'and'
    ? condition.parts.every(part => evaluate(part, held))
    : condition.parts.some(part => evaluate(part, held))
}

const STRENGTH = { or: 0, and: 1, not: 2, name: 3 } as const

/** Writes a tree with no more parentheses than needed, or with one pair more. */
function write(condition: Condition, within: number, spare: boolean): string {
  const strength = STRENGTH[condition.kind]
  const text =
    condition.kind === 'name'
      ? condition.name
      : condition.kind === 'not'
        ? `not ${write(condition.part, strength, spare)}`
        : condition.parts.map(part => write(part, strength + 1, spare)).join(`  ${condition.kind} `)
  return strength < within || spare ? `(${text})` : text
}

const { tree } = fc.letrec<{ tree: Condition; leaf: Condition }>(tie => ({
  leaf: fc.constantFrom(...NAMES).map(name => ({ kind: 'name' as const, name })),
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    tie('leaf'),
    tie('tree').map(part => ({ kind: 'not' as const, part })),
    fc
      .tuple(
        fc.constantFrom('and' as const, 'or' as const),
        fc.array(tie('tree'), { minLength: 2, maxLength: 4 })
      )
      .map(([kind, parts]) => ({ kind, parts }))
  )
}))

describe('the condition of a detector', () => {
  it('means what a brute-force evaluator says, with and without spare parentheses', () => {
    fc.assert(
      fc.property(tree, fc.boolean(), fc.subarray(NAMES), (condition, spare, names) => {
        const held = new Set(names)
        expect(holds(write(condition, 0, spare), held)).toBe(evaluate(condition, held))
      }),
      { numRuns: 1000 }
    )
  })

  it.each([
    ['and binds stronger than or', 'sel_a or sel_b and filter_main', ['sel_a'], true],
    ['not binds stronger than and', 'not sel_a and sel_b', ['sel_b'], true],
    ['parentheses bind strongest', '(sel_a or sel_b) and filter_main', ['sel_a'], false],
    ['a name may begin with an operator', 'notepad and order', ['notepad', 'order'], true],
    ['no space is needed at parentheses', 'not(sel_a)and(sel_b)', ['sel_b'], true],
    ['1 of a pattern', '1 of sel_*', ['sel_b'], true],
    ['any of is 1 of', 'any of sel_*', ['sel_b'], true],
    ['all of a pattern', 'all of sel_*', ['sel_b'], false],
    ['a pattern with the star within', '1 of *_main', ['filter_main'], true],
    ['a pattern without a star', 'all of sel_a', ['sel_a'], true],
    ['not 1 of', 'sel_a and not 1 of filter_*', ['sel_a'], true],
    ['them leaves out what begins with _', '1 of them', ['_hidden'], false],
    ['all of them leaves it out as well', 'all of them', NAMES.filter(name => name !== '_hidden'), true],
    ['* leaves it out', '1 of *', ['_hidden'], false],
    ['a pattern with _ means it', '1 of _*', ['_hidden'], true]
  ])('%s', (_, text, held, expected) => {
    expect(holds(text, new Set(held))).toBe(expected)
  })

  it.each([
    ['an unknown name', 'sel_c', 'there is no selection of this name', 0],
    ['a pattern that matches nothing', 'sel_a or 1 of zzz*', 'this matches no selection', 14],
    ['upper-case operators', 'sel_a AND sel_b', 'operators are written in lower case', 6],
    ['an upper-case of', '1 OF sel_*', 'operators are written in lower case', 2],
    ['a number other than one', '2 of sel_*', 'only 1 of, any of and all of are supported', 0],
    [
      'aggregation',
      'sel_a | count() > 5',
      'aggregation after | is not supported: write a correlation rule',
      6
    ],
    ['a parenthesis that stays open', '(sel_a', 'a ) is missing', 6],
    ['a parenthesis too many', 'sel_a)', 'expected and, or, or the end', 5],
    ['two names in a row', 'sel_a sel_b', 'expected and, or, or the end', 6],
    ['an operator at the end', 'sel_a and', 'the condition ends too early', 9],
    ['nothing', '  ', 'the condition ends too early', 2],
    ['an operator for a name', 'sel_a and or', 'expected the name of a selection', 10],
    ['a pattern alone', 'sel_*', 'a pattern needs 1 of or all of before it', 0],
    ['of without a pattern', '1 of', 'of needs them or a pattern', 4],
    ['a strange character', 'sel_a & sel_b', 'this character does not belong here', 6],
    ['parentheses without end', '('.repeat(10_000), 'the condition is nested too deep', 101]
  ])('refuses %s', (_, text, message, offset) => {
    expect(() => parseCondition(text, NAMES)).toThrow(expect.objectContaining({ message, offset }))
  })

  it('survives any text', () => {
    const piece = fc.constantFrom(
      'and',
      'or',
      'not',
      '1',
      'all',
      'of',
      'them',
      '(',
      ')',
      '*',
      'sel_a',
      '|',
      '\u0000'
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), pieces => {
        try {
          parseCondition(pieces.join(' '), NAMES)
        } catch (error) {
          expect(error).toHaveProperty('offset')
        }
      })
    )
  })
})
