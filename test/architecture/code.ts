/**
 * What a file imports, declares and reaches for, by its syntax tree (ESTree with TypeScript nodes). The parser is the
 * one that runs the tests; TypeScript 7 has no stable JavaScript API.
 */
import { parseAst } from 'vitest/node'
import { z } from 'zod'

export interface Import {
  readonly specifier: string
  readonly line: number
}

/** A function; `lines` without those of the named functions inside it, which are measured for themselves. */
export interface FunctionSpan {
  readonly name: string
  readonly line: number
  readonly lines: number
}

/** One thing reached for that has an owner: `process.env`, `Date.now()`. */
export interface Reach {
  readonly what: 'process.env' | 'Date.now()' | 'Math.random()' | 'new Date()' | 'any'
  readonly line: number
}

/** A call of `defineSource`, `defineSink` or `defineContext`. */
export interface Definition {
  readonly by: string
  /** Its `name`, if that is a plain text. */
  readonly name: string | undefined
}

export interface Code {
  readonly definitions: readonly Definition[]
  readonly hasDefaultExport: boolean
  readonly imports: readonly Import[]
  readonly functions: readonly FunctionSpan[]
  readonly reaches: readonly Reach[]
}

const Node = z.looseObject({ type: z.string(), start: z.number(), end: z.number() })
type Node = z.infer<typeof Node>
const isNode = (value: unknown): value is Node =>
  typeof value === 'object' &&
  value !== null &&
  'type' in value &&
  typeof value.type === 'string' &&
  'start' in value

const cache = new Map<string, Code>()

/** Reads one file. Throws with its path if it is no code. */
export function readCode(path: string, text: string): Code {
  const known = cache.get(text)
  if (known) return known
  const lineOf = lineCounter(text)
  const imports: Import[] = []
  const spans: Span[] = []
  const reaches: Reach[] = []
  const definitions: Definition[] = []
  let hasDefaultExport = false
  const visit = (node: Node, parent: Node | undefined) => {
    const line = lineOf(node.start)
    const specifier = specifierOf(node)
    if (specifier !== undefined) imports.push({ specifier, line })
    const definition = definitionOf(node)
    if (definition !== undefined) definitions.push(definition)
    if (node.type === 'ExportDefaultDeclaration') hasDefaultExport = true
    const what = reachOf(node)
    if (what !== undefined) reaches.push({ what, line })
    if (/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type))
      spans.push({ name: nameOf(node, parent), from: line, to: lineOf(node.end) })
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) visit(child, node)
    }
  }
  const body = text.startsWith('#!') ? `//${text.slice(2)}` : text
  visit(Node.parse(parseAst(body, { lang: path.endsWith('.ts') ? 'ts' : 'js' }, path)), undefined)
  const code = { imports, functions: ownLines(spans), reaches, definitions, hasDefaultExport }
  cache.set(text, code)
  return code
}

function lineCounter(text: string): (offset: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return offset => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle - 1
    }
    return low + 1
  }
}

const IMPORTING = new Set([
  'ImportDeclaration',
  'ExportAllDeclaration',
  'ExportNamedDeclaration',
  'ImportExpression',
  'TSImportType',
  'TSExternalModuleReference'
])

function specifierOf(node: Node): string | undefined {
  if (!IMPORTING.has(node.type)) return undefined
  const source = node['source'] ?? node['argument'] ?? node['expression']
  const literal = isNode(source) && source.type === 'TSLiteralType' ? source['literal'] : source
  return isNode(literal) && typeof literal['value'] === 'string' ? literal['value'] : undefined
}

const isName = (value: unknown, name: string) =>
  isNode(value) && value.type === 'Identifier' && value['name'] === name

/** `object.property`, also written `object['property']`. */
function isMember(value: unknown, object: string, property: string): boolean {
  if (!isNode(value) || value.type !== 'MemberExpression' || !isName(value['object'], object)) return false
  const key = value['property']
  return isName(key, property) || (isNode(key) && key['value'] === property)
}

function reachOf(node: Node): Reach['what'] | undefined {
  if (node.type === 'TSAnyKeyword') return 'any'
  if (isMember(node, 'process', 'env')) return 'process.env'
  if (isMember(node, 'Date', 'now')) return 'Date.now()'
  if (isMember(node, 'Math', 'random')) return 'Math.random()'
  if (node.type === 'VariableDeclarator' && isName(node['init'], 'process')) return 'process.env'
  if (node.type === 'ImportDeclaration' && /^(node:)?process$/.test(specifierOf(node) ?? ''))
    return 'process.env'
  const bare = Array.isArray(node['arguments']) && node['arguments'].length === 0
  if ((node.type === 'NewExpression' || node.type === 'CallExpression') && isName(node['callee'], 'Date'))
    return bare || node.type === 'CallExpression' ? 'new Date()' : undefined
  return undefined
}

function definitionOf(node: Node): Definition | undefined {
  const callee = node['callee']
  const by = isNode(callee) && node.type === 'CallExpression' ? callee['name'] : undefined
  if (typeof by !== 'string' || !/^define(Source|Sink|Context)$/.test(by)) return undefined
  const [options] = Array.isArray(node['arguments']) ? node['arguments'] : []
  const members: unknown[] =
    isNode(options) && Array.isArray(options['properties']) ? options['properties'] : []
  const member = members.find(one => isNode(one) && isName(one['key'], 'name'))
  const value = isNode(member) ? member['value'] : undefined
  const name = isNode(value) && typeof value['value'] === 'string' ? value['value'] : undefined
  return { by, name }
}

interface Span {
  readonly name: string | undefined
  readonly from: number
  readonly to: number
}

/**
 * Lines that are a function's own. A factory whose inner functions are the methods of its closure is judged like a
 * class: method by method. Callbacks have no name and count where they stand.
 */
function ownLines(spans: readonly Span[]): FunctionSpan[] {
  const within = (a: Span, b: Span) =>
    a !== b && a.from >= b.from && a.to <= b.to && a.to - a.from < b.to - b.from
  return spans.map(span => {
    const inner = spans.filter(other => other.name !== undefined && within(other, span))
    const outermost = inner.filter(one => !inner.some(other => within(one, other)))
    const theirs = outermost.reduce((sum, { from, to }) => sum + (to > from ? to - from + 1 : 0), 0)
    return { name: span.name ?? 'a function', line: span.from, lines: span.to - span.from + 1 - theirs }
  })
}

function nameOf(node: Node, parent: Node | undefined): string | undefined {
  for (const holder of [node['id'], parent?.['id'], parent?.['key']]) {
    if (isNode(holder) && typeof holder['name'] === 'string') return holder['name']
  }
  return undefined
}
