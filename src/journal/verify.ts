/**
 * The second opinion on a journal: reads every byte and says whether the chain holds. Written from
 * docs/journal-format.md; it shares nothing with the writer but constants.ts, not even its line parser.
 */
import { createHash } from 'node:crypto'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CHECKPOINT_FILE,
  COMMIT_START,
  CONTROL_START,
  FORMAT_VERSION,
  GENESIS,
  HASH_END,
  HASH_HEX,
  HASH_START,
  HEADER_START,
  PLAIN_SUFFIX,
  SEALED_SUFFIX
} from './constants.ts'
import { Broken, checkTail, plainBlocks, sealedBlocks } from './verify-bytes.ts'
import { type Anchor, type Problem, readAnchors } from './verify-checkpoints.ts'

export interface Verdict {
  readonly status: 'intact' | 'broken' | 'unreadable'
  readonly journal: string
  readonly entries: number
  readonly segments: number
  readonly bytes: number
  readonly commits: number
  /** Checkpoints with a good signature that this journal fits. */
  readonly checkpoints: number
  /** Bytes after the last commit: a write that was under way, never acknowledged. */
  readonly tailBytes: number
  readonly problems: readonly Problem[]
  readonly notes: readonly string[]
}

export interface VerifyOptions {
  /** Verifier key (`name+id+base64`), the content of `checkpoint.pub`. Without it signatures are not checked. */
  readonly publicKey?: string
  /** Called as bytes are read: done and total bytes of the files. */
  readonly onProgress?: (done: number, total: number) => void
}

/** The state of the walk over the whole chain. */
interface Walk {
  journal: string
  id: string
  hash: string
  sequence: number
  commits: number
  bytes: number
  tailBytes: number
  /** `segment:offset` after each control line that some checkpoint names → what it was. */
  readonly seen: Map<string, { hash: string; sequence: number } | undefined>
}

const sha = (previous: string) => createHash('sha256').update(Buffer.from(previous, 'hex'))

interface Control {
  readonly value: Readonly<Record<string, unknown>>
  readonly hash: string
  readonly covered: Buffer
}

function readControl(line: Buffer, offset: number): Control {
  const covered = line.subarray(0, Math.max(0, line.length - HASH_HEX - HASH_END.length))
  const text = line.toString('utf8')
  const hash = text.slice(text.length - HASH_HEX - HASH_END.length, text.length - HASH_END.length)
  if (
    !text.endsWith(HASH_END) ||
    !/^[0-9a-f]{64}$/.test(hash) ||
    !covered.toString('utf8').endsWith(HASH_START)
  ) {
    throw new Broken(offset, 'a control line has no hash at its end')
  }
  try {
    return { value: JSON.parse(text) as Readonly<Record<string, unknown>>, hash, covered }
  } catch {
    throw new Broken(offset, 'a control line is not JSON')
  }
}

function checkHeader(walk: Walk, value: Control['value'], segment: number, first: boolean): void {
  if (value['version'] !== FORMAT_VERSION)
    throw new Broken(0, 'the segment has a version that this verifier does not know')
  if (value['segment'] !== segment) throw new Broken(0, 'the segment’s header names another segment')
  if (value['damaged'] !== undefined)
    throw new Broken(0, 'the writer found the segment before this one damaged')
  if (value['previous'] !== walk.hash)
    throw new Broken(0, 'the segment does not continue the chain of the one before')
  if (value['sequence'] !== walk.sequence)
    throw new Broken(0, 'entries are missing between this segment and the one before')
  if (first) {
    walk.id = String(value['id'])
    walk.journal = String(value['journal'])
  } else if (value['id'] !== walk.id) throw new Broken(0, 'the segment belongs to another journal')
}

/** Walks one segment. Throws Broken at the first byte that does not fit. */
async function walkSegment(
  walk: Walk,
  segment: number,
  blocks: AsyncIterable<Buffer>,
  last: boolean
): Promise<void> {
  let running = sha(walk.hash)
  let carry: Buffer = Buffer.alloc(0)
  let at = 0
  let sinceControl = { lines: 0, bytes: 0, start: 0, held: [] as Buffer[] }
  let headerSeen = false
  for await (const block of blocks) {
    const bytes: Buffer = carry.length === 0 ? block : Buffer.concat([carry, block])
    let from = 0
    for (let newline = bytes.indexOf(10); newline !== -1; newline = bytes.indexOf(10, from)) {
      const line = bytes.subarray(from, newline + 1)
      const offset = at + from
      from = newline + 1
      if (!line.toString('latin1', 0, CONTROL_START.length).startsWith(CONTROL_START)) {
        if (!headerSeen) throw new Broken(0, 'the segment has no header')
        running.update(line)
        sinceControl.lines++
        sinceControl.bytes += line.length
        if (last) sinceControl.held.push(line)
        continue
      }
      const control = readControl(line, offset)
      const kind = line.toString('latin1', 0, HEADER_START.length)
      if (kind.startsWith(HEADER_START)) {
        if (offset !== 0) throw new Broken(offset, 'a header stands inside a segment')
        checkHeader(walk, control.value, segment, walk.id === '')
        headerSeen = true
      } else if (!kind.startsWith(COMMIT_START)) throw new Broken(offset, 'a control line of an unknown kind')
      if (running.update(control.covered).digest('hex') !== control.hash)
        throw new Broken(
          sinceControl.start,
          'the bytes from here to the next commit are not those that were written'
        )
      if (offset !== 0) checkCommit(walk, control.value, sinceControl, offset)
      walk.hash = control.hash
      const place = `${segment}:${at + from}`
      if (walk.seen.has(place)) walk.seen.set(place, { hash: walk.hash, sequence: walk.sequence })
      running = sha(walk.hash)
      sinceControl = { lines: 0, bytes: 0, start: at + from, held: [] }
    }
    walk.bytes += block.length
    at += from
    carry = bytes.subarray(from)
  }
  if (!headerSeen) throw new Broken(0, 'the segment has no header')
  const tail = sinceControl.bytes + carry.length
  if (tail === 0) return
  if (!last)
    throw new Broken(sinceControl.start, 'the segment does not end with a commit, and another follows')
  checkTail(sinceControl.held, carry, sinceControl.start)
  walk.tailBytes = tail
}

