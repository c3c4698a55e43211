/**
 * The lines of a segment: how a control line is written, hashed and read back (docs/journal-format.md).
 * A control line is one JSON object whose last member is `hash`:
 *   hash = SHA-256(previous hash, 32 bytes ‖ event lines since the previous control line ‖
 *                  this line up to and including `,"hash":"`)
 */
import { createHash } from 'node:crypto'
import { COMMIT_START, FORMAT_VERSION, HASH_END, HASH_HEX, HASH_START, HEADER_START } from './constants.ts'

/** A mark as it stands in a control line: key, value, and when it may be forgotten (ms since 1970; 0: never). */
export type MarkLine = readonly [key: string, value: string | number | null, expiresAt: number]

export interface SegmentHeader {
  readonly journal: string
  /** Id of this journal, drawn once; binds checkpoints to it. */
  readonly id: string
  readonly segment: number
  /** Sequence of the first entry. */
  readonly sequence: number
  readonly time: string
  /** Hash of the last control line before, in hex. */
  readonly previous: string
  /** All live marks, so that opening needs no older segment. */
  readonly marks: readonly MarkLine[]
  /** Set if the segment before could not be read to its end. */
  readonly damaged?: { readonly segment: number; readonly offset: number }
}

export interface Commit {
  readonly sequence: number
  readonly count: number
  /** Bytes of the event lines, newlines included. */
  readonly bytes: number
  readonly time: string
  readonly marks: readonly MarkLine[]
}

/** The hash of a control line, in hex. `lines`: the event lines before it. */
export function chain(previous: string, lines: Uint8Array, controlPrefix: string): string {
  return createHash('sha256')
    .update(Buffer.from(previous, 'hex'))
    .update(lines)
    .update(controlPrefix)
    .digest('hex')
}

/** `{"keywatch":"…",…,"hash":"`: all of a control line that its hash covers. */
const prefixOf = (kind: 'segment' | 'commit', members: object): string =>
  `${JSON.stringify({ keywatch: kind, ...members }).slice(0, -1)}${HASH_START}`

export function encodeHeader(header: SegmentHeader): { line: Buffer; hash: string } {
  const prefix = prefixOf('segment', { version: FORMAT_VERSION, ...header })
  const hash = chain(header.previous, new Uint8Array(), prefix)
  return { line: Buffer.from(prefix + hash + HASH_END), hash }
}

export function encodeCommit(
  previous: string,
  lines: Uint8Array,
  commit: Commit
): { line: Buffer; hash: string } {
  const prefix = prefixOf('commit', commit)
  const hash = chain(previous, lines, prefix)
  return { line: Buffer.from(prefix + hash + HASH_END), hash }
}

/** A control line taken apart; undefined if it is not one. The hash is what the line claims. */
export function parseControl(
  line: Buffer
):
  | { kind: 'segment'; header: SegmentHeader; hash: string; prefix: string }
  | { kind: 'commit'; commit: Commit; hash: string; prefix: string }
  | undefined {
  const text = line.toString('utf8')
  const at = text.length - HASH_END.length - HASH_HEX
  const prefix = text.slice(0, at)
  if (!text.endsWith(HASH_END) || !prefix.endsWith(HASH_START)) return undefined
  const hash = text.slice(at, at + HASH_HEX)
  if (!/^[0-9a-f]{64}$/.test(hash)) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  // Boundary: the shape was written by encodeHeader or encodeCommit; the caller checks the hash over it.
  if (prefix.startsWith(HEADER_START))
    return { kind: 'segment', header: value as SegmentHeader, hash, prefix }
  if (prefix.startsWith(COMMIT_START)) return { kind: 'commit', commit: value as Commit, hash, prefix }
  return undefined
}
