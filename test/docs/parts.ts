/** What there is, as tables: sources with the OCSF classes that their golden events show, sinks, contexts, detectors. */
import { readdirSync, readFileSync } from 'node:fs'
import type { Catalog } from '../../src/catalog.ts'
import { classNameOf, type OcsfEvent } from '../../src/core/event.ts'
import type { DetectorInfo } from '../../src/core/finding.ts'
import { code, table } from './markdown.ts'

const FIXTURES = new URL('../fixtures/sources/', import.meta.url)

const sorted = <T extends { readonly name: string }>(known: ReadonlyMap<string, T>): T[] =>
  [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1))

/** The golden events of one source: `<source>-….events.ndjson`, or `.events.json` with one array. */
function goldenEvents(source: string): OcsfEvent[] {
  return readdirSync(FIXTURES)
    .filter(name => name.startsWith(`${source}-`) && /\.events\.(ndjson|json)$/.test(name))
    .flatMap(name => {
      const text = readFileSync(new URL(name, FIXTURES), 'utf8').trim()
      return (
        name.endsWith('.json') ? JSON.parse(text) : text.split('\n').map(line => JSON.parse(line))
      ) as OcsfEvent[]
    })
    .filter(event => typeof event.class_uid === 'number')
}

const className = (event: OcsfEvent) => `${classNameOf(event.class_uid)} (${event.class_uid})`

/** Class → the actions that golden events of it have. */
export function classesOf(source: string): Map<string, string[]> {
  const found = new Map<string, Set<string>>()
  for (const event of goldenEvents(source)) {
    const actions = found.get(className(event)) ?? new Set<string>()
    const { action } = event.unmapped.keywatch
    if (action !== undefined) actions.add(action)
    found.set(className(event), actions)
  }
  return new Map([...found].sort().map(([name, actions]) => [name, [...actions].sort()]))
}

export const sourcesTable = (catalog: Catalog): string =>
  table(
    ['source', 'what it does', 'becomes (OCSF class)'],
    sorted(catalog.sources).map(({ name, summary }) => [
      code(name),
      summary,
      [...classesOf(name).keys()].join(', ')
    ])
  )

export const sinksTable = (catalog: Catalog): string =>
  table(
    ['sink', 'what it does'],
    sorted(catalog.sinks).map(({ name, summary }) => [code(name), summary])
  )

export const contextsTable = (catalog: Catalog): string =>
  table(
    ['context', 'what it adds'],
    sorted(catalog.contexts).map(({ name, summary }) => [code(name), summary])
  )

export const detectorsTable = (detectors: readonly DetectorInfo[], link: (file: string) => string): string =>
  table(
    ['detector', 'level', 'kind', 'file'],
    [...detectors]
      .sort((a, b) => (a.title < b.title ? -1 : 1))
      .map(({ title, level, kind, file }) => [title, level, kind, `[${code(file)}](${link(file)})`])
  )
