/**
 * The judge of every emitted event: a closed JSON Schema per class and set of profiles, made from the
 * compiled OCSF 1.8.0 schema when it lies beside the project (../shared/ocsf-1.8.0.json).
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv, type ValidateFunction } from 'ajv'
import { expect } from 'vitest'
import { KeywatchFields, OCSF_VERSION, type OcsfEvent } from '../src/core/event.ts'

interface Attribute {
  type: string
  object_type?: string
  is_array?: boolean
  requirement?: string
  profiles?: string[]
  enum?: Record<string, unknown>
}
interface Shape {
  uid?: number
  attributes: Record<string, Attribute>
  constraints?: { at_least_one?: string[]; just_one?: string[] }
}
interface Compiled {
  classes: Record<string, Shape>
  objects: Record<string, Shape>
  dictionary: {
    types: {
      attributes: Record<string, { type?: string; regex?: string; max_len?: number; range?: number[] }>
    }
  }
}

const PATH = fileURLToPath(new URL('../../shared/ocsf-1.8.0.json', import.meta.url))
/** False on a machine without the compiled schema: the checks then say so loudly and pass. */
export const schemaAvailable = existsSync(PATH)
let compiled: Compiled | undefined
const validators = new Map<string, ValidateFunction>()
let warned = false

const INTEGER = new Set(['integer_t', 'long_t', 'timestamp_t', 'port_t'])

function typeSchema(schema: Compiled, attribute: Attribute): object {
  if (attribute.type === 'object_t') return { $ref: `#/$defs/${attribute.object_type}` }
  if (attribute.type === 'json_t') return {}
  const integer = INTEGER.has(attribute.type)
  if (integer) {
    if (attribute.enum) return { type: 'integer', enum: Object.keys(attribute.enum).map(Number) }
    return attribute.type === 'port_t' ? { type: 'integer', minimum: 0, maximum: 65535 } : { type: 'integer' }
  }
  if (attribute.type === 'boolean_t') return { type: 'boolean' }
  if (attribute.type === 'float_t') return { type: 'number' }
  const spec = schema.dictionary.types.attributes[attribute.type]
  const result: Record<string, unknown> = { type: 'string' }
  if (spec?.regex) result['pattern'] = spec.regex
  if (spec?.max_len) result['maxLength'] = spec.max_len
  return result
}

function shapeSchema(schema: Compiled, name: string, shape: Shape, profiles: readonly string[]): object {
  if (name === 'object') return { type: 'object' }
  const properties: Record<string, object> = {}
  const required: string[] = []
  for (const [key, attribute] of Object.entries(shape.attributes)) {
    if (attribute.profiles && !attribute.profiles.some(profile => profiles.includes(profile))) continue
    const one = typeSchema(schema, attribute)
    properties[key] = attribute.is_array ? { type: 'array', items: one } : one
    if (attribute.requirement === 'required') required.push(key)
  }
  const result: Record<string, unknown> = {
    type: 'object',
    properties,
    required,
    additionalProperties: false
  }
  const any = shape.constraints?.at_least_one?.filter(key => key in properties)
  if (any && any.length > 0) result['anyOf'] = any.map(key => ({ required: [key] }))
  const one = shape.constraints?.just_one?.filter(key => key in properties)
  if (one && one.length > 0) result['oneOf'] = one.map(key => ({ required: [key] }))
  return result
}

function validatorFor(event: OcsfEvent): ValidateFunction {
  compiled ??= JSON.parse(readFileSync(PATH, 'utf8')) as Compiled
  const schema = compiled
  const profiles = [...event.metadata.profiles].sort()
  const key = `${event.class_uid}/${profiles.join()}`
  const cached = validators.get(key)
  if (cached) return cached
  const found = Object.entries(schema.classes).find(([, shape]) => shape.uid === event.class_uid)
  if (!found) throw new Error(`OCSF 1.8.0 has no class ${event.class_uid}`)
  const $defs: Record<string, object> = {}
  for (const [name, shape] of Object.entries(schema.objects))
    $defs[name] = shapeSchema(schema, name, shape, profiles)
  const ajv = new Ajv({ strict: false, allErrors: true })
  const validate = ajv.compile({ ...shapeSchema(schema, found[0], found[1], profiles), $defs })
  validators.set(key, validate)
  return validate
}

/** Fails the test unless the event is valid OCSF 1.8.0 and its `unmapped.keywatch` fits its schema. */
export function expectOcsf(event: OcsfEvent): void {
  const own = KeywatchFields.safeParse(event.unmapped.keywatch)
  expect(own.error?.issues ?? [], 'unmapped.keywatch').toEqual([])
  if (!schemaAvailable) {
    if (!warned) process.stderr.write('LOUD SKIP: no compiled OCSF schema here; events are not validated\n')
    warned = true
    return
  }
  // What leaves the process is JSON: undefined members do not exist there.
  const sent = JSON.parse(JSON.stringify(event)) as OcsfEvent
  const validate = validatorFor(sent)
  const valid: boolean = validate(sent)
  if (!valid) {
    const errors = (validate.errors ?? []).map(
      e => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`
    )
    throw new Error(`not valid OCSF ${OCSF_VERSION} (class ${event.class_uid}):\n${errors.join('\n')}`)
  }
  expect(sent.type_uid).toBe(sent.class_uid * 100 + sent.activity_id)
}
