/**
 * Is this configuration right, and what does it say? All problems at once, each with file, line and column:
 * YAML, `${…}`, the schema, the schema of each component, and what only the whole can tell.
 */
import { fileURLToPath } from 'node:url'
import { type Parsed, parseYaml } from './document.ts'
import type { Variables } from './environment.ts'
import { type Problem, sortProblems } from './problem.ts'
import type { Catalog, Config } from './schema.ts'
import { type ReadFile, readFileBounded, readText } from './text-file.ts'
import { validate } from './validate.ts'

/** Bytes of a configuration file at most. */
const CONFIG_BYTES_MAX = 1024 ** 2
const DETECTORS = fileURLToPath(new URL('../../detectors', import.meta.url))

export interface LoadRequest {
  /** Undefined: the embedded default. */
  readonly path?: string | undefined
  readonly env: Variables
  readonly catalog: Catalog
  /** The disk, unless a test brings its own. */
  readonly readFile?: ReadFile
  /** What is wrong with a sink's `where`, if anything; quotes nothing. */
  readonly checkWhere?: (text: string) => string | undefined
}

export type Loaded =
  | { readonly config: Config; readonly problems?: undefined }
  | { readonly config?: undefined; readonly problems: readonly Problem[] }

/** Never throws for what is in the file; `problems` are in the order of the file. */
export function loadConfig(request: LoadRequest): Loaded {
  const { path, env, catalog } = request
  const readFile = request.readFile ?? readFileBounded
  const file = path ?? 'embedded default'
  const read =
    path === undefined
      ? { text: embeddedDefault(env, catalog) }
      : readText(path, readFile, CONFIG_BYTES_MAX, '1 MiB')
  if ('wrong' in read)
    return { problems: [{ file, line: 1, column: 1, path: '', message: `the file ${read.wrong}` }] }
  const parsed = parseYaml(read.text, file, { variables: env, readFile, configPath: path ?? '.' })
  if (parsed.broken) return { problems: sortProblems(parsed.problems) }
  return finish(parsed, request)
}

function finish(parsed: Parsed, request: LoadRequest): Loaded {
  const { config, problems } = validate(parsed, {
    catalog: request.catalog,
    detectorsFolder: DETECTORS,
    checkWhere: request.checkWhere
  })
  const all = sortProblems([...parsed.problems, ...problems])
  return config !== undefined && all.length === 0 ? { config } : { problems: all }
}

/** What runs without any file: three sources on loopback, no sink. Sources that are not installed are left out. */
export function embeddedDefault(env: Variables, catalog: Catalog): string {
  const secret = env['DOPPLER_WEBHOOK_SECRET'] ? `, secret: '\${DOPPLER_WEBHOOK_SECRET}'` : ''
  const sources = [
    ['doppler', `{ type: doppler${secret} }`],
    ['access-log', '{ type: access-log }'],
    ['otlp', '{ type: otlp }']
  ].filter(([type = '']) => catalog.sources.has(type))
  return `sources: {${sources.map(([id, options]) => ` ${id}: ${options}`).join(',')} }\n`
}
