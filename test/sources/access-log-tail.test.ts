/** Following a file: every complete line exactly once, through rotation, truncation, refusals and restarts. */
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { KeywatchError } from '../../src/core/errors.ts'
import type { Decoded } from '../../src/core/source.ts'
import { Tail, type TailBatch, type TailOptions } from '../../src/lib/tail.ts'
import { realTailFiles } from '../../src/lib/tail-files.ts'
import accessLog from '../../src/sources/access-log.ts'
import { fakeClock } from '../fakes/clock.ts'
import { fakeLog } from '../fakes/log.ts'
import { openSource, RECEIVED_AT } from './contract.ts'

const GRACE = 2000
const folders: string[] = []
const tails: Tail[] = []
afterEach(async () => {
  for (const tail of tails.splice(0)) await tail.close()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A folder with a log in it, a tail on it, and what the tail has fed: durable together, as in the journal. */
function bench(given: Partial<TailOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'keywatch-tail-'))
  folders.push(folder)
  const path = join(folder, 'access.log')
  const clock = fakeClock(RECEIVED_AT)
  const batches: TailBatch[] = []
  let saved: string | undefined
  let refusals = 0
  let tail: Tail | undefined
  const open = () =>
    new Tail({
      path,
      files: realTailFiles,
      clock,
      saved,
      from: 'beginning',
      linesMax: 7,
      bytesMax: 4096,
      graceMs: GRACE,
      ...given,
      feed: async (batch, position) => {
        if (refusals > 0) {
          refusals--
          throw new KeywatchError('KW_JOURNAL_FULL', 'The disk is full.')
        }
        batches.push(batch)
        saved = position
      }
    })
  const step = async (): Promise<boolean> => {
    if (tail === undefined) tails.push((tail = open()))
    try {
      return await tail.step()
    } catch (error) {
      if (!(error instanceof KeywatchError)) throw error
      return true
    }
  }
  const settle = async () => {
    for (let steps = 0; await step(); steps++) if (steps > 10_000) throw new Error('it never comes to rest')
  }
  return {
    folder,
    path,
    clock,
    batches,
    step,
    refuse: (times: number) => {
      refusals = times
    },
    /** As a crash: nothing is said to anybody. */
    async restart() {
      await tail?.close()
      tail = undefined
    },
    settle,
    /** Until nothing more comes, with time for every rotated file to be given up. */
    async finish() {
      for (let round = 0; round < 40; round++) {
        await settle()
        clock.set(clock.now() + GRACE + 1)
      }
      await tail?.close()
    },
    lines: () =>
      batches
        .filter(({ kind }) => kind === 'lines')
        .flatMap(({ bytes }) => bytes.toString('utf8').split('\n'))
        .filter(line => line !== ''),
    position: () => JSON.parse(saved ?? '{}') as { inode: string; offset: number; done: string[] }
  }
}

/** Shifts access.log.1 to .2 and so on, as logrotate does. */
function shift(folder: string): void {
  const numbers = readdirSync(folder)
    .map(name => Number(/^access\.log\.(\d+)$/.exec(name)?.[1] ?? 0))
    .filter(number => number > 0)
    .sort((a, b) => b - a)
  for (const number of numbers)
    renameSync(join(folder, `access.log.${number}`), join(folder, `access.log.${number + 1}`))
}

