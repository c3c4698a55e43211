/**
 * Who sends? wrk with the shared script where both are there, else Node: some connections, each sending its next request
 * when the last one was answered. The sender's CPU is nobody's figure, only Keywatch's own is.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { POST_LUA } from './workload.ts'

export interface Loaded {
  readonly by: 'wrk' | 'node'
  readonly seconds: number
  /** Answers that were no 2xx. */
  readonly refused: number
}

export const CONNECTIONS = 8

export const hasWrk = existsSync(POST_LUA) && spawnSync('wrk', ['--version']).error === undefined

/** Sends the 64 bodies of a kind in turn, for some seconds. */
export function loadWithWrk(
  url: string,
  folder: string,
  kind: string,
  contentType: string,
  seconds: number
): Promise<Loaded> {
  const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', POST_LUA, url, '--', kind, contentType]
  const env = { PATH: process.env['PATH'], BODIES: folder }
  return new Promise((resolve, reject) => {
    const child = spawn('wrk', args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    child.once('error', reject)
    child.once('exit', code => {
      if (code !== 0) return reject(new Error(`wrk ended with ${code}`))
      const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0)
      const broken = /Socket errors: .*/.exec(output)?.[0]
      if (broken !== undefined) process.stderr.write(`wrk: ${broken}\n`)
      resolve({ by: 'wrk', seconds, refused })
    })
  })
}

export interface Message {
  readonly body: Buffer
  readonly headers: Readonly<Record<string, string>>
}

function post(url: string, agent: Agent, { body, headers }: Message): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', agent, headers: { ...headers, 'content-length': body.length } },
      response => {
        response.resume()
        response.once('end', () => resolve(response.statusCode ?? 0))
        response.once('error', reject)
      }
    )
    sent.once('error', reject)
    sent.end(body)
  })
}

/** Sends message 0, 1, 2… for some seconds. */
export async function loadWithNode(
  url: string,
  message: (i: number) => Message,
  seconds: number
): Promise<Loaded> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const until = performance.now() + seconds * 1000
  let next = 0
  let refused = 0
  const connection = async () => {
    while (performance.now() < until) {
      const status = await post(url, agent, message(next++))
      if (status < 200 || status > 299) refused++
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, connection))
  agent.destroy()
  return { by: 'node', seconds, refused }
}
