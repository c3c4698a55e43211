/**
 * Does an unknown server name pretend to be one of ours?
 *
 * Three questions, in this order, each after the same folding (NFKC, lower case, no scope, one separator):
 * 1. homoglyph: equal once look-alike characters are folded to one (a small part of Unicode UTS #39
 *    confusables, and what ASCII alone offers: `0` for `o`, `1` for `l`, `rn` for `m`);
 * 2. words: the same words in another order, or with another word for "server" (`srv`, `svr`) or none;
 * 3. typing: optimal string alignment distance of at most 2 (names of 8 and more characters) or 1 (5 to 7).
 * Names that differ only in an instance number or in a word for an environment, region or architecture are
 * siblings, not lookalikes.
 */
import { editDistance } from '../../lib/edit-distance.ts'

/** One name of ours: the text to compare with and the server it stands for. */
export interface Original {
  readonly text: string
  readonly of: string
}

/** What was found: whose name is imitated, and how. */
export interface Lookalike {
  readonly of: string
  readonly reason: string
}

/** Longer names are not compared: no server is called that, and the comparison is quadratic. */
const LENGTH_MAX = 256

/** Cyrillic, Greek and other letters that look like Latin ones, after lower-casing. */
const CONFUSABLE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: 'аαɑ',
    b: 'ьƅ',
    c: 'сϲ',
    d: 'ԁ',
    e: 'еє3ҽ',
    g: 'ɡ9',
    h: 'һ',
    i: 'іιı',
    j: 'ј',
    k: 'кκ',
    l: '1|ӏι',
    m: 'м',
    n: 'ոη',
    o: 'оο0օσ',
    p: 'рρ',
    q: 'ԛ',
    s: 'ѕ5$',
    t: 'т7τ',
    u: 'υսʋ',
    v: 'ѵν',
    w: 'ԝω',
    x: 'хχ',
    y: 'уγ',
    z: '2ᴢ'
  }).flatMap(([latin, others]) => [...others].map(other => [other, latin] as const))
)
/** `i` and `l` are one: with `1` and `|` in some fonts they are the same stroke. */
const STROKE = /[il]/g
const INVISIBLE = /[\u00AD\u200B-\u200F\u2060\uFEFF]/g
const SEPARATORS = /[-_.\s/]+/

const SERVER_WORDS: ReadonlySet<string> = new Set([
  'server',
  'servers',
  'srv',
  'svr',
  'serv',
  'service',
  'svc'
])
/** Words that tell siblings of one fleet apart. */
const SIBLING_WORDS: ReadonlySet<string> = new Set(
  (
    'prod production prd dev development test testing tst qa uat int stage staging stg demo sandbox ' +
    'eu us uk de fr ap sa ca me af au in jp east west north south central amd64 arm64 x64 x86 arm ' +
    'blue green canary a b c v1 v2 v3 v4'
  ).split(' ')
)

interface Folded {
  readonly text: string
  readonly skeleton: string
  readonly words: readonly string[]
  /** The words in a fixed order, those for "server" left out. */
  readonly bag: string
}

function fold(name: string): Folded {
  const plain = name.normalize('NFKC').toLowerCase().replace(INVISIBLE, '').trim()
  const unscoped = plain.startsWith('@') && plain.includes('/') ? plain.slice(plain.indexOf('/') + 1) : plain
  const words = unscoped.split(SEPARATORS).filter(word => word !== '')
  const text = words.join('-')
  let latin = ''
  for (const char of text) latin += CONFUSABLE.get(char) ?? char
  const skeleton = latin.replaceAll('rn', 'm').replaceAll('vv', 'w').replace(STROKE, 'l')
  const bag = words
    .filter(word => !SERVER_WORDS.has(word))
    .sort()
    .join('-')
  return { text, skeleton, words, bag }
}

/** True if the two differ only in words that tell members of a fleet apart. */
function siblings(a: Folded, b: Folded): boolean {
  const marks = (word: string | undefined) =>
    word === undefined || /^\d+$/.test(word) || SIBLING_WORDS.has(word)
  const length = Math.max(a.words.length, b.words.length)
  for (let index = 0; index < length; index++) {
    const [left, right] = [a.words[index], b.words[index]]
    if (left === right || (marks(left) && marks(right))) continue
    // `github2` beside `github1`: the same word with another number at its end.
    const stem = (word = '') => word.replace(/\d+$/, '')
    const numbered = /\d$/.test(left ?? '') && /\d$/.test(right ?? '')
    if (!(numbered && stem(left) === stem(right))) return false
  }
  return true
}

const typingCap = (length: number): number => (length < 5 ? 0 : length < 8 ? 1 : 2)

/** The names of ours, folded once. */
export class Lookalikes {
  readonly #originals: readonly { readonly of: string; readonly folded: Folded }[]

  constructor(originals: readonly Original[]) {
    this.#originals = originals.map(original => ({ of: original.of, folded: fold(original.text) }))
  }

  /** Whose name `name` resembles; undefined if nobody's. The caller has made sure that it is not one of them. */
  find(name: string): Lookalike | undefined {
    if (name.length > LENGTH_MAX) return undefined
    const folded = fold(name)
    if (folded.text === '') return undefined
    let typing: { of: string; edits: number } | undefined
    let words: Lookalike | undefined
    for (const original of this.#originals) {
      const { of } = original
      const ours = original.folded
      if (siblings(folded, ours) && folded.text !== ours.text) continue
      if (folded.skeleton === ours.skeleton) {
        return { of, reason: folded.text === ours.text ? 'same name, written differently' : 'homoglyph' }
      }
      if (words === undefined && folded.bag !== '' && folded.bag === ours.bag) {
        const sameWords = [...folded.words].sort().join('-') === [...ours.words].sort().join('-')
        words = { of, reason: sameWords ? 'word order' : 'server word' }
      }
      const cap = typingCap(Math.max(folded.text.length, ours.text.length))
      const edits = cap === 0 ? 1 : editDistance(folded.text, ours.text, cap)
      if (edits <= cap && (typing === undefined || edits < typing.edits)) typing = { of, edits }
    }
    if (words !== undefined) return words
    return typing === undefined ? undefined : { of: typing.of, reason: `edit distance ${typing.edits}` }
  }
}
