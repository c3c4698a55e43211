/** `keywatch dlq`: what a sink would not take: list, show, send again. Works whether Keywatch runs or not. */
import { Command } from 'commander'
import { type CommonFlags, command, load, plain, print, unusable } from '../cli.ts'
import { KeywatchError } from '../core/errors.ts'
import { createDeadLetters, type DeadLetters } from '../deliver/dead-letter.ts'
import { realDisk } from '../lib/disk.ts'

async function open(flags: CommonFlags): Promise<DeadLetters | undefined> {
  const loaded = await load(flags)
  return loaded && createDeadLetters({ disk: realDisk, dataDir: loaded.config.dataDir })
}

const ls = command('ls', 'list dead letters, oldest first; exit 1 if there is any')
  .option('--sink <id>', 'of this sink only')
  .option('--limit <n>', 'how many at most', '100')
  .action(async flags => {
    const dlq = await open(flags)
    if (dlq === undefined) return
    const { items, total } = await dlq.list({
      limit: Number(flags.limit),
      ...(flags.sink && { sink: flags.sink })
    })
    if (total > 0) process.exitCode = 1
    if (flags.json) return print(JSON.stringify({ items, total }))
    for (const { id, sink, status, attempts, last_time, event_uid, reason } of items) {
      print(
        plain(
          `${id}  ${sink}  ${status}  ${new Date(last_time).toISOString()}  ${attempts} attempts  event ${event_uid}  ${reason}`
        )
      )
    }
    print(`${total} dead letters`)
  })

const show = command('show <id>', 'show one dead letter with its event').action(
  async (id: string, flags: CommonFlags) => {
    const dlq = await open(flags)
    if (dlq === undefined) return
    const letter = await dlq.show(id)
    if (letter === undefined) return unusable('there is no such dead letter')
    print(
      flags.json
        ? JSON.stringify(letter)
        : plain(JSON.stringify(letter, null, 2).replaceAll('\n', '\v')).replaceAll('\\u000b', '\n')
    )
  }
)

/** `retry` and `drop` differ in one word. */
const request = (name: 'retry' | 'drop', description: string) =>
  command(`${name} [id]`, description)
    .option('--sink <id>', 'all of this sink')
    .action(async (id: string | undefined, flags: CommonFlags & { sink?: string }) => {
      if ((id === undefined) === (flags.sink === undefined)) return unusable('give one id, or --sink')
      const dlq = await open(flags)
      if (dlq === undefined) return
      const target = id === undefined ? { sink: flags.sink ?? '' } : { id }
      try {
        const count = await (name === 'retry' ? dlq.retry(target) : dlq.discard(target))
        if (flags.json) return print(JSON.stringify({ requested: count }))
        print(
          `${count} dead letters: ${name} asked for; the running Keywatch does it within seconds, else the next start`
        )
      } catch (error) {
        if (!(error instanceof KeywatchError)) throw error
        unusable(error.message)
      }
    })

export default new Command('dlq')
  .description('dead letters: what a sink would not take')
  .addCommand(ls)
  .addCommand(show)
  .addCommand(request('retry', 'send one again, or all of a sink'))
  .addCommand(request('drop', 'forget one, or all of a sink'))
