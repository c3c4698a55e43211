/** What each file must have and must not: size, header, name, a test, no loose ends, no hole in the types. */
import { readCode } from './code.ts'
import { type Rule, sources } from './tree.ts'

const LINES_MAX = 300
const TEST_LINES_MAX = 500
const FUNCTION_LINES_MAX = 70

const lineCount = (text: string) => text.split('\n').length - (text.endsWith('\n') ? 1 : 0)

export const fileSize: Rule = tree => {
  const found: string[] = []
  const check = (path: string, text: string, most: number) => {
    const lines = lineCount(text)
    if (lines > most)
      found.push(`${path}: ${lines} lines, at most ${most}; split it by the question that each half answers`)
  }
  for (const [path, text] of sources(tree)) check(path, text, LINES_MAX)
  for (const [path, text] of tree) if (/^test\/.*\.ts$/.test(path)) check(path, text, TEST_LINES_MAX)
  return found
}

export const functionSize: Rule = tree =>
  [...sources(tree)].flatMap(([path, text]) =>
    readCode(path, text)
      .functions.filter(({ lines }) => lines > FUNCTION_LINES_MAX)
      .map(
        ({ name, line, lines }) =>
          `${path}:${line}: ${name} has ${lines} lines, at most ${FUNCTION_LINES_MAX}; move leaves out of it`
      )
  )

/** A comment before any code that says more than the name of the file. */
const HEADER = /^(#![^\n]*\n)?\s*(\/\*[\s\S]{30,}?\*\/|(\/\/[^\n]*\n)+)/

export const header: Rule = tree =>
  [...sources(tree)]
    .filter(([, text]) => !HEADER.test(text))
    .map(([path]) => `${path}: no header; begin with a comment that says which question this file answers`)

const VAGUE = /(^|\/)(utils?|helpers?|misc|common|types?|index|shared)\.(ts|js|mjs)$/

export const names: Rule = tree =>
  [...tree.keys()]
    .filter(path => /^(src|test)\//.test(path) && VAGUE.test(path) && !/\/(vendor|fixtures)\//.test(path))
    .map(path => `${path}: a name that says nothing; name the file after what it does`)

export const componentTests: Rule = tree => {
  const found: string[] = []
  for (const path of tree.keys()) {
    const match = /^src\/(sources|sinks|context)\/([^/]+)\.ts$/.exec(path)
    if (!match) continue
    const expected = `test/${match[1]}/${match[2]}.test.ts`
    if (!tree.has(expected))
      found.push(`${path}: no test; write ${expected} (one call of the contract, then what is its own)`)
  }
  return found
}

const DEFINES: Readonly<Record<string, string>> = {
  sources: 'defineSource',
  sinks: 'defineSink',
  context: 'defineContext'
}

/** The catalog reads folders: what lies there is a component, and is called like its file. */
export const componentExports: Rule = tree => {
  const found: string[] = []
  for (const [path, text] of sources(tree)) {
    const [, folder = '', name = ''] = /^src\/(sources|sinks|context)\/([^/]+)\.ts$/.exec(path) ?? []
    const by = DEFINES[folder]
    if (by === undefined) continue
    const { definitions, hasDefaultExport } = readCode(path, text)
    if (!hasDefaultExport || !definitions.some(one => one.by === by && one.name === name))
      found.push(
        `${path}: is no component; write export default ${by}({ name: '${name}', … }), or move it into a folder`
      )
  }
  return found
}

// Put together here, so that this file is no violation of itself.
const LOOSE_ENDS = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)
const SILENCED = new RegExp(
  ['@ts-' + '(ignore|expect-error|nocheck)', 'biome-' + 'ignore', 'eslint-' + 'disable'].join('|')
)

const linesWith = (path: string, text: string, pattern: RegExp, message: string) =>
  text.split('\n').flatMap((line, at) => (pattern.test(line) ? [`${path}:${at + 1}: ${message}`] : []))

export const noLooseEnds: Rule = tree =>
  [...tree]
    .filter(([path]) => /^(src|test)\/.*\.(ts|js|mjs)$/.test(path) && !/\/(vendor|fixtures)\//.test(path))
    .flatMap(([path, text]) =>
      linesWith(path, text, LOOSE_ENDS, 'a loose end; finish it, or say in docs what is missing')
    )

export const noSilencedChecks: Rule = tree =>
  [...sources(tree)].flatMap(([path, text]) =>
    linesWith(path, text, SILENCED, 'silences a checker; write it so that the checker agrees')
  )

export const noAny: Rule = tree =>
  [...sources(tree)].flatMap(([path, text]) =>
    readCode(path, text)
      .reaches.filter(({ what }) => what === 'any')
      .map(({ line }) => `${path}:${line}: the type any; take unknown and look, or parse with a schema`)
  )

const REACHES: readonly { what: readonly string[]; owners: RegExp; remedy: string }[] = [
  {
    what: ['process.env'],
    owners: /^src\/config\//,
    remedy: 'reads the environment; take what is needed from environment() of config/ as a parameter'
  },
  {
    what: ['Date.now()', 'Math.random()', 'new Date()'],
    owners: /^src\/(lib\/clock\.ts|main\.ts|commands\/|console\/)/,
    remedy: 'reads time or chance; take a Clock (core/ports.ts) or a source of bytes as a parameter'
  }
]

export const reachOwners: Rule = tree =>
  [...sources(tree)].flatMap(([path, text]) =>
    readCode(path, text).reaches.flatMap(({ what, line }) =>
      REACHES.filter(rule => rule.what.includes(what) && !rule.owners.test(path)).map(
        ({ remedy }) => `${path}:${line}: ${what} ${remedy}`
      )
    )
  )

export const detectorsArePlain: Rule = tree =>
  [...tree.keys()]
    .filter(path => path.startsWith('detectors/') && !path.endsWith('.yml'))
    .map(path => `${path}: detectors/ holds Sigma rules (.yml) and nothing else; cases go to test/detectors`)
