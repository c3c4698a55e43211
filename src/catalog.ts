/**
 * Which sources, sinks and context providers there are: whatever lies in their folders. Adding one is a new
 * file and no edit here.
 */
import { readdir } from 'node:fs/promises'
import type { ContextDefinition } from './core/context.ts'
import type { SinkDefinition } from './core/sink.ts'
import type { SourceDefinition } from './core/source.ts'

export interface Catalog {
  readonly sources: ReadonlyMap<string, SourceDefinition>
  readonly sinks: ReadonlyMap<string, SinkDefinition>
  readonly contexts: ReadonlyMap<string, ContextDefinition>
}

interface Definition {
  readonly kind: string
  readonly name: string
}

async function load<T extends Definition>(folder: string, kind: T['kind']): Promise<ReadonlyMap<string, T>> {
  const url = new URL(`./${folder}/`, import.meta.url)
  const files = (await readdir(url)).filter(name => name.endsWith('.ts')).sort()
  const modules = await Promise.all(files.map(name => import(new URL(name, url).href)))
  const found = new Map<string, T>()
  modules.forEach((module: { default?: Definition }, i) => {
    const definition = module.default
    if (definition?.kind !== kind)
      throw new TypeError(`src/${folder}/${files[i]} has no default export of kind ${kind}`)
    if (found.has(definition.name))
      throw new TypeError(`two files in src/${folder} are called ${definition.name}`)
    // Boundary: the kind says which definition it is; the architecture test checks the exports.
    found.set(definition.name, definition as T)
  })
  return found
}

export async function loadCatalog(): Promise<Catalog> {
  const [sources, sinks, contexts] = await Promise.all([
    load<SourceDefinition>('sources', 'source'),
    load<SinkDefinition>('sinks', 'sink'),
    load<ContextDefinition>('context', 'context')
  ])
  return { sources, sinks, contexts }
}
