/**
 * The documentation says what the code does: generated pages are fresh, links lead somewhere, configurations in pages
 * load, and the journal's format is what an auditor with nothing but the page would need.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadCatalog } from '../src/catalog.ts'
import { environment } from '../src/config/environment.ts'
import { loadConfig } from '../src/config/load.ts'
import { formatProblem } from '../src/config/problem.ts'
import { ERROR_CODES } from '../src/core/errors.ts'
import { encodeCommit, encodeHeader, parseControl } from '../src/journal/lines.ts'
import { verifyJournal } from '../src/journal/verify.ts'
import { realDisk } from '../src/lib/disk.ts'
import { compileWhere } from '../src/lib/where.ts'
import { examples } from '../src/welcome.ts'
import { readTree, sources } from './architecture/tree.ts'
import { EXAMPLE, writeExample } from './docs/journal-example.ts'
import { fenced, fileLinks } from './docs/markdown.ts'
import { generatedPages, ROOT, readPage } from './docs/pages.ts'
import { numbered, openTestJournal } from './journal/setup.ts'

const { ci } = environment()
const root = fileURLToPath(ROOT)
const PAGES = [
  ...readdirSync(root),
  ...readdirSync(join(root, 'docs')).map(name => `docs/${name}`),
  ...readdirSync(join(root, 'docs/runbooks')).map(name => `docs/runbooks/${name}`),
  ...readdirSync(join(root, 'examples')).map(name => `examples/${name}/README.md`)
].filter(name => name.endsWith('.md'))

describe('generated documentation', async () => {
  const pages = await generatedPages()
  it.each([...pages])('%s is fresh', (path, text) => {
    const file = join(root, path)
    const stored = existsSync(file) ? readFileSync(file, 'utf8') : ''
    if (stored !== text && !ci) writeFileSync(file, text)
    expect(
      stored === text,
      `${path} was stale and has been rewritten (not in CI); look at it and commit it`
    ).toBe(true)
  })
})

describe('every page', () => {
  it.each(PAGES)('%s links only to files that are there', path => {
    const broken = fileLinks(readPage(path)).filter(target => !existsSync(join(root, dirname(path), target)))
    expect(broken).toEqual([])
  })

  it.each(PAGES)('%s names only files of the project that are there', path => {
    const named = [...readPage(path).matchAll(/`((?:src|test|docs|detectors|examples|deploy)\/[\w./-]+)`/g)]
    const missing = named.map(match => match[1] ?? '').filter(target => !existsSync(join(root, target)))
    expect(missing).toEqual([])
  })

  it.each(PAGES)('%s names only scripts that package.json has', path => {
    const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> }
    const used = [...readPage(path).matchAll(/npm run (?:-s )?([\w:]+)/g)].map(match => match[1] ?? '')
    expect(used.filter(name => scripts[name] === undefined)).toEqual([])
  })

  it.each(PAGES)('%s calls only commands that there are', path => {
    const commands = readdirSync(join(root, 'src/commands')).map(name => name.replace(/\.ts$/, ''))
    const used = [...readPage(path).matchAll(/keywatch -- ([a-z]+)/g)].map(match => match[1] ?? '')
    expect(used.filter(name => !commands.includes(name))).toEqual([])
  })

  it('ARCHITECTURE.md is at most 200 lines', () => {
    expect(readPage('ARCHITECTURE.md').split('\n').length).toBeLessThanOrEqual(201)
  })
})

it('README.md shows what the first start prints', async () => {
  const { config } = loadConfig({ env: {}, catalog: await loadCatalog() })
  if (config === undefined) throw new Error('the embedded default is no valid configuration')
  expect(readPage('README.md')).toContain(examples(config, 'http://127.0.0.1:8080').trim())
})

describe('configurations in the pages', async () => {
  const catalog = await loadCatalog()
  const shown = PAGES.flatMap(path =>
    fenced(readPage(path), 'yaml')
      .filter(text => /^(sources|sinks|dataDir|listen):/m.test(text))
      .map((text, n) => [`${path} ${n + 1}`, text] as const)
  )
  it('are there', () => expect(shown.length).toBeGreaterThan(0))
  it.each(shown)('%s loads without a problem', (_, text) => {
    const env = Object.fromEntries(
      [...text.matchAll(/\$\{(\w+)\}/g)].map(match => [match[1] ?? '', 'a'.repeat(64)])
    )
    const checkWhere = (where: string) => {
      const compiled = compileWhere(where)
      return 'problem' in compiled ? compiled.problem : undefined
    }
    const loaded = loadConfig({
      path: 'shown.yml',
      env,
      catalog,
      checkWhere,
      readFile: () => Buffer.from(text)
    })
    expect((loaded.problems ?? []).map(formatProblem)).toEqual([])
  })
})

describe('error codes', () => {
  const used = new Map<string, string[]>()
  for (const [path, text] of sources(readTree())) {
    for (const [code] of text.matchAll(/\bKW_[A-Z]+(?:_[A-Z]+)*\b/g))
      used.set(code, [...(used.get(code) ?? []), path])
  }

  it('that are used are in the table, from which the reference is made', () => {
    expect([...used.keys()].filter(code => !(code in ERROR_CODES))).toEqual([])
  })

  it('that are in the table are used somewhere else', () => {
    const idle = Object.keys(ERROR_CODES).filter(
      code => !(used.get(code) ?? []).some(path => path !== 'src/core/errors.ts')
    )
    expect(idle, 'raise them where they belong, or take them out of src/core/errors.ts').toEqual([])
  })
})

describe('the journal of docs/journal-format.md', () => {
  const page = readPage('docs/journal-format.md')
  const tools = ['python3', 'zstdcat'].every(tool => spawnSync(tool, ['--version']).status === 0)
  let folder = ''
  let verifier = ''

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'keywatch-format-'))
    verifier = join(folder, 'verify.py')
    writeFileSync(verifier, fenced(page, 'python')[0] ?? '')
    if (!tools)
      process.stderr.write('LOUD SKIP: no python3 or zstdcat here; the page’s verifier does not run\n')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** What the page's verifier says of a folder, and its exit code. */
  const ask = (path: string) => {
    const { status, stdout } = spawnSync('python3', [verifier, path], { encoding: 'utf8' })
    return { status, said: stdout.trim() }
  }

  it('is intact to our own verifier, signature and all', async () => {
    const publicKey = readFileSync(join(EXAMPLE, 'checkpoint.pub'), 'utf8')
    const verdict = await verifyJournal(EXAMPLE, { publicKey })
    expect(verdict).toMatchObject({ status: 'intact', entries: 4, checkpoints: 1, problems: [] })
  })

  it('is what today’s writer writes, but for the id that it draws', async () => {
    const today = join(folder, 'today')
    await writeExample(today)
    const id = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
    const masked = (path: string, name: string) =>
      readFileSync(join(path, name), 'utf8')
        .replaceAll(id, 'ID')
        .replaceAll(/[0-9a-f]{64}/g, 'HASH')
    expect(masked(today, '0000000001.ndjson')).toBe(masked(EXAMPLE, '0000000001.ndjson'))
    expect(readdirSync(today).sort()).toEqual(readdirSync(EXAMPLE).sort())
  })

  it('has control lines that today’s writer would write byte for byte', () => {
    const lines = readFileSync(join(EXAMPLE, '0000000001.ndjson'), 'utf8').split('\n')
    const header = parseControl(Buffer.from(`${lines[0]}\n`))
    const commit = parseControl(Buffer.from(`${lines[2]}\n`))
    if (header?.kind !== 'segment' || commit?.kind !== 'commit')
      throw new Error('not the lines that the page shows')
    const {
      keywatch: _k,
      version: _v,
      hash: _h,
      ...members
    } = JSON.parse(lines[0] ?? '') as typeof header.header & Record<'keywatch' | 'version' | 'hash', unknown>
    expect(encodeHeader(members).line.toString()).toBe(`${lines[0]}\n`)
    const {
      keywatch: _k2,
      hash: _h2,
      ...rest
    } = JSON.parse(lines[2] ?? '') as typeof commit.commit & Record<'keywatch' | 'hash', unknown>
    expect(encodeCommit(header.hash, Buffer.from(`${lines[1]}\n`), rest).line.toString()).toBe(
      `${lines[2]}\n`
    )
  })

  it.runIf(tools)('is intact to the verifier of the page', () => {
    expect(ask(EXAMPLE)).toEqual({ status: 0, said: expect.stringMatching(/^intact: 4 entries/) })
  })

  it.runIf(tools)('is broken to the verifier of the page wherever a byte of it was flipped', () => {
    const copy = join(folder, 'flipped')
    for (const name of ['0000000000.ndjson.zst', '0000000001.ndjson']) {
      const bytes = readFileSync(join(EXAMPLE, name))
      for (let at = 3; at < bytes.length; at += 61) {
        cpSync(EXAMPLE, copy, { recursive: true })
        const flipped = Buffer.from(bytes)
        flipped[at] = (flipped[at] ?? 0) ^ 0x04
        writeFileSync(join(copy, name), flipped)
        expect(ask(copy).status, `${name} byte ${at}`).toBe(1)
      }
      cpSync(EXAMPLE, copy, { recursive: true })
    }
  })

  it.runIf(tools)('shows a cut-off end only with its checkpoint, as the page says', () => {
    const copy = join(folder, 'cut')
    cpSync(EXAMPLE, copy, { recursive: true })
    rmSync(join(copy, '0000000001.ndjson'))
    expect(ask(copy)).toEqual({ status: 1, said: expect.stringContaining('cut off or rewritten') })
    rmSync(join(copy, 'checkpoints.ndjson'))
    expect(ask(copy)).toEqual({ status: 0, said: expect.stringMatching(/^intact: 3 entries/) })
  })

  it.runIf(tools)(
    'is verified by the page’s verifier also when it is larger, and was just written',
    async () => {
      const path = join(folder, 'large')
      const journal = await openTestJournal(realDisk, path, { segmentBytes: 64 * 1024 })
      for (let n = 0; n < 40; n++)
        await journal.append(Array.from({ length: 10 }, (_, i) => numbered(n * 10 + i, 500)))
      await journal.idle()
      await journal.close()
      expect(readdirSync(path).filter(name => name.endsWith('.zst')).length).toBeGreaterThan(2)
      expect(ask(path)).toEqual({ status: 0, said: expect.stringMatching(/^intact: 400 entries/) })
      expect((await verifyJournal(path)).status).toBe('intact')
    }
  )

  it.runIf(tools && spawnSync('openssl', ['version']).status === 0)(
    'has a signature that openssl accepts',
    () => {
      const copy = join(folder, 'signed')
      cpSync(EXAMPLE, copy, { recursive: true })
      const script = fenced(page, 'sh').find(text => text.includes('pkeyutl')) ?? ''
      expect(execFileSync('bash', ['-euc', script], { cwd: copy, encoding: 'utf8' })).toContain('Verified')
    }
  )
})
