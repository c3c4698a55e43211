/** The project as the rules see it: paths and texts. A planted violation is a tree of one or two files. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Paths relative to the root, with `/`. */
export type Tree = ReadonlyMap<string, string>

/** A rule answers with one line per violation: place, what is wrong, what to do. */
export type Rule = (tree: Tree) => string[]

export const treeOf = (files: Readonly<Record<string, string>>): Tree => new Map(Object.entries(files))

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FOLDERS = ['src', 'test', 'detectors']
const FILES = ['package.json', 'package-lock.json']
/** Only these are read; of others the path is enough. */
const READ = /\.(ts|js|mjs|json)$/

export function readTree(): Tree {
  const tree = new Map<string, string>()
  for (const file of FILES) tree.set(file, readFileSync(`${ROOT}${file}`, 'utf8'))
  for (const folder of FOLDERS) {
    for (const entry of readdirSync(`${ROOT}${folder}`, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const absolute = `${entry.parentPath}/${entry.name}`
      const path = absolute.slice(ROOT.length).replaceAll('\\', '/')
      tree.set(path, READ.test(path) ? readFileSync(absolute, 'utf8') : '')
    }
  }
  return tree
}

/** Our own code in `src/`, the console's scripts included, but for what others wrote (`vendor`). */
export function* sources(tree: Tree): Generator<[path: string, text: string]> {
  for (const [path, text] of tree) {
    if (/^src\/.*\.(ts|js|mjs)$/.test(path) && !path.includes('/vendor/')) yield [path, text]
  }
}