describe('a tail', () => {
  it('waits for a file that is missing at the start, and for the newline of a line', async () => {
    const { path, settle, lines } = bench()
    await settle()
    appendFileSync(path, 'one\ntw')
    await settle()
    expect(lines()).toEqual(['one'])
    appendFileSync(path, 'o\n')
    await settle()
    expect(lines()).toEqual(['one', 'two'])
  })

  it.each([
    ['beginning', ['old', 'new']],
    ['end', ['half', 'new']]
  ] as const)('takes a file that is there at the first start from its %s', async (from, expected) => {
    const { path, settle, lines } = bench({ from })
    writeFileSync(path, from === 'end' ? 'old\nha' : 'old\n')
    await settle()
    appendFileSync(path, from === 'end' ? 'lf\nnew\n' : 'new\n')
    await settle()
    expect(lines()).toEqual(expected)
  })

  it('keeps the end at which it started over a restart', async () => {
    const { path, settle, restart, lines } = bench({ from: 'end' })
    writeFileSync(path, 'old\n')
    await settle()
    await restart()
    appendFileSync(path, 'new\n')
    await settle()
    expect(lines()).toEqual(['new'])
  })

  it('leaves alone what was rotated away before it ever ran, and other logs of the folder', async () => {
    const { folder, path, settle, finish, lines } = bench()
    writeFileSync(join(folder, 'access.log.1'), 'before\n')
    writeFileSync(path, 'a\n')
    await settle()
    shift(folder)
    renameSync(path, join(folder, 'access.log.1'))
    writeFileSync(join(folder, 'access.log.admin'), 'not ours\n')
    writeFileSync(join(folder, 'access-admin.log'), 'not ours\n')
    writeFileSync(path, 'b\n')
    await finish()
    expect(lines()).toEqual(['a', 'b'])
  })

  it('reads the old file to its end before the new one, and what its writer adds late', async () => {
    const { folder, path, settle, finish, lines, clock } = bench()
    writeFileSync(path, 'a\n')
    await settle()
    appendFileSync(path, 'b\n')
    renameSync(path, join(folder, 'access.log.1'))
    writeFileSync(path, 'd\n')
    await settle()
    clock.set(clock.now() + GRACE - 1)
    appendFileSync(join(folder, 'access.log.1'), 'c\n')
    await finish()
    expect(lines()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('reads every generation that came and went while nobody looked, oldest first', async () => {
    const { folder, path, settle, restart, finish, lines } = bench()
    writeFileSync(path, '1a\n')
    await settle()
    await restart()
    appendFileSync(path, '1b\n')
    for (const generation of [2, 3, 4]) {
      shift(folder)
      renameSync(path, join(folder, 'access.log.1'))
      // The times of two files have to differ for their order to be told.
      await new Promise(resolve => setTimeout(resolve, 15))
      writeFileSync(path, `${generation}\n`)
    }
    await finish()
    expect(lines()).toEqual(['1a', '1b', '2', '3', '4'])
  })

  it('takes up dated names too, and no compressed copy', async () => {
    const { folder, path, settle, restart, finish, lines } = bench()
    writeFileSync(path, 'a\n')
    await settle()
    await restart()
    appendFileSync(path, 'b\n')
    renameSync(path, join(folder, 'access-20261122.log'))
    writeFileSync(join(folder, 'access.log.2.gz'), gzipSync('a\n'))
    writeFileSync(join(folder, 'access.log.3'), gzipSync('a\n'))
    writeFileSync(path, 'c\n')
    await finish()
    expect(lines()).toEqual(['a', 'b', 'c'])
  })

  it('gives up the last line of a rotated file as it is, though it is refused at first', async () => {
    const { folder, path, settle, finish, lines, refuse } = bench()
    writeFileSync(path, 'a\nhalf')
    await settle()
    renameSync(path, join(folder, 'access.log.1'))
    writeFileSync(path, 'b\n')
    refuse(2)
    await finish()
    expect(lines()).toEqual(['a', 'half', 'b'])
  })

  it.each([
    ['shorter', 'x\n'],
    ['of the same length', 'A\nB\n'],
    ['longer', 'a longer text than before\nwith two lines\n']
  ])('starts over in a file that was truncated and is %s now', async (_, after) => {
    for (const down of [false, true]) {
      const { path, settle, restart, finish, lines } = bench()
      writeFileSync(path, 'a\nb\n')
      await settle()
      if (down) await restart()
      await new Promise(resolve => setTimeout(resolve, 15))
      truncateSync(path, 0)
      appendFileSync(path, after)
      await finish()
      expect(lines()).toEqual(['a', 'b', ...after.trim().split('\n')])
    }
  })

  it('reads from the copy of copytruncate what it had not read before, and nothing of it twice', async () => {
    const { folder, path, settle, finish, lines } = bench()
    writeFileSync(path, 'a\nb\n')
    await settle()
    appendFileSync(path, 'c\n')
    copyFileSync(path, join(folder, 'access.log.1'))
    truncateSync(path, 0)
    appendFileSync(path, 'd\n')
    await finish()
    expect(lines()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('takes a new file with the inode of an old one as new', async () => {
    const { path, settle, restart, finish, lines } = bench()
    writeFileSync(path, 'first line\n')
    await settle()
    await restart()
    unlinkSync(path)
    writeFileSync(path, 'first of another\nsecond of another\n')
    await finish()
    expect(lines()).toEqual(['first line', 'first of another', 'second of another'])
  })

  it('passes a line that is longer than a batch in pieces, and goes on after it, over a restart too', async () => {
    const { path, settle, restart, finish, lines, batches } = bench({ bytesMax: 100 })
    const giant = 'x'.repeat(1050)
    writeFileSync(path, `a\n${giant}`)
    await settle()
    await restart()
    appendFileSync(path, 'y\nb\n')
    await finish()
    expect(lines()).toEqual(['a', 'b'])
    const pieces = batches.filter(({ kind }) => kind === 'piece').map(({ bytes }) => bytes.toString())
    expect(pieces.join('')).toBe(`${giant}y\n`)
  })

  it('comes back with the same lines when they were refused', async () => {
    const { path, settle, refuse, finish, lines } = bench()
    writeFileSync(path, 'a\n')
    await settle()
    refuse(5)
    appendFileSync(path, 'b\n')
    await finish()
    expect(lines()).toEqual(['a', 'b'])
  })

  it('starts anew when its position is not one', async () => {
    for (const saved of ['', '{}', 'null', '{"inode":1}', '['.repeat(50_000)]) {
      const { path, settle, lines } = bench({ saved })
      writeFileSync(path, 'a\n')
      await settle()
      expect(lines()).toEqual(['a'])
    }
  })
})

/** What can happen around a log. `late`: the new file is there before the writer has reopened. */
const ACTION = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('append' as const), bytes: fc.integer({ min: 1, max: 90 }) })
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('step' as const), times: fc.integer({ min: 1, max: 5 }) })
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rename' as const), late: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('copytruncate' as const, 'truncate' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('restart' as const, 'wait' as const, 'reopen' as const) })
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('refuse' as const), times: fc.integer({ min: 1, max: 3 }) })
  }
)

