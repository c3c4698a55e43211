/** Keeps the sources that pull (tails, pollers) running: one that ends or fails is started again, later each time. */
import { reasonOf } from './core/errors.ts'
import type { Clock, Log } from './core/ports.ts'
import type { Ingest, OpenSource } from './ingest.ts'

const FIRST_MS = 1000
const MOST_MS = 60_000

/** Runs until the signal aborts. */
export async function runPulls(
  sources: readonly OpenSource[],
  ingest: Ingest,
  clock: Clock,
  log: Log,
  signal: AbortSignal
): Promise<void> {
  await Promise.all(
    sources.map(async open => {
      const { pull } = open.source
      if (pull === undefined) return
      for (let wait = FIRST_MS; !signal.aborted; wait = Math.min(wait * 2, MOST_MS)) {
        const startedAt = clock.now()
        try {
          await pull.call(open.source, {
            feed: ingest.feed(open),
            mark: key => ingest.mark(open, key),
            signal
          })
        } catch (error) {
          if (!signal.aborted)
            log.error({ source: open.id, reason: reasonOf(error) }, 'a source failed and is started again')
        }
        if (clock.now() - startedAt > MOST_MS) wait = FIRST_MS
        await clock.sleep(wait, signal)
      }
    })
  )
}
