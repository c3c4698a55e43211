/**
 * The filter of a sink: which events it gets. `severity >= medium and not (class = http_activity or source = edge)`.
 *
 *   filter     = and-term *( "or" and-term )
 *   and-term   = factor *( "and" factor )
 *   factor     = "not" factor / "(" filter ")" / field op value
 *   op         = "=" / ":" / "!=" / ">=" / ">" / "<=" / "<"          (order: severity only)
 *   value      = bare word, `*` at either end allowed / quoted text
 */
import { classNameOf, type OcsfEvent, SEVERITY } from '../core/event.ts'

export type Filter = (event: OcsfEvent) => boolean
export type Compiled = { readonly filter: Filter } | { readonly problem: string }

const FIELDS: Readonly<Record<string, (event: OcsfEvent) => string | undefined>> = {
  class: event => classNameOf(event.class_uid),
  source: event => event.unmapped.keywatch.source,
  source_type: event => event.unmapped.keywatch.source_type,
  action: event => event.unmapped.keywatch.action,
  environment: event => event.unmapped.keywatch.environment,
  project: event => event.unmapped.keywatch.project,
  server: event => event.unmapped.keywatch.mcp?.server?.name,
  tool: event => event.unmapped.keywatch.mcp?.tool,
  actor: event => event.actor?.user?.name ?? event.actor?.user?.uid ?? event.actor?.app_name,
  status: event => (event.status_id === 1 ? 'success' : event.status_id === 2 ? 'failure' : 'unknown'),
  rule: event => event.unmapped.keywatch.finding?.rule
}

const TOKEN = /\s*(?:(>=|<=|!=|[()=:<>])|"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s()=:<>!"']+))/y

class Problem extends Error {}

function tokens(text: string): { text: string; quoted: boolean; at: number }[] {
  const found: { text: string; quoted: boolean; at: number }[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (match === null) throw new Problem(`cannot be read from column ${at + 1} on`)
    const quoted = match[2] ?? match[3]
    found.push({
      text: quoted?.replaceAll(/\\(.)/g, '$1') ?? match[1] ?? match[4] ?? '',
      quoted: quoted !== undefined,
      at: at + 1
    })
  }
  return found
}

function matcher(pattern: string): (value: string) => boolean {
  const wanted = pattern.toLowerCase()
  const starts = wanted.endsWith('*')
  const ends = wanted.startsWith('*')
  const core = wanted.slice(ends ? 1 : 0, starts && wanted.length > 1 ? -1 : undefined)
  return value => {
    const given = value.toLowerCase()
    if (starts && ends) return given.includes(core)
    if (starts) return given.startsWith(core)
    return ends ? given.endsWith(core) : given === core
  }
}

function comparison(field: string, op: string, value: string, at: number): Filter {
  if (field === 'severity') {
    const level = Object.entries(SEVERITY).find(([name]) => name === value.toLowerCase())?.[1]
    if (level === undefined)
      throw new Problem(`severity is one of ${Object.keys(SEVERITY).join(', ')} (column ${at})`)
    const compare: Readonly<Record<string, (a: number) => boolean>> = {
      '=': a => a === level,
      ':': a => a === level,
      '!=': a => a !== level,
      '>=': a => a >= level,
      '>': a => a > level,
      '<=': a => a <= level,
      '<': a => a < level
    }
    const test = compare[op]
    if (test) return event => test(event.severity_id)
  }
  const read = Object.hasOwn(FIELDS, field) ? FIELDS[field] : undefined
  if (read === undefined)
    throw new Problem(`the field at column ${at} is none of severity, ${Object.keys(FIELDS).join(', ')}`)
  if (op !== '=' && op !== ':' && op !== '!=') throw new Problem(`only severity has an order (column ${at})`)
  const matches = matcher(value)
  const negated = op === '!='
  return event => {
    const given = read(event)
    return negated !== (given !== undefined && matches(given))
  }
}

/** Never throws; a problem names the column and quotes nothing. */
export function compileWhere(text: string): Compiled {
  try {
    const list = tokens(text)
    let next = 0
    let depth = 0
    const isWord = (word: string) => list[next]?.quoted === false && list[next]?.text.toLowerCase() === word
    const any = (): Filter => {
      const parts = [all()]
      while (isWord('or')) {
        next++
        parts.push(all())
      }
      return parts.length === 1 && parts[0] ? parts[0] : event => parts.some(part => part(event))
    }
    const all = (): Filter => {
      const parts = [factor()]
      while (isWord('and')) {
        next++
        parts.push(factor())
      }
      return parts.length === 1 && parts[0] ? parts[0] : event => parts.every(part => part(event))
    }
    const factor = (): Filter => {
      if (++depth > 200) throw new Problem('is nested too deeply')
      try {
        if (isWord('not')) {
          next++
          const inner = factor()
          return event => !inner(event)
        }
        if (isWord('(')) {
          next++
          const inner = any()
          if (!isWord(')')) throw new Problem('has an open parenthesis')
          next++
          return inner
        }
        const [field, op, value] = [list[next], list[next + 1], list[next + 2]]
        if (!field || !op || !value) throw new Problem('ends where field, operator and value were expected')
        next += 3
        if (op.quoted || !/^([=:<>]|!=|>=|<=)$/.test(op.text))
          throw new Problem(`has no operator at column ${op.at}`)
        return comparison(field.text.toLowerCase(), op.text, value.text, field.at)
      } finally {
        depth--
      }
    }
    const filter = any()
    const rest = list[next]
    return rest ? { problem: `goes on unexpectedly at column ${rest.at}` } : { filter }
  } catch (error) {
    if (error instanceof Problem) return { problem: error.message }
    throw error
  }
}
