/** `keywatch search`: events (or findings) of a running Keywatch, newest first. */
import { client, command, load, print } from '../cli.ts'
import type { OcsfEvent } from '../core/event.ts'
import { eventLine } from '../event-line.ts'

const FILTERS = [
  'from',
  'to',
  'class',
  'actor',
  'server',
  'ip',
  'source',
  'action',
  'secret',
  'status',
  'text'
] as const

interface Page {
  readonly items: readonly OcsfEvent[]
  readonly next: string | null
}

const search = command('search', 'find events, newest first')
  .option('--url <url>', 'address of the running Keywatch (default: listen.http)')
  .option('--credential <fingerprint...>', 'events that list this fingerprint')
  .option('--findings', 'search findings instead (filters: from, to, rule, level)')
  .option('--rule <id>', 'findings of this detector')
  .option('--level <level>', 'findings of this level')
  .option('--limit <n>', 'how many at most', '50')
for (const name of FILTERS) search.option(`--${name} <value>`, `filter: ${name}`)

export default search.action(async flags => {
  const loaded = await load(flags)
  if (loaded === undefined) return
  const query = new URLSearchParams()
  for (const name of flags.findings ? ['from', 'to', 'rule', 'level'] : FILTERS) {
    if (flags[name] !== undefined) query.set(name, String(flags[name]))
  }
  for (const fingerprint of flags.credential ?? []) query.append('credential', fingerprint)
  let left = Number(flags.limit)
  const api = client(loaded, flags.url)
  let found = 0
  while (left > 0) {
    query.set('limit', String(Math.min(left, loaded.config.limits.page)))
    const page = (await (
      await api.get(`/api/v1/${flags.findings ? 'findings' : 'events'}?${query}`)
    ).json()) as Page
    for (const event of page.items) print(flags.json ? JSON.stringify(event) : eventLine(event))
    found += page.items.length
    left -= page.items.length
    if (page.next === null) break
    query.set('cursor', page.next)
  }
  if (found === 0) process.exitCode = 1
})
