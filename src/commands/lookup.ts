/**
 * `keywatch lookup`: where a secret was seen. The secret comes from stdin, never from the command line, where
 * other users and the shell's history would see it.
 */
import { client, command, load, plain, print, unusable } from '../cli.ts'
import type { OcsfEvent } from '../core/event.ts'
import { eventLine } from '../event-line.ts'

const SECRET_BYTES_MAX = 64 * 1024

interface Answer {
  readonly fingerprints: readonly string[]
  readonly items: readonly {
    fingerprint: string
    types: string[]
    events: number
    presented: number
    exposed: number
    firstSeen: number
    lastSeen: number
    servers: string[]
    actors: string[]
    ips: string[]
  }[]
  readonly events: readonly OcsfEvent[]
}

async function readSecret(): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of process.stdin) {
    const part = Buffer.from(chunk)
    bytes += part.length
    if (bytes > SECRET_BYTES_MAX) return ''
    chunks.push(part)
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
}

export default command('lookup', 'say where a secret (given on stdin) was seen; exit 1 if nowhere')
  .option('--url <url>', 'address of the running Keywatch (default: listen.http)')
  .action(async flags => {
    const loaded = await load(flags)
    if (loaded === undefined) return
    if (process.stdin.isTTY) process.stderr.write('Paste the secret, then press Ctrl-D:\n')
    const secret = await readSecret()
    if (secret === '') return unusable('no secret on stdin (at most 64 KiB)')
    const response = await client(loaded, flags.url).post('/api/v1/credentials/lookup', { secret })
    const answer = (await response.json()) as Answer
    if (answer.items.length === 0) process.exitCode = 1
    if (flags.json) return print(JSON.stringify(answer))
    print(`fingerprint ${answer.fingerprints.join(' ')}`)
    if (answer.items.length === 0) return print('never seen')
    for (const item of answer.items) {
      const when = (ms: number) => new Date(ms).toISOString()
      print(
        `${item.types.join(', ')}: ${item.events} events (${item.presented} presented, ${item.exposed} exposed), ${when(item.firstSeen)} to ${when(item.lastSeen)}`
      )
      print(
        plain(
          `servers: ${item.servers.join(', ') || '-'}   actors: ${item.actors.join(', ') || '-'}   addresses: ${item.ips.join(', ') || '-'}`
        )
      )
    }
    for (const event of answer.events) print(eventLine(event))
  })
