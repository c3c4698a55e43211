/**
 * What all subcommands share: configuration or its problems, the way to a running Keywatch, and output that a
 * hostile event cannot turn into terminal commands. Exit codes: 0 right, 1 wrong, 2 unusable.
 */
import { readdir } from 'node:fs/promises'
import { Command } from 'commander'
import { type Catalog, loadCatalog } from './catalog.ts'
import { type Environment, environment, resolveConfigPath } from './config/environment.ts'
import { loadConfig } from './config/load.ts'
import { formatProblem } from './config/problem.ts'
import type { Config } from './config/schema.ts'
import { KeywatchError, reasonOf } from './core/errors.ts'
import { compileWhere } from './lib/where.ts'

export interface CommonFlags {
  readonly config?: string
  readonly json?: boolean
}

/** The subcommand that is asked for; all of them for help or an unknown name. One that is not asked for costs nothing. */
export async function loadCommands(asked: string | undefined): Promise<Command[]> {
  const folder = new URL('./commands/', import.meta.url)
  const files = (await readdir(folder)).filter(name => name.endsWith('.ts')).sort()
  const wanted = files.includes(`${asked}.ts`) ? [`${asked}.ts`] : files
  const modules = await Promise.all(
    wanted.map(name => import(new URL(name, folder).href) as Promise<{ default: Command }>)
  )
  return modules.map(module => module.default)
}

/** A subcommand with the options that every one has. */
export const command = (name: string, description: string): Command =>
  withArguments(name)
    .description(description)
    .option('--config <file>', 'configuration file (default: ./keywatch.yml, or KEYWATCH_CONFIG)')
    .option('--json', 'machine-readable output')

export interface Loaded {
  readonly config: Config
  readonly catalog: Catalog
  readonly environment: Environment
  /** The file that was read; undefined for the embedded default. */
  readonly path: string | undefined
}

/** The configuration; its problems go to stderr and the command ends with 2. */
export async function load(flags: CommonFlags): Promise<Loaded | undefined> {
  const env = environment()
  const catalog = await loadCatalog()
  const path = resolveConfigPath(flags.config, env.variables)
  const checkWhere = (text: string) => {
    const compiled = compileWhere(text)
    return 'problem' in compiled ? compiled.problem : undefined
  }
  const loaded = loadConfig({ path, env: env.variables, catalog, checkWhere })
  if (loaded.config) return { config: loaded.config, catalog, environment: env, path }
  if (flags.json) print(JSON.stringify({ problems: loaded.problems }))
  process.stderr.write(`${loaded.problems.map(formatProblem).join('\n')}\n`)
  process.exitCode = 2
  return undefined
}

export const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** Ends the command with 2 and one sentence on stderr. */
export function unusable(message: string): void {
  process.stderr.write(`keywatch: ${message}\n`)
  process.exitCode = 2
}

/** Text of an event for a terminal: control and direction characters are shown, never obeyed. */
export const plain = (text: string): string =>
  text.replace(
    /[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
  )

/** The running Keywatch that this configuration describes. The token comes from KEYWATCH_TOKEN. */
export interface Client {
  get(path: string, signal?: AbortSignal): Promise<Response>
  post(path: string, body: unknown): Promise<Response>
}

export function client({ config, environment: env }: Loaded, url?: string): Client {
  const { host, port } = config.listen.http
  const base = url ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  const token = env.variables['KEYWATCH_TOKEN']
  const headers = {
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    'content-type': 'application/json'
  }
  const call = async (path: string, init: RequestInit): Promise<Response> => {
    let response: Response
    try {
      response = await fetch(new URL(path, base), { ...init, headers })
    } catch (error) {
      throw new KeywatchError(
        'KW_NOT_FOUND',
        `no Keywatch answers at ${base} (${reasonOf(error)}); is it running?`,
        { cause: error }
      )
    }
    if (response.ok) return response
    const message = await errorMessage(response)
    throw new KeywatchError('KW_QUERY_INVALID', `${response.status}: ${message}`)
  }
  return {
    get: (path, signal) => call(path, signal ? { signal } : {}),
    post: (path, body) => call(path, { method: 'POST', body: JSON.stringify(body) })
  }
}

async function errorMessage(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as { error?: { message?: unknown } }
    return plain(String(body.error?.message ?? 'no reason given'))
  } catch {
    return 'the answer cannot be read'
  }
}

function withArguments(name: string): Command {
  const [bare, ...parameters] = name.split(' ')
  const made = new Command(bare)
  for (const parameter of parameters) made.argument(parameter)
  return made
}
