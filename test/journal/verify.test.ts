import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkpointText, loadSigner, saveCheckpoint } from '../../src/journal/checkpoint.ts'
import { verifyJournal } from '../../src/journal/verify.ts'
import { realDisk } from '../../src/lib/disk.ts'
import { numbered, openTestJournal } from './setup.ts'

const root = mkdtempSync(join(tmpdir(), 'kw-verify-'))
const original = join(root, 'original')
let publicKey = ''
let copies = 0
afterAll(() => rmSync(root, { recursive: true, force: true }))

beforeAll(async () => {
  const journal = await openTestJournal(realDisk, original, { segmentBytes: 3000 })
  const signer = await loadSigner(realDisk, join(root, 'keys'), 'keywatch.test')
  publicKey = signer.verifierKey
  for (let n = 0; n < 30; n++) {
    await journal.append([numbered(n, 150)], n % 5 === 0 ? [{ key: 'k', value: n }] : [])
    if (n % 8 === 7)
      await saveCheckpoint(
        realDisk,
        original,
        signer.sign(checkpointText(journal, journal.tip(), 1_700_000_000_000))
      )
  }
  await journal.close()
})

const copy = () => {
  const path = join(root, `copy${copies++}`)
  cpSync(original, path, { recursive: true })
  return path
}
const segmentsOf = (path: string) => readdirSync(path).filter(n => n.startsWith('0'))

describe('verify', () => {
  it('finds an untouched journal intact, checkpoints and all', async () => {
    const verdict = await verifyJournal(original, { publicKey })
    expect(verdict.problems).toEqual([])
    expect(verdict).toMatchObject({
      status: 'intact',
      entries: 30,
      checkpoints: 3,
      tailBytes: 0,
      commits: 30
    })
    expect(segmentsOf(original).some(n => n.endsWith('.zst'))).toBe(true)
  })

  it('finds any one flipped byte in any file and names the file', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (f, at, flip) => {
        const path = copy()
        const names = readdirSync(path)
        const name = names[f % names.length] ?? ''
        const bytes = readFileSync(join(path, name))
        const offset = at % bytes.length
        bytes[offset] = (bytes[offset] ?? 0) ^ flip
        writeFileSync(join(path, name), bytes)
        const verdict = await verifyJournal(path, { publicKey })
        rmSync(path, { recursive: true })
        expect(verdict.status, `${name} at ${offset}`).toBe('broken')
        expect(verdict.problems.map(p => p.file)).toContain(name)
      }),
      { numRuns: 400 }
    )
  })

  it('names the place: the first commit range that does not fit and the last good sequence', async () => {
    const path = copy()
    const name =
      segmentsOf(path)
        .filter(n => n.endsWith('.ndjson'))
        .at(-1) ?? ''
    const bytes = readFileSync(join(path, name))
    const at = bytes.lastIndexOf('event 29')
    bytes.write('X', at)
    writeFileSync(join(path, name), bytes)
    const [problem] = (await verifyJournal(path, { publicKey })).problems
    expect(problem).toMatchObject({ file: name, lastGood: 28 })
    expect(problem?.offset).toBeLessThanOrEqual(at)
  })

  it.each([
    ['a segment is missing', (path: string) => rmSync(join(path, segmentsOf(path)[1] ?? ''))],
    ['the first segment is missing', (path: string) => rmSync(join(path, segmentsOf(path)[0] ?? ''))],
    [
      'the last segment is missing, though all that is left is a valid chain',
      (path: string) => {
        for (const name of segmentsOf(path).slice(2)) rmSync(join(path, name))
      }
    ],
    [
      'two segments were swapped',
      (path: string) => {
        const [a, b] = segmentsOf(path)
        const first = readFileSync(join(path, a ?? ''))
        writeFileSync(join(path, a ?? ''), readFileSync(join(path, b ?? '')))
        writeFileSync(join(path, b ?? ''), first)
      }
    ],
    [
      'a checkpoint is signed by another key',
      (path: string) => {
        const file = join(path, 'checkpoints.ndjson')
        writeFileSync(
          file,
          readFileSync(file, 'utf8').replace(/— (\S+) (.{20})/, '— $1 AAAAAAAAAAAAAAAAAAAA')
        )
      }
    ]
  ])('says broken when %s', async (_, damage) => {
    const path = copy()
    damage(path)
    const verdict = await verifyJournal(path, { publicKey })
    expect(verdict.status).toBe('broken')
    expect(verdict.problems[0]?.what).toMatch(/\w/)
  })

  it('takes a truncation anywhere as broken or as a torn tail, never silently as whole', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), async (f, cut) => {
        const path = copy()
        const names = segmentsOf(path)
        const name = names[f % names.length] ?? ''
        const size = readFileSync(join(path, name)).length
        const keep = cut % size
        truncateSync(join(path, name), keep)
        const verdict = await verifyJournal(path, { publicKey })
        rmSync(path, { recursive: true })
        const torn = verdict.status === 'intact' && name === names.at(-1)
        if (!torn) expect(verdict.status, `${name} cut to ${keep}`).toBe('broken')
        else expect(verdict.entries).toBeLessThan(30)
      }),
      { numRuns: 150 }
    )
  })

  it('forgives a last commit that was cut anywhere, and not one with any other end', async () => {
    const path = copy()
    rmSync(join(path, 'checkpoints.ndjson'))
    const file = join(path, segmentsOf(path).at(-1) ?? '')
    const whole = readFileSync(file)
    const start = whole.lastIndexOf('{"keywatch":"commit"')
    for (let cut = start; cut < whole.length; cut++) {
      writeFileSync(file, whole.subarray(0, cut))
      expect((await verifyJournal(path)).status, `cut at ${cut - start}`).toBe('intact')
    }
    for (let at = start; at < whole.length; at++) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 1
      writeFileSync(file, changed)
      expect((await verifyJournal(path)).status, `changed at ${at - start}`).toBe('broken')
    }
  })

  it('forgives a checkpoint that a crash cut short, and not one whose newline was changed', async () => {
    const torn = copy()
    const file = join(torn, 'checkpoints.ndjson')
    const whole = readFileSync(file)
    truncateSync(file, whole.length - 40)
    expect(await verifyJournal(torn, { publicKey })).toMatchObject({ status: 'intact', checkpoints: 2 })
    whole[whole.length - 1] = 0x0b
    writeFileSync(file, whole)
    expect((await verifyJournal(torn, { publicKey })).status).toBe('broken')
    writeFileSync(file, whole.subarray(0, -1))
    expect(await verifyJournal(torn, { publicKey })).toMatchObject({ status: 'intact', checkpoints: 3 })
  })

  it('shows progress up to the whole', async () => {
    const seen: [number, number][] = []
    await verifyJournal(original, { onProgress: (done, total) => seen.push([done, total]) })
    expect(seen.at(-1)?.[0]).toBe(seen.at(-1)?.[1])
  })

  it('calls a folder without a journal unreadable', async () => {
    expect((await verifyJournal(join(root, 'nowhere'))).status).toBe('unreadable')
    expect((await verifyJournal(join(root, 'keys'))).status).toBe('unreadable')
  })

  it('says that signatures were not checked when there is no key', async () => {
    expect((await verifyJournal(original)).notes).toContain('signatures were not checked: no public key')
  })
})
