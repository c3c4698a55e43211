/**
 * A real `keywatch start` as a child process, and what it cost: CPU of all its threads from /proc/<pid>/stat, memory from
 * /proc/<pid>/status (proc(5)). Its options are pinned, so that a changed default changes no figure unnoticed.
 * Durability is not an option: a 2xx always follows the fsync. Index and detectors are on.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/keywatch.mjs', import.meta.url))
const READY_MS_MAX = 60_000
const DRAIN_MS_MAX = 600_000
const POLL_MS = 200

export const HOOK_SECRET = 'whsec_bench'

/** Children that are alive: none may outlive the benchmark, however it ends. */
const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Starts a script of ours with Node; it is killed at the latest when this process ends. */
export function spawnScript(args: readonly string[]): ChildProcess {
  const env = { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], NODE_ENV: 'production' }
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** The first line that a child prints, or an error if it ends before. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new TypeError('a child without stdout')
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('exit', code => reject(new Error(`it ended with ${code}`)))
  })
}

/** Asks a child to end, and waits until it has. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

/** False where there is no /proc: then there are no figures. */
export const canMeasure = existsSync('/proc/self/stat')

/** Of the fields of /proc/<pid>/stat; 100 on every Linux that anyone has seen for long. */
function readTicks(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  } catch {
    return 100
  }
}
const ticksPerSecond = canMeasure ? readTicks() : 100

/** User and system time of all threads of a process so far, in seconds. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name, field 2, may hold anything but ends with the last parenthesis; utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

function memoryMiBOf(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(found?.[1] ?? Number.NaN) / 1024
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (typeof address !== 'object' || address === null) throw new TypeError('no port')
  return address.port
}

const configOf = (folder: string, port: number, sinks: string) => `dataDir: ${join(folder, 'data')}
listen: { http: '127.0.0.1:${port}', otlp: false }
log: { level: warn }
journal: { segmentSize: 64MiB, segmentAge: 24h, checkpointInterval: 5m, compress: true }
store: { memory: 192MiB, threads: 2, flushInterval: 1s }
limits: { pendingBytes: 64MiB, deliveries: 100000 }
detectors: { paths: [builtin] }
calendar: { timezone: UTC, workdays: mon-fri, hours: '08:00-19:00' }
sources:
  edge: { type: access-log }
  doppler: { type: doppler, secret: ${HOOK_SECRET} }
sinks: {${sinks}}
`

interface Status {
  readonly journals: { readonly events: { readonly entries: number } }
  readonly derive: { readonly index: number; readonly detect: number }
  readonly sinks: readonly {
    readonly lag: { readonly events: number; readonly findings: number }
    readonly deadLetters: number
  }[]
}

export interface Keywatch {
  readonly url: string
  /** From spawn to the first 200 of /readyz. */
  readonly readyMs: number
  cpuSeconds(): number
  rssMiB(): number
  peakMiB(): number
  /** Entries of the events journal. */
  events(): Promise<number>
  /** Resolves when index, detectors and sinks have everything. Rejects if a sink gave an entry up. */
  drained(): Promise<void>
  stop(): Promise<void>
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + READY_MS_MAX
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`keywatch start ended with ${child.exitCode}`)
    try {
      const response = await fetch(`${url}/readyz`)
      await response.arrayBuffer()
      if (response.status === 200) return
    } catch {
      // Nobody listens yet.
    }
    await sleep(5)
  }
  throw new Error('keywatch is not ready within a minute')
}

/** Starts Keywatch with its data in `folder`. `sinks`: YAML in flow form. Stop it before removing the folder. */
export async function startKeywatch(folder: string, sinks = ''): Promise<Keywatch> {
  const port = await freePort()
  const config = join(folder, 'keywatch.yml')
  await mkdir(folder, { recursive: true })
  await writeFile(config, configOf(folder, port, sinks))
  const url = `http://127.0.0.1:${port}`
  const spawned = performance.now()
  const child = spawnScript([
    '--max-semi-space-size=64',
    '--no-allocation-site-pretenuring',
    MAIN,
    'start',
    '--json',
    '--config',
    config
  ])
  child.stdout?.resume()
  await untilReady(url, child)
  const readyMs = performance.now() - spawned
  const pid = child.pid ?? 0
  const status = async () => (await (await fetch(`${url}/api/v1/status`)).json()) as Status
  return {
    url,
    readyMs,
    cpuSeconds: () => cpuSecondsOf(pid),
    rssMiB: () => memoryMiBOf(pid, 'VmRSS'),
    peakMiB: () => memoryMiBOf(pid, 'VmHWM'),
    events: async () => (await status()).journals.events.entries,
    async drained() {
      const deadline = performance.now() + DRAIN_MS_MAX
      while (performance.now() < deadline) {
        const { derive, sinks: states } = await status()
        const lags = states.map(({ lag }) => lag.events + lag.findings)
        if (states.some(({ deadLetters }) => deadLetters > 0)) throw new Error('a sink has dead letters')
        if (derive.index + derive.detect + lags.reduce((sum, lag) => sum + lag, 0) === 0) return
        await sleep(POLL_MS)
      }
      throw new Error('keywatch has not drained within ten minutes')
    },
    stop: () => end(child)
  }
}
