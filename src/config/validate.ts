/**
 * From plain values to a Config. Two steps, both always taken, so that one run tells everything: the options of
 * the file itself, then those of each component by the schema it brings. Checks across options come last.
 */
import { resolve } from 'node:path'
import { z } from 'zod'
import { readDelivery } from '../lib/delivery-options.ts'
import { isLoopback, sameAddress } from './address.ts'
import { Checker, FAILED, isValues, namesOf, type Values } from './checker.ts'
import type { Parsed } from './document.ts'
import type { Problem } from './problem.ts'
import {
  BUILTIN,
  type Catalog,
  CORE_OPTIONS,
  ComponentId,
  type Config,
  ID_FORM,
  SINK_OPTIONS,
  type SinkConfig,
  type SourceConfig
} from './schema.ts'

export interface Surroundings {
  readonly catalog: Catalog
  /** Absolute path of the detectors that ship with Keywatch. */
  readonly detectorsFolder: string
  readonly checkWhere?: ((text: string) => string | undefined) | undefined
}

const CoreSchema = z.object(CORE_OPTIONS)
type Core = z.output<typeof CoreSchema>
const SinkSchema = z.strictObject(SINK_OPTIONS)

/** Checks everything. `config` is there only if nothing was found. */
export function validate(
  parsed: Parsed,
  around: Surroundings
): { config: Config | undefined; problems: readonly Problem[] } {
  const checker = new Checker(parsed)
  const root = rootOf(parsed, checker)
  checker.parse(envelope(around.catalog), root, [])
  const core = CoreSchema.safeParse(root)
  const loopback = listensOnLoopback(root)
  const sources = checkSources(checker, root, around, loopback)
  const sinks = checkSinks(checker, root, around)
  const contexts = checkContexts(checker, root, around)
  if (!core.success) return { config: undefined, problems: checker.problems }
  crossCheck(checker, core.data, loopback)
  const paths = core.data.detectors.paths.map(path =>
    path === BUILTIN ? around.detectorsFolder : resolve(path)
  )
  const config = {
    ...core.data,
    detectors: { ...core.data.detectors, paths },
    loopback,
    sources,
    sinks,
    contexts
  }
  return { config, problems: checker.problems }
}

/** The top level. A section without a value, all of it commented out perhaps, counts as absent. */
function rootOf({ value }: Parsed, checker: Checker): Values {
  if (isValues(value))
    return Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null))
  if (value !== undefined && value !== null)
    checker.add({ path: [], message: 'expected a map of options', at: 'value', ours: true })
  return {}
}

/** The file without what components bring: sources and sinks are checked for ids and types only. */
function envelope(catalog: Catalog) {
  const components = (kind: string, names: Iterable<string>) =>
    z
      .record(ComponentId, z.looseObject({ type: z.enum([...names]) }), {
        error: ({ code }) =>
          code === 'invalid_key'
            ? ID_FORM
            : code === 'invalid_type'
              ? `expected a map: for each ${kind} an id, then its options`
              : undefined
      })
      .default({})
  const contexts: Record<string, z.ZodType> = {}
  for (const name of catalog.contexts.keys()) contexts[name] = z.unknown().optional()
  return z.strictObject({
    ...CORE_OPTIONS,
    ...contexts,
    sources: components('source', catalog.sources.keys()),
    sinks: components('sink', catalog.sinks.keys())
  })
}

/** Components whose type is known; the envelope has told about the others. */
function* componentsOf<D>(section: unknown, known: ReadonlyMap<string, D>) {
  if (!isValues(section)) return
  for (const [id, value] of Object.entries(section)) {
    if (!isValues(value)) continue
    const { type, ...own } = value
    const definition = typeof type === 'string' ? known.get(type) : undefined
    if (definition !== undefined) yield { id, type: String(type), own, definition }
  }
}