/** A writer that, like nginx, keeps its file open until it is told to reopen. */
function writer(path: string) {
  let fd = openSync(path, 'a')
  let stream = ''
  let number = 0
  let open = ''
  const written: string[] = []
  const put = (text: string) => {
    writeSync(fd, text)
    const parts = (open + text).split('\n')
    open = parts.pop() ?? ''
    written.push(...parts)
  }
  return {
    written,
    append(bytes: number) {
      while (stream.length < bytes) stream += `line ${number++} ${'.'.repeat(number % 23)}\n`
      put(stream.slice(0, bytes))
      stream = stream.slice(bytes)
    },
    /** Lines are written whole before a signal is handled. */
    endLine() {
      if (open === '') return
      const rest = stream.indexOf('\n') + 1
      put(stream.slice(0, rest))
      stream = stream.slice(rest)
    },
    reopen() {
      this.endLine()
      closeSync(fd)
      fd = openSync(path, 'a')
    },
    close: () => closeSync(fd)
  }
}

describe('a tail beside a writer and a rotator', () => {
  it('takes every line exactly once, whatever the order of things', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(ACTION, { maxLength: 60 }), async actions => {
        const kit = bench()
        const log = writer(kit.path)
        // What is rotated before the first look is of the time before.
        await kit.step()
        for (const action of actions) {
          if (action.do === 'append') log.append(action.bytes)
          else if (action.do === 'step') for (let i = 0; i < action.times; i++) await kit.step()
          else if (action.do === 'rename') {
            // A second rotation waits until the writer has followed the first.
            log.reopen()
            shift(kit.folder)
            renameSync(kit.path, join(kit.folder, 'access.log.1'))
            if (action.late) writeFileSync(kit.path, '')
            else log.reopen()
          } else if (action.do === 'copytruncate' || action.do === 'truncate') {
            // Lines that are written and truncated between two polls cannot be seen.
            log.reopen()
            kit.refuse(0)
            await kit.settle()
            kit.clock.set(kit.clock.now() + GRACE + 1)
            for (let i = 0; i < 20; i++) {
              await kit.settle()
              kit.clock.set(kit.clock.now() + GRACE + 1)
            }
            if (action.do === 'copytruncate') {
              shift(kit.folder)
              copyFileSync(kit.path, join(kit.folder, 'access.log.1'))
            }
            truncateSync(kit.path, 0)
          } else if (action.do === 'restart') await kit.restart()
          else if (action.do === 'refuse') kit.refuse(action.times)
          else {
            // Who is late by more than the grace writes into a file that nobody reads any more.
            log.reopen()
            if (action.do === 'wait') kit.clock.set(kit.clock.now() + GRACE + 1)
          }
        }
        log.reopen()
        log.close()
        kit.refuse(0)
        await kit.finish()
        expect(existsSync(kit.path)).toBe(true)
        expect(kit.lines().sort()).toEqual([...log.written].sort())
        rmSync(kit.folder, { recursive: true, force: true })
      }),
      { numRuns: 150 }
    )
  }, 120_000)
})

