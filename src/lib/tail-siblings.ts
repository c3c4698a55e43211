/** Which rotated files lie beside a log, and which of them has nobody read? */
import { basename, dirname, join } from 'node:path'
import type { FileFacts, TailFiles } from './tail-files.ts'
import {
  doneKey,
  HEAD_BYTES,
  type Head,
  hasHead,
  headOf,
  isCompressed,
  isDone,
  isRotatedName,
  type Position
} from './tail-position.ts'

export interface Sibling {
  readonly path: string
  readonly facts: FileFacts
  /** Its first KiB. */
  readonly start: Buffer
}

/** At most this many files of a folder are looked at. */
const SIBLINGS_MAX = 2000

/** The rotated forms of a log that hold plain text, in no order. */
export async function siblingsOf(files: TailFiles, path: string): Promise<Sibling[]> {
  const folder = dirname(path)
  const names = (await files.names(folder)).filter(name => isRotatedName(basename(path), name))
  const found: Sibling[] = []
  for (const name of names.slice(0, SIBLINGS_MAX)) {
    const file = await files.open(join(folder, name))
    if (file === undefined) continue
    try {
      const facts = await file.facts()
      const start = await file.read(HEAD_BYTES, 0)
      if (start.length > 0 && !isCompressed(start)) found.push({ path: join(folder, name), facts, start })
    } finally {
      await file.close()
    }
  }
  return found
}

const byAge = (a: Sibling, b: Sibling): number => {
  if (a.facts.modifiedNs !== b.facts.modifiedNs) return a.facts.modifiedNs < b.facts.modifiedNs ? -1 : 1
  if (a.facts.bornNs !== b.facts.bornNs) return a.facts.bornNs < b.facts.bornNs ? -1 : 1
  return a.path < b.path ? -1 : 1
}

/** Those that are neither done nor the file of the position, oldest first. */
export const unreadOf = (siblings: readonly Sibling[], position: Position): Sibling[] =>
  siblings
    .filter(
      ({ facts, start }) => facts.inode !== position.inode && !isDone(position.done, facts.inode, start)
    )
    .sort(byAge)

/** Those among the unread that begin like the file of the position: copies of it, largest last. */
export const copiesOf = (unread: readonly Sibling[], head: Head): Sibling[] =>
  head.bytes === 0
    ? []
    : unread.filter(({ start }) => hasHead(start, head)).sort((a, b) => a.facts.size - b.facts.size)

/** How a sibling is remembered as done. */
export const siblingKey = ({ facts, start }: Sibling): string =>
  doneKey(facts.inode, headOf(start, HEAD_BYTES))

/** The path of the file with this inode in the log's folder, whatever its name. */
export async function findInode(
  files: TailFiles,
  path: string,
  position: Position
): Promise<string | undefined> {
  if (position.inode === '') return undefined
  const folder = dirname(path)
  const names = await files.names(folder)
  for (const name of [basename(path), ...names]) {
    const facts = await files.facts(join(folder, name))
    if (facts?.inode === position.inode && facts.device === position.device) return join(folder, name)
  }
  return undefined
}
