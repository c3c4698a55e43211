/** `keywatch tail`: events as they become durable. */
import { client, command, load, print } from '../cli.ts'
import type { OcsfEvent } from '../core/event.ts'
import { eventLine } from '../event-line.ts'

const FILTERS = ['class', 'actor', 'server', 'ip', 'source', 'action', 'secret', 'status'] as const

const tail = command('tail', 'follow events as they arrive')
  .option('--url <url>', 'address of the running Keywatch (default: listen.http)')
  .option('--findings', 'follow findings instead')
for (const name of FILTERS) tail.option(`--${name} <value>`, `filter: ${name}`)

export default tail.action(async flags => {
  const loaded = await load(flags)
  if (loaded === undefined) return
  const query = new URLSearchParams()
  for (const name of FILTERS) if (flags[name] !== undefined) query.set(name, String(flags[name]))
  if (flags.findings) query.set('journal', 'findings')
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const response = await client(loaded, flags.url).get(`/api/v1/tail?${query}`, stop.signal)
  if (response.body === null) return
  let rest = ''
  const decoder = new TextDecoder()
  try {
    for await (const chunk of response.body) {
      rest += decoder.decode(chunk, { stream: true })
      const messages = rest.split('\n\n')
      rest = messages.pop() ?? ''
      for (const message of messages) {
        const data = message
          .split('\n')
          .filter(line => line.startsWith('data:'))
          .map(line => line.slice(5).trimStart())
          .join('\n')
        if (data === '' || !data.startsWith('{"class_uid"')) continue
        print(flags.json ? data : eventLine(JSON.parse(data) as OcsfEvent))
      }
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error
  }
})
