/**
 * How does an editor know the options of keywatch.yml? A JSON Schema (draft 2020-12), generated from the same
 * schemas that check the file, with every component of the catalog. A test keeps keywatch.schema.json fresh.
 */
import { z } from 'zod'
import { namesOf } from './checker.ts'
import { type Catalog, CORE_OPTIONS, ID_PATTERN, SINK_OPTIONS } from './schema.ts'

type Json = z.core.JSONSchema.BaseSchema

/** The text of keywatch.schema.json. Depends on the catalog alone: components in the order of their names. */
export function renderJsonSchema(catalog: Catalog): string {
  const core = inputSide(z.strictObject(CORE_OPTIONS))
  const contexts = [...sorted(catalog.contexts)].map(([name, { summary, options }]) => [
    name,
    { description: summary, ...inputSide(options) }
  ])
  const schema: Json = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'keywatch.yml',
    description: `Configuration of Keywatch. \${NAME} and \${file:/path} may stand in any text.`,
    ...core,
    properties: {
      ...core.properties,
      ...Object.fromEntries(contexts),
      sources: components('Where records come from: an id, then its options.', sorted(catalog.sources), {}),
      sinks: components('Where entries go: an id, then its options.', sorted(catalog.sinks), SINK_OPTIONS)
    },
    $defs: {
      reference: {
        type: 'string',
        pattern: '\\$\\{',
        description: `Taken from the environment, \${NAME}, or from a file, \${file:/path}.`
      }
    }
  }
  return `${JSON.stringify(schema, null, 2)}\n`
}

function* sorted<D>(known: ReadonlyMap<string, D>) {
  yield* [...known].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}

/** The input side of a schema: what a person writes, before defaults and units. */
function inputSide(schema: z.ZodType): Json {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
    override: ({ jsonSchema }) => relax(jsonSchema)
  })
  return json
}

/** Marks secrets, and lets a reference stand where a form, a number or a truth value is asked for. */
function relax(json: Json): void {
  if (json['secret'] === true) {
    delete json['secret']
    json.writeOnly = true
  }
  const { type, description, default: preset, ...form } = json
  const formed = form.format !== undefined || form.pattern !== undefined || form.enum !== undefined
  const narrow =
    type === 'number' || type === 'integer' || type === 'boolean' || (type === 'string' && formed)
  if (!narrow || form.const !== undefined) return
  for (const name of Object.keys(form)) delete json[name]
  delete json.type
  json.anyOf = [{ type, ...form }, { $ref: '#/$defs/reference' }]
}

interface Component {
  readonly name: string
  readonly summary: string
  readonly options: z.ZodType
}

/** A map from ids to components; `type` chooses which options there are. */
function components(
  description: string,
  kinds: Iterable<readonly [string, Component]>,
  shared: Readonly<Record<string, z.ZodType>>
): Json {
  const common = Object.entries(inputSide(z.strictObject(shared)).properties ?? {})
  const branches: Json[] = []
  for (const [, { name, summary, options }] of kinds) {
    const declared = namesOf(options)
    const inherited = Object.fromEntries(common.filter(([option]) => !declared.has(option)))
    branches.push({ title: name, description: summary, ...typed(inputSide(options), name, inherited) })
  }
  const additionalProperties = branches.length > 0 ? { oneOf: branches } : { type: 'object' as const }
  return { description, type: 'object', propertyNames: { pattern: ID_PATTERN.source }, additionalProperties }
}

/** Adds `type` and the shared options to a map of options, or to each alternative of a choice of maps. */
function typed(json: Json, name: string, inherited: Record<string, z.core.JSONSchema._JSONSchema>): Json {
  const inside = (part: z.core.JSONSchema.JSONSchema) => typed(part, name, inherited)
  if (json.anyOf) return { ...json, anyOf: json.anyOf.map(inside) }
  if (json.oneOf) return { ...json, oneOf: json.oneOf.map(inside) }
  return {
    ...json,
    properties: { type: { const: name }, ...json.properties, ...inherited },
    required: ['type', ...(json.required ?? [])]
  }
}