describe('the access-log source with a path', () => {
  const line = (path: string) =>
    `192.0.2.1 - - [22/Nov/2026:04:31:13 +0000] "GET ${path} HTTP/1.1" 200 1 "-" "x"\n`

  it('feeds decoded lines with a mark, waits out a refusal, says so once, and ends with the signal', async () => {
    const { folder } = bench()
    const paths = [join(folder, 'a.log'), join(folder, 'b.log')]
    for (const path of paths) writeFileSync(path, `${line('/1')}nonsense\n{"broken":\n`)
    const clock = fakeClock(RECEIVED_AT)
    const log = fakeLog()
    const fed: { decoded: Decoded; key: string }[] = []
    const abort = new AbortController()
    let refusals = 3
    const source = openSource(accessLog, { path: paths, poll: '1s' }, { clock, log })
    const done = source.pull?.({
      feed: async (decoded, mark) => {
        if (decoded.records.length > 0 && refusals-- > 0)
          throw new KeywatchError('KW_JOURNAL_BUSY', 'Too much is waiting.')
        fed.push({ decoded, key: mark?.key ?? '' })
        return { accepted: decoded.records.length, quarantined: decoded.bad.length, duplicates: 0 }
      },
      mark: () => undefined,
      signal: abort.signal
    })
    const full = () => fed.filter(({ decoded }) => decoded.records.length > 0)
    // The disk takes real time, the clock takes none.
    for (let i = 0; i < 500 && full().length < 2; i++) {
      await new Promise(resolve => setTimeout(resolve, 5))
      await clock.advance(1000)
    }
    abort.abort()
    await done
    expect(
      full()
        .map(({ key }) => key)
        .sort()
    ).toEqual(paths.map(path => `tail:${path}`))
    for (const { decoded } of full())
      expect(decoded.bad.map(({ keep }) => keep ?? false)).toEqual([true, false])
    expect(log.lines.length).toBeGreaterThan(0)
    expect(log.lines.length).toBeLessThanOrEqual(2)
    expect(log.lines[0]?.fields).toEqual({ source: 'under-test', reason: 'KW_JOURNAL_BUSY' })
  })
})
