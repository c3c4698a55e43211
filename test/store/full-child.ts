/**
 * A process whose files may not grow past a limit for a while, as on a full disk: reports what the store did.
 * Linux only: the limit is set with prlimit(1).
 */
import { execFileSync } from 'node:child_process'
import { KeywatchError } from '../../src/core/errors.ts'
import { openDuckStore } from '../../src/store/duckdb.ts'
import { batch, entryOf } from './entries.ts'

const BYTES_MAX = 1_000_000
const [path = ''] = process.argv.slice(2)
const silent = { info: () => {}, warn: () => {}, error: () => {} }
// Without a handler the first write beyond the limit ends the process.
process.on('SIGXFSZ', () => {})
const limitFiles = (bytes: number | 'unlimited') =>
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:unlimited`])
const range = (first: number, count: number) => Array.from({ length: count }, (_, at) => entryOf(first + at))

const store = await openDuckStore({
  path,
  memoryMiB: 64,
  threads: 1,
  log: silent,
  clock: { now: () => 0, sleep: () => new Promise<void>(() => {}) }
})
const told: unknown[] = []
await store.put('events', batch(range(0, 100)))
await store.flush()
limitFiles(BYTES_MAX)
await store.put('events', batch(range(100, 30_000)))
for (let attempt = 0; attempt < 2; attempt++) {
  const outcome = await store.flush().catch((error: unknown) => error)
  told.push(outcome instanceof KeywatchError ? outcome.code : 'committed')
}
told.push(await store.rows('events'), store.cursor('events'))
limitFiles('unlimited')
await store.flush()
told.push(await store.rows('events'), store.cursor('events'))
told.push((await store.events({ server: 'github-mcp', limit: 10_000 })).length)
await store.close()
process.send?.(told)
