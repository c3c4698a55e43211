/** `keywatch gen` as a user runs it: to stdout, to files, and to a Keywatch that runs. */
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signedBy } from '../../src/lib/signature.ts'

const MAIN = fileURLToPath(new URL('../../src/keywatch.mjs', import.meta.url))
const START = ['--start', '2026-11-20T09:00:00Z', '--minutes', '10']
const SECRET = 'whsec_fake'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keywatch-gen-'))
})
afterAll(() => rm(folder, { recursive: true }))

const ENV = () => ({ PATH: process.env['PATH'], HOOK_SECRET: SECRET })

/** Runs the command in the temporary folder, where there is no configuration. */
function gen(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    const options = { cwd: folder, env: ENV(), maxBuffer: 1 << 28 }
    const child = execFile(process.execPath, [MAIN, 'gen', ...args], options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr })
    )
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

interface Line {
  readonly source: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

describe('keywatch gen', () => {
  it('writes {source, body} lines that are the same for the same seed and start', async () => {
    const [first, second, other] = await Promise.all([
      gen(...START),
      gen(...START),
      gen(...START, '--seed', '8')
    ])
    expect(first).toMatchObject({ code: 0, stderr: '' })
    expect(second.stdout).toBe(first.stdout)
    expect(other.stdout).not.toBe(first.stdout)
    const lines = first.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Line)
    expect(new Set(lines.map(line => line.source))).toEqual(
      new Set(['access-log', 'gateway', 'doppler', 'otlp-logs', 'otlp-traces'])
    )
    expect(lines.every(line => line.body !== '' && line.headers === undefined)).toBe(true)
  })

  it('writes one file per source, the signatures of the webhooks, and what happened', async () => {
    const out = join(folder, 'out')
    const { code, stdout } = await gen(
      ...START,
      '--out',
      out,
      '--doppler-secret-env',
      'HOOK_SECRET',
      '--json'
    )
    expect(code).toBe(0)
    const counts = (JSON.parse(stdout) as { records: Record<string, number> }).records
    expect((await readdir(out)).sort()).toEqual([
      'access.log',
      'doppler.ndjson',
      'doppler.signatures',
      'gateway.ndjson',
      'otlp-logs.json',
      'otlp-traces.json',
      'story.json'
    ])
    const linesOf = async (name: string) => (await readFile(join(out, name), 'utf8')).trim().split('\n')
    expect(await linesOf('access.log')).toHaveLength(counts['access-log'] ?? 0)
    expect(await linesOf('gateway.ndjson')).toHaveLength(counts['gateway'] ?? 0)
    for (const name of ['gateway.ndjson', 'otlp-logs.json', 'otlp-traces.json', 'doppler.ndjson'])
      for (const line of await linesOf(name)) expect(JSON.parse(line)).toBeTypeOf('object')
    const bodies = await linesOf('doppler.ndjson')
    const signatures = await linesOf('doppler.signatures')
    expect(signatures).toHaveLength(bodies.length)
    for (const [at, body] of bodies.entries())
      expect(signedBy([SECRET], Buffer.from(body), signatures[at]?.slice('sha256='.length))).toBe(true)
    const story = JSON.parse((await linesOf('story.json')).join('\n')) as { exposure: { token: string } }
    expect(await readFile(join(out, 'access.log'), 'utf8')).toContain(story.exposure.token)
  })

  it('leaves the attack out when told so', async () => {
    const { stdout } = await gen(...START, '--attack', 'off')
    for (const sign of ['access_token', 'github-mcp-svr', '198.51.100.', '203.0.113.'])
      expect(stdout).not.toContain(sign)
  })

  it.each([
    ['a number that is none', ['--minutes', 'x']],
    ['a time that is none', ['--start', 'yesterday']],
    ['an unknown word', ['--attack', 'maybe']],
    ['two places at once', ['--out', 'a', '--send']],
    ['a secret that is not there', ['--doppler-secret-env', 'NO_SUCH_NAME']],
    ['a Keywatch that is not there', ['--send', '--url', 'http://127.0.0.1:1']]
  ])('ends with 2 for %s', async (_, args) => {
    const { code, stderr } = await gen(...args)
    expect(code).toBe(2)
    expect(stderr).not.toBe('')
  })
})

describe('keywatch gen --send', () => {
  let config: string
  let stop: () => Promise<void>
  let url: string

  beforeAll(async () => {
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    config = join(folder, 'keywatch.yml')
    await writeFile(
      config,
      `dataDir: ${join(folder, 'data')}
listen: { http: '127.0.0.1:${port}', otlp: false }
log: { level: warn }
sources:
  hooks: { type: doppler, secret: '\${HOOK_SECRET}' }
  lines: { type: access-log, format: nginx-combined }
  gateway: { type: access-log }
  otlp: { type: otlp }
`
    )
    const child = spawn(process.execPath, [MAIN, 'start', '--json', '--config', config], {
      env: ENV(),
      stdio: ['ignore', 'pipe', 'inherit']
    })
    stop = () =>
      new Promise(resolve => {
        child.once('exit', () => resolve())
        child.kill('SIGTERM')
      })
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve())
      child.once('exit', code => reject(new Error(`start ended with ${code}`)))
    })
  })
  afterAll(() => stop())

  it('sends everything to the configured sources, signed, and shows where the findings are', async () => {
    const { code, stdout } = await gen(...START, '--send', '--config', config, '--json')
    const sent = JSON.parse(stdout) as Record<string, unknown> & { records: number }
    expect(sent).toMatchObject({
      accepted: sent.records,
      quarantined: 0,
      duplicates: 0,
      refused: 0,
      unsent: 0,
      findings: `${url}/api/v1/findings`
    })
    expect(code).toBe(0)
    const status = (await (await fetch(`${url}/api/v1/status`)).json()) as {
      journals: { events: { entries: number } }
    }
    expect(status.journals.events.entries).toBeGreaterThanOrEqual(sent.records)
  })

  it('ends with 1 if any of it was refused, and says with which status', async () => {
    const signed = await gen(
      ...[...START, '--send', '--config', config],
      '--doppler-secret-env',
      'PATH' // a secret, but not the right one
    )
    expect(signed.code).toBe(1)
    expect(signed.stdout).toMatch(/[1-9]\d* refused \(401\)/)
  })
})
