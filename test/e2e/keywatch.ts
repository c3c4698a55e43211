/**
 * A real Keywatch for a test: the program itself, under the Node of the repository, in a temporary folder, on free
 * loopback ports. It can be stopped, killed and started again on the same folder and address, and asked by its CLI.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const NODE = join(ROOT, 'node_modules/.bin/node')
const MAIN = join(ROOT, 'src/keywatch.mjs')
/** A start that says nothing for so long has failed; two busy cores need a few seconds. */
const START_MS = 60_000

/** What a finished process said. `code` is null if a signal ended it. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface KeywatchOptions {
  /** keywatch.yml as an object; `dataDir` and `listen` are filled in. */
  readonly config: object
  /** Default: `data` in the temporary folder. */
  readonly dataDir?: string
  readonly env?: Readonly<Record<string, string>>
}

export interface Keywatch {
  /** The temporary folder: holds keywatch.yml, and the data folder unless another was given. */
  readonly folder: string
  readonly dataDir: string
  /** Base URL of API and intake; the same after every start. */
  readonly url: string
  /** Everything that all its processes ever wrote, the commands too. */
  readonly said: { stdout: string; stderr: string }
  /** Starts it and resolves when it answers. Rejects with what it wrote if it ends instead. */
  start(): Promise<void>
  /** SIGTERM. Resolves with the exit code once the process is gone. */
  stop(): Promise<number | null>
  /** SIGKILL. Resolves once the process is gone. */
  kill(): Promise<void>
  /** Writes another keywatch.yml; the next start reads it. */
  configure(config: object): Promise<void>
  /** `keywatch <args> --config …` as a process of its own. */
  command(args: readonly string[], input?: string): Promise<Finished>
  /** Ends the process and removes the folder. */
  remove(): Promise<void>
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await new Promise(resolve => server.close(resolve))
  return port
}

const children = new Set<ChildProcess>()
// A test run that breaks off must not leave servers behind.
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

function run(args: readonly string[], folder: string, env: Readonly<Record<string, string>>): ChildProcess {
  const child = spawn(NODE, [MAIN, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, NO_COLOR: '1', ...env },
    stdio: ['pipe', 'pipe', 'pipe']
  })
  children.add(child)
  child.once('close', () => children.delete(child))
  child.stdout?.setEncoding('utf8')
  child.stderr?.setEncoding('utf8')
  return child
}

const gone = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise(resolve => child.once('close', code => resolve(code)))

/** Resolves with the first line of stdout: the address, as JSON. */
function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = ''
    let err = ''
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`Keywatch did not start:\n${err}`))
    }, START_MS)
    child.stderr?.on('data', (text: string) => {
      err += text
    })
    child.stdout?.on('data', (text: string) => {
      out += text
      if (!out.includes('\n')) return
      clearTimeout(timer)
      resolve(out.slice(0, out.indexOf('\n')))
    })
    child.once('close', code => {
      clearTimeout(timer)
      reject(new Error(`Keywatch ended with ${code} before it answered:\n${err}${out}`))
    })
  })
}

/** Makes the folder and the configuration; starts nothing. */
export async function createKeywatch(options: KeywatchOptions): Promise<Keywatch> {
  const folder = await mkdtemp(join(tmpdir(), 'keywatch-e2e-'))
  const dataDir = options.dataDir ?? join(folder, 'data')
  const [http, otlp] = [await freePort(), await freePort()]
  const file = join(folder, 'keywatch.yml')
  const said = { stdout: '', stderr: '' }
  let service: ChildProcess | undefined

  // JSON is YAML.
  const configure = (config: object) =>
    writeFile(
      file,
      JSON.stringify({
        dataDir,
        listen: { http: `127.0.0.1:${http}`, otlp: `127.0.0.1:${otlp}` },
        log: { level: 'warn' },
        ...config
      })
    )
  await configure(options.config)

  const begin = (args: readonly string[]): ChildProcess => {
    const child = run([...args, '--config', file], folder, options.env ?? {})
    child.stdout?.on('data', (text: string) => {
      said.stdout += text
    })
    child.stderr?.on('data', (text: string) => {
      said.stderr += text
    })
    return child
  }
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> => {
    const child = service
    if (child === undefined) return null
    service = undefined
    child.kill(signal)
    return gone(child)
  }

  return {
    folder,
    dataDir,
    url: `http://127.0.0.1:${http}`,
    said,
    configure,
    async start() {
      if (service !== undefined) throw new Error('it runs already')
      const child = begin(['start', '--json'])
      service = child
      child.stdin?.end()
      try {
        await firstLine(child)
      } catch (error) {
        service = undefined
        throw error
      }
    },
    stop: () => end('SIGTERM'),
    async kill() {
      await end('SIGKILL')
    },
    async command(args, input = '') {
      const child = begin(args)
      let stdout = ''
      let stderr = ''
      child.stdout?.on('data', (text: string) => {
        stdout += text
      })
      child.stderr?.on('data', (text: string) => {
        stderr += text
      })
      // A command that reads no input may be gone before it is written.
      child.stdin?.on('error', () => {})
      child.stdin?.end(input)
      return { code: await gone(child), stdout, stderr }
    },
    async remove() {
      await end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    }
  }
}