function checkCommit(
  walk: Walk,
  value: Control['value'],
  since: { lines: number; bytes: number },
  offset: number
): void {
  if (value['sequence'] !== walk.sequence) throw new Broken(offset, 'a commit has the wrong sequence')
  if (value['count'] !== since.lines || value['bytes'] !== since.bytes)
    throw new Broken(offset, 'a commit counts other entries than stand before it')
  walk.sequence += since.lines
  walk.commits++
}

/** Walks all segments up to the first problem. False if a file could not be read at all. */
async function walkAll(
  folder: string,
  files: readonly string[],
  walk: Walk,
  problems: Problem[],
  options: VerifyOptions
): Promise<boolean> {
  let total = 0
  let done = 0
  const advance = (bytes: number) => options.onProgress?.((done += bytes), total)
  let name = files[0] ?? ''
  try {
    for (const each of files) total += (await stat(join(folder, each))).size
    for (const [i, each] of files.entries()) {
      name = each
      const file = await open(join(folder, name), 'r')
      const blocks = name.endsWith(SEALED_SUFFIX) ? sealedBlocks(file, advance) : plainBlocks(file, advance)
      try {
        await walkSegment(walk, Number(name.slice(0, 10)), blocks, i === files.length - 1)
      } catch (error) {
        if (!(error instanceof Broken)) throw error
        problems.push({ file: name, offset: error.offset, lastGood: walk.sequence - 1, what: error.message })
        return true
      } finally {
        await file.close()
      }
    }
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    problems.push({ file: name, offset: 0, lastGood: walk.sequence - 1, what: `cannot be read (${code})` })
    return false
  }
}

/** Compares the journal with what was signed. Counts the checkpoints that fit. */
function checkAnchors(walk: Walk, anchors: readonly Anchor[], walked: boolean, problems: Problem[]): number {
  let fitting = 0
  for (const anchor of anchors) {
    const there = walk.seen.get(`${anchor.segment}:${anchor.offset}`)
    const fits =
      there !== undefined &&
      there.hash === anchor.hash &&
      there.sequence === anchor.size &&
      anchor.id === walk.id
    if (fits) fitting++
    // After a break in the chain, later checkpoints say nothing new.
    else if (walked) {
      const what =
        there === undefined
          ? `checkpoint ${anchor.line + 1}, which covers ${anchor.size} entries, has no place in this journal: its end was cut off or rewritten`
          : `checkpoint ${anchor.line + 1} says another history`
      problems.push({ file: CHECKPOINT_FILE, offset: 0, lastGood: walk.sequence - 1, what })
    }
  }
  return fitting
}

const emptyWalk = (): Walk => ({
  journal: '',
  id: '',
  hash: GENESIS,
  sequence: 0,
  commits: 0,
  bytes: 0,
  tailBytes: 0,
  seen: new Map()
})

/** Verifies the journal in a folder. Never throws; what cannot be read at all is `unreadable`. */
export async function verifyJournal(folder: string, options: VerifyOptions = {}): Promise<Verdict> {
  const walk = emptyWalk()
  const problems: Problem[] = []
  const notes: string[] = []
  const result = (status: Verdict['status'], segments: number, checkpoints: number): Verdict => {
    const { journal, sequence: entries, bytes, commits, tailBytes } = walk
    return { status, journal, entries, segments, bytes, commits, checkpoints, tailBytes, problems, notes }
  }
  const names = (await readdir(folder).catch(() => undefined))
    ?.filter(n => /^\d{10}\.ndjson(\.zst)?$/.test(n))
    .sort()
  const segments = [...new Set(names?.map(n => n.slice(0, 10)))]
  if (names === undefined || segments.length === 0) {
    notes.push(names === undefined ? 'the folder cannot be read' : 'there is no journal in this folder')
    return result('unreadable', 0, 0)
  }
  const files = segments.map(s => (names.includes(s + SEALED_SUFFIX) ? s + SEALED_SUFFIX : s + PLAIN_SUFFIX))
  if (Number(segments[0]) !== 0) {
    problems.push({ file: files[0] ?? '', offset: 0, lastGood: -1, what: 'the first segment is missing' })
  }
  // Checkpoints first: one that is written while we read would be ahead of the bytes we saw.
  const { anchors, problems: bad } = await readAnchors(folder, options.publicKey)
  for (const anchor of anchors) walk.seen.set(`${anchor.segment}:${anchor.offset}`, undefined)
  const readable = await walkAll(folder, files, walk, problems, options)
  if (options.publicKey === undefined && anchors.length > 0)
    notes.push('signatures were not checked: no public key')
  const fitting = checkAnchors(walk, anchors, problems.length === 0, problems)
  problems.push(...bad)
  if (walk.tailBytes > 0) {
    notes.push(`${walk.tailBytes} bytes after the last commit: a write under way or torn, never acknowledged`)
  }
  return result(!readable ? 'unreadable' : problems.length === 0 ? 'intact' : 'broken', files.length, fitting)
}
