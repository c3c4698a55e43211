/**
 * One object or list on the way of the walk: what of it was seen, and its copy once something in it changed. Only what
 * lies on the way to a change is ever copied; the input stays as it is.
 */
import type { KeyClass } from './key-class.ts'

export type Node = Record<string, unknown>

export interface Frame {
  node: Node | unknown[]
  keys: readonly string[] | undefined
  length: number
  index: number
  inherited: KeyClass
  copy: Node | unknown[] | undefined
  renames: Map<string, string> | undefined
  label: string | number
  pair: string
}

/** True for what JSON.parse makes and for objects without a prototype. */
export const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The text of bytes in memory. */
export const bytesText = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')

/** The text of a Node Buffer in its JSON form, `{"type":"Buffer","data":[…]}`; undefined for any other object. */
export function bufferText(node: Node, keys: readonly string[]): string | undefined {
  if (keys.length !== 2 || node['type'] !== 'Buffer') return undefined
  const data = node['data']
  return Array.isArray(data) ? Buffer.from(data.map(Number)).toString('utf8') : undefined
}

/** Writes a child's clean value into the copy of the object that is being walked. */
export function assign(frame: Frame, value: unknown): void {
  frame.copy ??= Array.isArray(frame.node) ? frame.node.slice() : { ...frame.node }
  // A copied member is an own property, also if it is called __proto__: this defines nothing new.
  ;(frame.copy as Record<string | number, unknown>)[currentKey(frame)] = value
}

const currentKey = (frame: Frame): string | number =>
  frame.keys === undefined ? frame.index - 1 : frame.keys[frame.index - 1]!

/** The object with its changes, once all of it was seen. */
export function finish(frame: Frame): unknown {
  const result = frame.copy ?? frame.node
  const { renames } = frame
  if (!renames) return result
  return Object.fromEntries(Object.entries(result).map(([key, value]) => [renames.get(key) ?? key, value]))
}
