/** Who may import whom: folders, components, packages, the system. Type imports count: they are ideas that cannot be read apart. */
import { posix } from 'node:path'
import { readCode } from './code.ts'
import { type Rule, sources, type Tree } from './tree.ts'

const BASE = ['core', 'lib']
/** A folder → the folders it may import, besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  lib: ['core'],
  config: BASE,
  decode: BASE,
  redact: BASE,
  journal: BASE,
  context: BASE,
  history: BASE,
  detect: BASE,
  store: BASE,
  deliver: BASE,
  sinks: BASE,
  api: BASE,
  traffic: BASE,
  sources: [...BASE, 'decode'],
  console: []
}
/** Import anything below them: the files in src/ itself (the spine), and the commands. */
const SPINE = 'spine'
const FREE = new Set([SPINE, 'commands'])
const COMPONENTS = new Set(['sources', 'sinks', 'context'])

/** `src/sinks/splunk.ts` → sinks; `src/main.ts` → spine; undefined outside src. */
function folderOf(path: string): string | undefined {
  const parts = path.split('/')
  if (parts[0] !== 'src') return undefined
  return parts.length === 2 ? SPINE : parts[1]
}

/** The component a file belongs to: `src/context/inventory.ts` and `src/context/inventory/…` are one. */
function componentOf(path: string): string | undefined {
  const [, folder = '', name = ''] = path.split('/')
  return COMPONENTS.has(folder) ? `${folder}/${name.replace(/\.ts$/, '')}` : undefined
}

const isRelative = (specifier: string) => specifier.startsWith('.') || specifier.startsWith('/')

/** Every import of a file of ours by another: both paths and the line. */
function* edges(tree: Tree) {
  for (const [from, text] of sources(tree)) {
    for (const { specifier, line } of readCode(from, text).imports) {
      if (isRelative(specifier)) yield { from, line, to: posix.join(posix.dirname(from), specifier) }
    }
  }
}

export const importTable: Rule = tree => {
  const found: string[] = []
  for (const { from, to, line } of edges(tree)) {
    const owner = folderOf(from) ?? ''
    const target = folderOf(to)
    if (target === undefined) {
      if (to !== 'package.json')
        found.push(`${from}:${line}: imports ${to}, outside src; move what is needed into src`)
    } else if (owner !== target && !FREE.has(owner) && !(MAY_IMPORT[owner] ?? []).includes(target)) {
      const allowed = (MAY_IMPORT[owner] ?? []).join(', ') || 'nothing'
      found.push(
        `${from}:${line}: ${owner} imports ${target}; it may import ${allowed}. Put the shared shape into core, or let service.ts pass it in`
      )
    }
  }
  for (const [path] of sources(tree)) {
    const folder = folderOf(path) ?? ''
    if (!FREE.has(folder) && !(folder in MAY_IMPORT))
      found.push(
        `${path}: no rule for src/${folder}; add the folder to MAY_IMPORT in test/architecture/imports.ts`
      )
  }
  return [...new Set(found)]
}

export const noComponentImportsAnother: Rule = tree => {
  const found: string[] = []
  for (const { from, to, line } of edges(tree)) {
    const own = componentOf(from)
    const other = componentOf(to)
    if (own !== undefined && other !== undefined && own !== other)
      found.push(`${from}:${line}: ${own} imports ${other}; move what they share into lib (or decode)`)
  }
  return found
}

export const noCycles: Rule = tree => {
  const graph = new Map<string, string[]>()
  for (const { from, to } of edges(tree)) graph.set(from, [...(graph.get(from) ?? []), to])
  const found = new Set<string>()
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path)
    if (start !== -1) {
      const loop = trail.slice(start)
      const first = loop.indexOf([...loop].sort()[0] ?? '')
      const turned = [...loop.slice(first), ...loop.slice(0, first), loop[first]]
      found.add(`${turned.join(' → ')}: a cycle; move what both need into a file of its own`)
      return
    }
    if (done.has(path)) return
    for (const next of graph.get(path) ?? []) walk(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) walk(path, [])
  return [...found]
}

/** A package → where it may be used. `free`: anywhere. What is not listed may be used in one folder. */
const OWNERS: readonly (readonly [name: RegExp, places: readonly string[] | 'free'])[] = [
  [/^zod$/, 'free'],
  [/^@opentelemetry\/api$/, 'free'],
  [/^fastify$|^@fastify\//, ['src/api/']],
  [/^kafkajs$/, ['src/journal/kafka', 'src/sources/kafka', 'src/sinks/kafka']],
  [/^@duckdb\//, ['src/store/']],
  [/^yaml$/, ['src/config/', 'src/detect/']],
  [/^pino$/, ['src/telemetry', 'src/main']],
  [/^commander$/, ['src/main', 'src/cli', 'src/commands/']],
  [/^prom-client$/, ['src/lib/']],
  [/^luxon$/, ['src/context/']],
  [/^protobufjs$/, ['src/decode/']],
  [/^@opentelemetry\//, ['src/telemetry']],
  [/^@datadog\//, ['src/commands/', 'src/sinks/']]
]

/** `@scope/name/deep` → `@scope/name`; undefined for Node's own and for relative paths. */
function packageOf(specifier: string): string | undefined {
  if (isRelative(specifier) || specifier.startsWith('node:')) return undefined
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Every use of a package: its name and the place. */
export function* packageUses(tree: Tree) {
  for (const [path, text] of sources(tree)) {
    for (const { specifier, line } of readCode(path, text).imports) {
      const name = packageOf(specifier)
      if (name !== undefined) yield { name, path, line }
    }
  }
}

export const packageOwners: Rule = tree => {
  const found: string[] = []
  const first = new Map<string, string>()
  for (const { name, path, line } of packageUses(tree)) {
    const places = OWNERS.find(([pattern]) => pattern.test(name))?.[1]
    if (places === 'free') continue
    if (places) {
      if (!places.some(place => path.startsWith(place)))
        found.push(
          `${path}:${line}: ${name} belongs to ${places.join(', ')}; use it through a function of theirs`
        )
      continue
    }
    const folder = folderOf(path) ?? ''
    const owner = first.get(name) ?? folder
    first.set(name, owner)
    if (owner !== folder)
      found.push(
        `${path}:${line}: ${name} is used by ${owner} already; one folder owns a package: wrap it in lib`
      )
  }
  return found
}

const FS_OWNERS = [
  ...['config', 'journal', 'deliver', 'store', 'sources', 'commands'].map(folder => `src/${folder}/`),
  ...['lib/disk', 'lib/tail', 'redact/keys', 'api/console', 'catalog', 'cli', 'parts'].map(
    file => `src/${file}`
  )
]

export const diskOwners: Rule = tree => {
  const found: string[] = []
  for (const [path, text] of sources(tree)) {
    for (const { specifier, line } of readCode(path, text).imports) {
      if (/^(node:)?fs(\/promises)?$/.test(specifier) && !FS_OWNERS.some(owner => path.startsWith(owner)))
        found.push(
          `${path}:${line}: reaches for the disk; take the Disk port of core/ports.ts as a parameter`
        )
    }
  }
  return found
}
