/**
 * A process that a test kills: puts batches forever and reports each commit. With a second argument of 1 it
 * commits once and then only holds the file open.
 */
import { openDuckStore } from '../../src/store/duckdb.ts'
import { batch, entryOf } from './entries.ts'

const [path = '', hold] = process.argv.slice(2)
const silent = { info: () => {}, warn: () => {}, error: () => {} }
const store = await openDuckStore({
  path,
  memoryMiB: 64,
  threads: 1,
  log: silent,
  clock: { now: () => 0, sleep: () => new Promise<void>(() => {}) }
})
let next = await store.rows('events')
do {
  await store.put('events', batch(Array.from({ length: 500 }, (_, at) => entryOf(next + at))))
  await store.flush()
  next += 500
  process.send?.(next)
} while (hold !== '1')
// Holds on until it is killed.
setInterval(() => {}, 1000)
