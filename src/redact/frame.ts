/**
 * One step of the walk's way: which object or list it is in, and at which member. And what counts as data that can be
 * walked: plain objects and lists; bytes are read as the text that they are.
 */
import { type KeyClass, KIND } from './key-class.ts'

export type Node = Record<string, unknown>

export interface Frame {
  /** What the names above say of everything in it. */
  inherited: KeyClass
  /** Name of the member or index of the element where the walk is; `*` for a name that is a credential. */
  label: string | number
  /** `headers: [{name, value}]`: the name. Empty if the step is none. */
  pair: string
}

export const newFrame = (): Frame => ({ inherited: NONE, label: '', pair: '' })
const NONE: KeyClass = { kind: KIND.none, type: '', header: false, response: false, plural: false }

/** True for what JSON.parse makes and for objects without a prototype. */
export const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** The text of bytes in memory. */
export const bytesText = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')

/** The first name settles it for most objects; to ask an object for a member that it has not is dear. */
function startsAsBuffer(node: Node): boolean {
  for (const first in node) return first === 'type' || first === 'data'
  return false
}

/** The text of a Node Buffer in its JSON form, `{"type":"Buffer","data":[…]}`; undefined for any other object. */
export function bufferText(node: Node): string | undefined {
  if (!startsAsBuffer(node) || node['type'] !== 'Buffer') return undefined
  const data = node['data']
  if (!Array.isArray(data) || Object.keys(node).length !== 2) return undefined
  return Buffer.from(data.map(Number)).toString('utf8')
}

/** The object with its clean names. */
export const renamed = (node: Node, renames: ReadonlyMap<string, string>): Node =>
  Object.fromEntries(Object.entries(node).map(([key, value]) => [renames.get(key) ?? key, value]))