function checkSources(checker: Checker, root: Values, { catalog }: Surroundings, loopback: boolean) {
  const found = new Map<string, SourceConfig>()
  for (const { id, type, own, definition } of componentsOf(root['sources'], catalog.sources)) {
    const prefix = ['sources', id]
    const options = checker.parse(definition.options, own, prefix, ['type'])
    if (options === FAILED) continue
    found.set(id, { id, type, options })
    for (const { path, message } of definition.check?.(options, { loopback }) ?? [])
      checker.add({
        path: [...prefix, ...path],
        message,
        at: path.length === 0 ? 'key' : 'value',
        ours: false
      })
  }
  return found
}

function checkSinks(checker: Checker, root: Values, { catalog, checkWhere }: Surroundings) {
  const found = new Map<string, SinkConfig>()
  const shared = Object.keys(SINK_OPTIONS)
  for (const { id, type, own, definition } of componentsOf(root['sinks'], catalog.sinks)) {
    const declared = namesOf(definition.options)
    const entries = Object.entries(own)
    const forSink = Object.fromEntries(
      entries.filter(([name]) => !shared.includes(name) || declared.has(name))
    )
    const forSpine = Object.fromEntries(entries.filter(([name]) => shared.includes(name)))
    const options = checker.parse(definition.options, forSink, ['sinks', id], ['type', ...shared])
    const spine = checker.parse(SinkSchema, forSpine, ['sinks', id])
    if (options === FAILED || spine === FAILED) continue
    const { where, ...delivery } = spine
    const wrong = where === undefined ? undefined : checkWhere?.(where)
    if (wrong !== undefined)
      checker.add({ path: ['sinks', id, 'where'], message: wrong, at: 'value', ours: false })
    const sink = { id, type, options, delivery: readDelivery(delivery) }
    found.set(id, where === undefined ? sink : { ...sink, where })
  }
  return found
}

/** A provider that is not mentioned is on if its options say what absence means (`.prefault({})`), else off. */
function checkContexts(checker: Checker, root: Values, { catalog }: Surroundings) {
  const found = new Map<string, unknown>()
  for (const [name, { options }] of catalog.contexts) {
    const given = root[name]
    if (given !== undefined) {
      const parsed = checker.parse(options, given, [name])
      if (parsed !== FAILED) found.set(name, parsed)
      continue
    }
    const absent = options.safeParse(undefined)
    if (absent.success && absent.data !== undefined) found.set(name, absent.data)
  }
  return found
}

/** True if the addresses are wrong, which was told already: guesses would only add noise. */
function listensOnLoopback(root: Values): boolean {
  const listen = CORE_OPTIONS.listen.safeParse(root['listen'])
  if (!listen.success) return true
  const { http, otlp } = listen.data
  return isLoopback(http.host) && (otlp === false || isLoopback(otlp.host))
}

function crossCheck(checker: Checker, { listen, tokens, keys }: Core, loopback: boolean): void {
  if (!loopback && tokens.length === 0) {
    const name = isLoopback(listen.http.host) ? 'otlp' : 'http'
    const message = 'other machines can reach this address: add `tokens`, or listen on 127.0.0.1'
    checker.add({ path: ['listen', name], message, at: 'value', ours: true })
  }
  if (listen.otlp !== false && sameAddress(listen.http, listen.otlp)) {
    const message = 'listen.http has this address; use false, OTLP is served there too'
    checker.add({ path: ['listen', 'otlp'], message, at: 'value', ours: true })
  }
  for (const field of ['name', 'sha256'] as const) {
    const seen = new Set<string>()
    for (const [index, token] of tokens.entries()) {
      const path = ['tokens', index, field]
      if (seen.has(token[field]))
        checker.add({ path, message: `another token has the same ${field}`, at: 'value', ours: true })
      seen.add(token[field])
    }
  }
  if (keys.file !== undefined && keys.fingerprintKey !== undefined)
    checker.add({
      path: ['keys', 'fingerprintKey'],
      message: 'either this or keys.file, not both',
      at: 'key',
      ours: true
    })
}
