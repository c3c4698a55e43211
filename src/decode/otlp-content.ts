/**
 * Attributes that carry what was said: tool arguments and results, prompts and messages of a model, HTTP bodies,
 * environment variables. The conventions call them opt-in and sensitive
 * (semantic-conventions-genai, `gen_ai.tool.call.arguments` and its neighbours).
 *
 * A journal needs that a call had arguments, which ones and how large, seldom what they were. So the shape
 * stays, member names included, and each leaf becomes its type and size: `string(42)`.
 */
import { type Attributes, type OtlpValue, put } from './otlp-record.ts'

const CONTENT: ReadonlySet<string> = new Set([
  'gen_ai.tool.call.arguments',
  'gen_ai.tool.call.result',
  'mcp.tool.arguments',
  'mcp.tool.result',
  'mcp.complete.argument.value',
  'arguments',
  'gen_ai.input.messages',
  'gen_ai.output.messages',
  'gen_ai.system_instructions',
  'gen_ai.tool.definitions',
  'gen_ai.prompt',
  'gen_ai.completion',
  'http.request.body.content',
  'http.response.body.content',
  'http.request.body',
  'http.response.body'
])

/** True if an attribute of this name carries content. */
export const isContent = (name: string): boolean =>
  CONTENT.has(name) || name.startsWith('gen_ai.prompt.variable.') || name.startsWith('environment.')

/** True if any of these attributes carries content. */
export function hasContent(attributes: Attributes): boolean {
  for (const name in attributes) if (isContent(name)) return true
  return false
}

/** The same attributes, content replaced by its shape. */
export function withoutContent(attributes: Attributes): Attributes {
  // A spread keeps the object's layout, which is several times cheaper than adding member by member.
  const kept: Attributes = { ...attributes }
  for (const name in kept) if (isContent(name)) kept[name] = shapeOf(kept[name] ?? null)
  return kept
}

const SHOWN_MAX = 64
const LEVELS_MAX = 4
const PARSED_MAX = 256 * 1024

/**
 * The shape of a value. Text that is a JSON object or list is looked into, because emitters write arguments both
 * ways; not if it holds a backslash, since an escaped member name may be one that the redactor has not read.
 */
export function shapeOf(value: OtlpValue): OtlpValue {
  return shape(inner(value), LEVELS_MAX)
}

function inner(value: OtlpValue): OtlpValue {
  if (typeof value !== 'string' || value.length > PARSED_MAX) return value
  const first = value.charCodeAt(0)
  if ((first !== 0x7b && first !== 0x5b) || value.includes('\\')) return value
  try {
    return JSON.parse(value) as OtlpValue // JSON values are what OtlpValue says
  } catch {
    return value
  }
}

function shape(value: OtlpValue, levels: number): OtlpValue {
  if (typeof value === 'string') return `string(${value.length})`
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value
  if (Array.isArray(value)) {
    if (levels === 0 || value.length === 0) return `list(${value.length})`
    const first = value.slice(0, SHOWN_MAX).map(item => shape(item, levels - 1))
    return value.length > SHOWN_MAX ? [...first, `and ${value.length - SHOWN_MAX} more`] : first
  }
  const names = Object.keys(value)
  if (levels === 0 || names.length === 0) return `map(${names.length})`
  const found: Attributes = {}
  for (const name of names.slice(0, SHOWN_MAX)) put(found, name, shape(value[name] ?? null, levels - 1))
  if (names.length > SHOWN_MAX) put(found, '…', `and ${names.length - SHOWN_MAX} more`)
  return found
}
