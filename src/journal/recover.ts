/**
 * What a plain segment holds after a crash: the last good commit, what the marks are, and whether what
 * follows is only a torn write (never acknowledged: safe to cut) or damage (kept as evidence).
 */
import { createHash } from 'node:crypto'
import { CONTROL_START, GENESIS, HASH_START } from './constants.ts'
import { type MarkLine, parseControl, type SegmentHeader } from './lines.ts'
import type { SegmentReader } from './segments.ts'

const READ_BYTES = 1024 * 1024
const CONTROL = Buffer.from(CONTROL_START)

export interface Scan {
  readonly header: SegmentHeader | undefined
  /** Offset after the last control line whose hash was right. */
  readonly goodEnd: number
  readonly size: number
  /** Of the last control line that could be read, right or not. */
  readonly hash: string
  readonly sequence: number
  /** Time of the last commit, ms since 1970; 0 if there is none. */
  readonly lastCommitMs: number
  /** Marks in the order in which they were made. */
  readonly marks: readonly MarkLine[]
  /** Offset of the first control line that is wrong, if any. */
  readonly damagedAt?: number
}

interface State {
  header: SegmentHeader | undefined
  goodEnd: number
  hash: string
  sequence: number
  lastCommitMs: number
  marks: MarkLine[]
  damagedAt: number | undefined
  running: ReturnType<typeof createHash>
  lines: number
}

const startHash = (previous: string) => createHash('sha256').update(Buffer.from(previous, 'hex'))

/** A header whose hash is wrong may still say where it belongs. */
const isPlausible = (header: SegmentHeader): boolean =>
  typeof header.id === 'string' &&
  Number.isSafeInteger(header.sequence) &&
  /^[0-9a-f]{64}$/.test(String(header.previous))

/** Takes one control line into the state. `at`: its offset; `end`: the offset after it. */
function takeControl(state: State, line: Buffer, at: number, end: number): void {
  const control = parseControl(line)
  if (control === undefined) {
    state.damagedAt ??= at
    return
  }
  if (control.kind === 'segment' && isPlausible(control.header)) {
    state.header = control.header
    state.running = startHash(control.header.previous)
    state.sequence = control.header.sequence
  }
  const counted = state.sequence + state.lines
  const fits =
    control.kind === 'segment'
      ? at === 0
      : control.commit.sequence === state.sequence && control.commit.count === state.lines
  if (state.running.update(control.prefix).digest('hex') === control.hash && fits) {
    // Only what the hash proves is believed: a damaged line may be JSON of any shape.
    state.marks.push(...(control.kind === 'segment' ? control.header.marks : control.commit.marks))
    if (control.kind === 'commit') state.lastCommitMs = Date.parse(control.commit.time)
    if (state.damagedAt === undefined) state.goodEnd = end
  } else state.damagedAt ??= at
  if (control.kind === 'commit') state.sequence = counted
  state.hash = control.hash
  state.running = startHash(control.hash)
  state.lines = 0
}

/** Reads a segment from its beginning, in constant memory but for its marks. */
export async function scanSegment(reader: SegmentReader): Promise<Scan> {
  const state: State = {
    header: undefined,
    goodEnd: 0,
    hash: GENESIS,
    sequence: 0,
    lastCommitMs: 0,
    marks: [],
    damagedAt: undefined,
    running: startHash(GENESIS),
    lines: 0
  }
  let at = 0
  let carry: Buffer = Buffer.alloc(0)
  for (;;) {
    const chunk = await reader.read(at + carry.length, READ_BYTES)
    const block: Buffer = carry.length === 0 ? chunk : Buffer.concat([carry, chunk])
    let from = 0
    let unhashed = 0
    for (let newline = block.indexOf(10, from); newline !== -1; newline = block.indexOf(10, from)) {
      const line = block.subarray(from, newline + 1)
      if (line.length > CONTROL.length && line.subarray(0, CONTROL.length).equals(CONTROL)) {
        state.running.update(block.subarray(unhashed, from))
        takeControl(state, line, at + from, at + newline + 1)
        unhashed = newline + 1
      } else state.lines++
      from = newline + 1
    }
    state.running.update(block.subarray(unhashed, from))
    at += from
    carry = block.subarray(from)
    if (chunk.length < READ_BYTES) break
  }
  const { header, goodEnd, hash, sequence, lastCommitMs, marks, damagedAt } = state
  const size = at + carry.length
  return {
    header,
    goodEnd,
    size,
    hash,
    sequence,
    lastCommitMs,
    marks,
    ...(damagedAt === undefined ? {} : { damagedAt })
  }
}

const ZEROES_MIN = 512

/**
 * True if bytes after the last commit are what a torn write leaves: whole event lines, then a part of a
 * line, then perhaps sectors of zeroes. False: an acknowledged commit was changed, so they are evidence.
 */
export function isTornTail(tail: Buffer): boolean {
  let end = tail.length
  while (end > 0 && tail[end - 1] === 0) end--
  if (tail.length - end < ZEROES_MIN) end = tail.length
  const lines = tail.toString('latin1', 0, end).split('\n')
  const rest = lines.pop() ?? ''
  for (const line of lines) {
    if (line.includes(CONTROL_START)) return false
    try {
      // Only an event may stand here: a commit line with a changed beginning is JSON as well.
      const event = JSON.parse(line) as { class_uid?: unknown }
      if (typeof event.class_uid !== 'number') return false
    } catch {
      return false
    }
  }
  if (!rest.startsWith(CONTROL_START))
    return (rest === '' || rest.startsWith('{')) && !rest.includes(CONTROL_START)
  const hashAt = rest.indexOf(HASH_START)
  if (hashAt === -1) return true
  const hash = rest.slice(hashAt + HASH_START.length)
  return /^([0-9a-f]{0,63}|[0-9a-f]{64}"?\}?)$/.test(hash)
}
