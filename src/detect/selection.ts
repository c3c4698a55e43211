/**
 * One selection of a detector (a named part of `detection`) → a predicate over events.
 *
 * "Sigma Rules Specification 2.1", section Detection: a map is AND of its fields, a list of maps is OR, a list
 * under a field is OR (with `|all`: AND), a list of plain values is keywords that may stand anywhere.
 */
import { anywhere, Field, type Subject, textOfValue, type View } from './fields.ts'
import {
  anyOf,
  comparing,
  compileText,
  type Modifiers,
  parseModifiers,
  patternOf,
  related
} from './values.ts'
import { Flaw, type ListTree, type MapTree, type Place, type ScalarTree, type Tree } from './yaml-tree.ts'

export type Predicate = (subject: Subject) => boolean

/** Values of one list. */
const VALUES_MAX = 10_000
/** Values of the second field that `fieldref` looks at. */
const REFERRED_MAX = 64

/** All of them, without a loop for the usual one or two. */
export function allOf(parts: readonly Predicate[]): Predicate {
  const [first, second] = parts
  if (first === undefined) return () => true
  if (second === undefined) return first
  if (parts.length === 2) return subject => first(subject) && second(subject)
  return subject => {
    for (const part of parts) if (!part(subject)) return false
    return true
  }
}

/** Any of them. */
export function someOf(parts: readonly Predicate[]): Predicate {
  const [first, second] = parts
  if (first === undefined) return () => false
  if (second === undefined) return first
  if (parts.length === 2) return subject => first(subject) || second(subject)
  return subject => {
    for (const part of parts) if (part(subject)) return true
    return false
  }
}

const notOf =
  (part: Predicate): Predicate =>
  subject =>
    !part(subject)

/** Compiles a selection. Throws Flaw at the first thing that cannot run. */
export function compileSelection(tree: Tree, view: View): Predicate {
  if (tree.kind === 'map') return compileMap(tree, view)
  if (tree.kind === 'scalar') return compileKeywords([tree], parseModifiers([], tree.at), tree.at)
  if (tree.items.length === 0) throw new Flaw(tree.at, 'an empty list selects nothing')
  return someOf(
    tree.items.map(item => {
      if (item.kind === 'list') throw new Flaw(item.at, 'a list in a list is not a selection')
      return compileSelection(item, view)
    })
  )
}

function compileMap(map: MapTree, view: View): Predicate {
  if (map.entries.length === 0) throw new Flaw(map.at, 'an empty map selects nothing')
  return allOf(map.entries.map(({ key, at, value }) => compileItem(key, at, value, view)))
}

function compileItem(key: string, at: Place, value: Tree, view: View): Predicate {
  const [name = '', ...names] = key.split('|')
  const modifiers = parseModifiers(names, at)
  const values = scalarsOf(value)
  if (name === '') return compileKeywords(values, modifiers, at)
  if (name !== name.trim()) throw new Flaw(at, 'a field name begins or ends with a blank')
  const item = compileField(new Field(name, view), values, modifiers, value)
  return modifiers.neq ? notOf(item) : item
}

function scalarsOf(value: Tree): ScalarTree[] {
  if (value.kind === 'scalar') return [value]
  if (value.kind === 'map') throw new Flaw(value.at, 'a field needs a value or a list of values, not a map')
  if (value.items.length > VALUES_MAX) throw new Flaw(value.at, `a list has more than ${VALUES_MAX} values`)
  return value.items.map(item => scalarOf(item, value))
}

function scalarOf(item: Tree, list: ListTree): ScalarTree {
  if (item.kind === 'scalar') return item
  throw new Flaw(item.at ?? list.at, 'a list of values holds plain values only')
}

function compileField(
  field: Field,
  values: readonly ScalarTree[],
  modifiers: Modifiers,
  tree: Tree
): Predicate {
  if (modifiers.kind === 'exists') return compileExists(field, values, tree.at)
  const nulls = values.length === 0 || values.some(value => value.value === null)
  const others = values.filter(value => value.value !== null)
  if (nulls && (modifiers.kind !== 'text' || modifiers.position !== undefined)) {
    throw new Flaw(tree.at, 'null goes with no modifier but neq and all')
  }
  const parts: Predicate[] = []
  if (nulls) parts.push(subject => field.isNull(subject))
  if (modifiers.kind === 'fieldref') {
    for (const value of others) parts.push(compileReference(field, value, modifiers))
  } else if (modifiers.kind === 'compare') {
    for (const value of others) {
      const test = comparing(value, modifiers.comparison ?? 'gte')
      parts.push(subject => field.any(subject, test))
    }
  } else if (modifiers.all) {
    for (const value of others) {
      const test = anyOf([value], modifiers)
      parts.push(subject => field.any(subject, test))
    }
  } else if (others.length > 0) {
    const test = anyOf(others, modifiers)
    parts.push(subject => field.any(subject, test))
  }
  return modifiers.all ? allOf(parts) : someOf(parts)
}

function compileExists(field: Field, values: readonly ScalarTree[], at: Place): Predicate {
  const [value] = values
  if (values.length !== 1 || value === undefined || typeof value.value !== 'boolean') {
    throw new Flaw(at, 'exists needs true or false')
  }
  return value.value ? subject => field.exists(subject) : subject => !field.exists(subject)
}

function compileReference(field: Field, value: ScalarTree, modifiers: Modifiers): Predicate {
  if (value.text === '') throw new Flaw(value.at, 'fieldref needs the name of a field')
  // The other field is of the same view; a detector has one log source.
  const other = new Field(value.text, field.view)
  return subject => {
    const referred = other.texts(subject, REFERRED_MAX)
    if (referred.length === 0) return false
    return field.any(subject, found => {
      const text = textOfValue(found)
      return text !== undefined && referred.some(right => related(text, right, modifiers))
    })
  }
}

function compileKeywords(values: readonly ScalarTree[], modifiers: Modifiers, at: Place): Predicate {
  if (values.length === 0) throw new Flaw(at, 'an empty list selects nothing')
  if (modifiers.kind !== 'text' && modifiers.kind !== 're') {
    throw new Flaw(at, `the modifier ${modifiers.kind} needs a field`)
  }
  const parts = values.map(value => {
    if (value.value === null || value.text === '')
      throw new Flaw(value.at, 'an empty keyword would match everything')
    if (modifiers.kind === 're') {
      const test = compileText(value, modifiers)
      return (subject: Subject) => anywhere(subject, test)
    }
    const { test } = patternOf(value, modifiers, true)
    const { cased } = modifiers
    return (subject: Subject) => anywhere(subject, text => test(cased ? text : text.toLowerCase()))
  })
  const found = modifiers.all ? allOf(parts) : someOf(parts)
  return modifiers.neq ? notOf(found) : found
}
