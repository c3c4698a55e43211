/**
 * The workload that speed is quoted for: MCP gateway events of about 690 bytes, a credential in every one, 2,000 distinct
 * ones, 64 bodies of each kind. Made by the shared script where it lies beside the project (../shared/bench/gen.py)
 * and Python is there; else by the built-in generator, which draws the same shape from its own seed.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Random } from '../../src/traffic/random.ts'

const SHARED = fileURLToPath(new URL('../../../shared/bench/', import.meta.url))
export const POST_LUA = join(SHARED, 'post.lua')
const BODIES = 64
const LINES = 100
const CREDENTIALS = 2000

/** `nd`: 100 lines; `ar`: an array of 100; `one`: one event. As the files are called. */
export type Kind = 'nd' | 'ar' | 'one'

export interface Workload {
  /** Where it comes from, for the table. */
  readonly origin: 'shared' | 'built-in'
  /** Folder of `nd00`…`nd63`, `ar00`…, `one00`…. */
  readonly folder: string
  readonly bytesPerEvent: number
  bodies(kind: Kind): Promise<Buffer[]>
}

const TOOLS = [
  'github.create_issue',
  'slack.post_message',
  'postgres.query',
  'jira.search',
  'fs.read_file',
  'aws.s3_get'
]
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

function credentialOf(i: number, random: Random): string {
  switch (i % 5) {
    case 0: {
      const claims = { sub: `user${i}@example.com`, exp: 1_767_225_600 + i, aud: 'mcp' }
      return `Bearer ${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${random.text(64)}`
    }
    case 1:
      return `Bearer ghp_${random.text(36)}`
    case 2:
      return `Bearer sk_live_${random.text(32)}`
    case 3:
      return `Bearer xoxb-${random.digits(12)}-${random.text(24)}`
    default:
      return `Basic ${Buffer.from(`svc${i}:${random.text(20)}`).toString('base64')}`
  }
}

const two = (value: number) => String(value % 60).padStart(2, '0')

function eventOf(i: number, random: Random, authorization: string): string {
  const tool = TOOLS[i % TOOLS.length] ?? ''
  const status = random.pick([...Array<number>(17).fill(200), 401, 403, 500])
  const path = i % 10 === 0 ? `/mcp/sse?access_token=${random.text(32)}&session=${random.text(12)}` : '/mcp'
  const leak = i % 20 === 0 ? ` upstream said: invalid key AKIA${random.text(16, UPPER)}` : ''
  const ms = random.between(2, 900)
  return JSON.stringify({
    time: `2026-11-22T04:${two(Math.floor(i / 60))}:${two(i)}.${String(i % 1000).padStart(3, '0')}Z`,
    msg: `POST tools/call ${tool} -> ${status} in ${ms}ms${leak}`,
    request: {
      id: random.text(16),
      method: 'POST',
      path,
      remote_addr: `10.${i % 256}.${Math.floor(i / 256) % 256}.7`,
      user_agent: `claude-code/1.0.${i % 50} (node 20)`,
      headers: {
        host: `mcp-${i % 60}.internal`,
        authorization,
        'content-type': 'application/json',
        'mcp-session-id': random.text(24),
        'x-forwarded-for': `203.0.113.${i % 250}`
      }
    },
    response: { status, bytes: random.between(100, 90_000), duration_ms: ms },
    mcp: { server: `mcp-${i % 60}`, method: 'tools/call', tool, jsonrpc_id: i, client: `agent-${i % 200}` },
    actor: { user: `user${i % 200}@example.com`, team: `team-${i % 12}` }
  })
}

async function writeBuiltIn(folder: string): Promise<void> {
  const random = new Random('keywatch/bench')
  const credentials = Array.from({ length: CREDENTIALS }, (_, i) => credentialOf(i, random))
  // Some credentials are used far more than others, as by a Pareto distribution of shape 0.8.
  const next = () =>
    credentials[Math.floor((1 - random.next()) ** (-1 / 0.8)) % CREDENTIALS] ?? credentials[0] ?? ''
  for (let k = 0; k < BODIES; k++) {
    const lines = Array.from({ length: LINES }, (_, i) => eventOf(k * LINES + i, random, next()))
    await writeFile(join(folder, fileOf('nd', k)), `${lines.join('\n')}\n`)
    await writeFile(join(folder, fileOf('ar', k)), `[${lines.join(',')}]`)
    await writeFile(join(folder, fileOf('one', k)), lines[0] ?? '')
  }
}

const fileOf = (kind: Kind, k: number) => `${kind}${String(k).padStart(2, '0')}`

/** Writes the bodies below `folder`. */
export async function prepareWorkload(folder: string): Promise<Workload> {
  const script = join(SHARED, 'gen.py')
  await mkdir(folder, { recursive: true })
  const made =
    existsSync(script) &&
    spawnSync('python3', [script, String(BODIES * LINES)], { cwd: folder, stdio: 'ignore' }).status === 0
  const bodies = join(folder, 'bodies')
  if (!made) {
    await mkdir(bodies, { recursive: true })
    await writeBuiltIn(bodies)
  }
  let bytes = 0
  for (let k = 0; k < BODIES; k++) bytes += (await stat(join(bodies, fileOf('nd', k)))).size
  return {
    origin: made ? 'shared' : 'built-in',
    folder: bodies,
    bytesPerEvent: bytes / (BODIES * LINES) - 1,
    bodies: kind =>
      Promise.all(Array.from({ length: BODIES }, (_, k) => readFile(join(bodies, fileOf(kind, k)))))
  }
}

/** Doppler's webhook number `i`: no two are equal, since equal ones are one event. */
export const webhook = (i: number): string =>
  JSON.stringify({
    type: 'config.secrets.update',
    config: {
      name: 'prd',
      created_at: '2026-01-30T08:18:33.634Z',
      environment: 'prd',
      project: '714faaa5958'
    },
    project: { id: '714faaa5958', name: 'Backend', created_at: '2026-01-26T01:42:30.256Z' },
    workplace: { id: 'fcd76', name: 'Example Company', billing_email: 'billing@example.com' },
    diff: { added: [], removed: [], updated: [`SETTING_${i}`] }
  })
