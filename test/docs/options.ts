/**
 * Which options does a zod schema have? One row per leaf: path, type, default, description. Read from the schema
 * itself and not from keywatch.schema.json, because a default that stands after a unit (`5s` → 5000) is missing there.
 */
import { z } from 'zod'

export interface OptionRow {
  readonly path: string
  readonly type: string
  /** As a person would write it; undefined if there is none. */
  readonly preset: string | undefined
  readonly required: boolean
  readonly description: string
}

interface Bare {
  /** Without optional, default, prefault and pipe. */
  readonly schema: unknown
  readonly preset: unknown
  readonly optional: boolean
  readonly description: string
  readonly secret: boolean
}

/** Takes the wrappers off; the outermost description and default win. */
function unwrap(given: unknown): Bare {
  let schema = given
  let preset: unknown
  let optional = false
  let description: string | undefined
  let secret = false
  for (;;) {
    if (schema instanceof z.ZodType) {
      description ??= schema.description
      secret ||= schema.meta()?.['secret'] === true
    }
    if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) preset ??= schema.def.defaultValue
    if (schema instanceof z.ZodOptional) optional = true
    if (
      schema instanceof z.ZodDefault ||
      schema instanceof z.ZodPrefault ||
      schema instanceof z.ZodOptional ||
      schema instanceof z.ZodReadonly
    )
      schema = schema.unwrap()
    else if (schema instanceof z.ZodPipe) schema = schema.in
    else return { schema, preset, optional, description: description ?? '', secret }
  }
}

const takes = (schema: unknown, value: unknown) =>
  schema instanceof z.ZodType && schema.safeParse(value).success

/** A duration takes `5h` and no `5GB`; a size the other way round; both take a number, which no text does. */
function unitOf(schema: unknown): 'duration' | 'size' | undefined {
  if (!takes(schema, 10_000_000)) return undefined
  const [time, bytes] = [takes(schema, '5h'), takes(schema, '5GB')]
  if (time === bytes) return undefined
  return time ? 'duration' : 'size'
}

function typeOf(given: unknown): string {
  const { schema, secret } = unwrap(given)
  const unit = unitOf(given)
  if (unit !== undefined) return unit
  if (secret) return 'secret'
  if (schema instanceof z.ZodEnum) return schema.options.map(String).join(' \\| ')
  if (schema instanceof z.ZodLiteral) return [...schema.values].map(String).join(' \\| ')
  if (schema instanceof z.ZodBoolean) return 'boolean'
  if (schema instanceof z.ZodNumber) return rangeOf(schema)
  if (schema instanceof z.ZodArray) return `list of ${typeOf(schema.element)}`
  if (schema instanceof z.ZodRecord) return `map of ${typeOf(schema.valueType)}`
  if (schema instanceof z.ZodUnion)
    return [...new Set(schema.options.map(option => typeOf(option)))].join(' or ')
  if (schema instanceof z.ZodObject) return 'map'
  return 'text'
}

function rangeOf(number: z.ZodNumber): string {
  const { minValue, maxValue, isInt } = number
  const name = isInt ? 'integer' : 'number'
  const bounded = (value: number | null): value is number =>
    value !== null && Math.abs(value) < Number.MAX_SAFE_INTEGER
  if (bounded(minValue) && bounded(maxValue)) return `${name} ${minValue} to ${maxValue}`
  return bounded(minValue) ? `${name} from ${minValue}` : name
}

const DURATIONS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1]
] as const
const SIZES = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
  ['B', 1]
] as const

/** 300000 → `5m`; what is no number is shown as it is. */
function inUnits(value: number, units: readonly (readonly [string, number])[]): string {
  const [name, size] = units.find(([, size]) => value !== 0 && value % size === 0) ?? units[units.length - 1]!
  return `${value / size}${name}`
}

function presetText(value: unknown, unit: 'duration' | 'size' | undefined): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number' && unit !== undefined)
    return inUnits(value, unit === 'duration' ? DURATIONS : SIZES)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** All leaves below a schema. A list of maps has `[]` in its path, a map with free keys `.<key>`. */
export function* optionRows(given: unknown, path = ''): Generator<OptionRow> {
  const { schema, preset, optional, description } = unwrap(given)
  const parts = childrenOf(schema, path)
  const row = (type: string): OptionRow => ({
    path,
    type,
    preset: presetText(preset, unitOf(given)),
    required: !optional && preset === undefined,
    description
  })
  if (parts === undefined) {
    yield row(typeOf(given))
    return
  }
  if (path !== '' && description !== '')
    yield { ...row(schema instanceof z.ZodObject ? 'map' : 'list of maps'), preset: undefined }
  for (const [name, child] of parts) yield* optionRows(child, name)
}

function childrenOf(schema: unknown, path: string): [string, unknown][] | undefined {
  const inside = schema instanceof z.ZodArray ? unwrap(schema.element).schema : schema
  if (!(inside instanceof z.ZodObject)) return undefined
  const prefix = schema instanceof z.ZodArray ? `${path}[].` : path === '' ? '' : `${path}.`
  return Object.entries(inside.shape).map(([name, child]) => [`${prefix}${name}`, child])
}
