/**
 * `keywatch replay`: rebuilds what can be rebuilt from the journal. Always the index; with `--detect` also the
 * findings, by running today's detectors over all history into a fresh findings journal. The old one is set
 * aside, never deleted, and compared.
 */
import { rename } from 'node:fs/promises'
import { command, load, print, unusable } from '../cli.ts'
import { KeywatchError } from '../core/errors.ts'
import type { Journal } from '../core/ports.ts'
import { createDerive } from '../derive.ts'
import { lockFolder } from '../journal/lock.ts'
import { systemClock } from '../lib/clock.ts'
import { realDisk } from '../lib/disk.ts'
import { journalFolder, openDetectors, openJournal, openRedactor, openStore, snapshotPath } from '../parts.ts'
import { progressBar } from '../progress.ts'
import { stateFile } from '../state-file.ts'
import { createLog } from '../telemetry.ts'

const metrics = { count: () => undefined, gauge: () => undefined, observe: () => undefined }

async function ids(journal: Journal): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const batch of journal.read(null))
    for (const { event } of batch.entries) found.add(event.metadata.uid)
  return found
}

export default command('replay', 'rebuild the index (and, with --detect, the findings) from the journal')
  .option('--detect', 'run the detectors over all history again')
  .action(async flags => {
    const loaded = await load(flags)
    if (loaded === undefined) return
    const { config } = loaded
    await realDisk.makeFolder(config.dataDir)
    let lock: ReturnType<typeof lockFolder>
    try {
      lock = lockFolder(config.dataDir)
    } catch (error) {
      if (error instanceof KeywatchError) return unusable(`${error.message}; stop Keywatch first`)
      throw error
    }
    try {
      const redactor = await openRedactor(config, realDisk, systemClock)
      const log = createLog('warn', text => redactor.text(text))
      const parts = { config, disk: realDisk, clock: systemClock, log, metrics }
      const snapshot = stateFile(realDisk, snapshotPath(config.dataDir), log)
      let before: Set<string> | undefined
      if (flags.detect) {
        const old = await openJournal(parts, 'findings')
        before = await ids(old)
        await old.close()
        const folder = journalFolder(config.dataDir, 'findings')
        await rename(
          folder,
          `${folder}.before-${new Date(systemClock.now()).toISOString().replaceAll(':', '')}`
        )
        await snapshot.remove()
      }
      const [events, findings, store, engine] = await Promise.all([
        openJournal(parts, 'events'),
        openJournal(parts, 'findings'),
        openStore(parts),
        openDetectors(parts)
      ])
      await store.clear()
      const bar = progressBar('replay', 'entries')
      const span = async <T>(_name: string, _attributes: object, run: () => Promise<T>) => {
        const result = await run()
        bar.update(events.size() - events.lag(store.cursor('events')), events.size())
        return result
      }
      const derive = createDerive({
        events,
        findings,
        store,
        engine,
        snapshot,
        snapshotEveryMs: Number.POSITIVE_INFINITY,
        metrics,
        clock: systemClock,
        log,
        span
      })
      await derive.catchUp()
      bar.stop()
      const after = before && (await ids(findings))
      const compared = before &&
        after && {
          equal: [...after].filter(id => before.has(id)).length,
          new: [...after].filter(id => !before.has(id)).length,
          gone: [...before].filter(id => !after.has(id)).length
        }
      const summary = { events: events.size(), findings: findings.size(), ...(compared && { compared }) }
      if (flags.json) print(JSON.stringify(summary))
      else {
        print(`replayed ${summary.events} events, ${summary.findings} findings`)
        if (compared) print(`findings: ${compared.equal} equal, ${compared.new} new, ${compared.gone} gone`)
      }
      await store.close()
      await Promise.all([events.close(), findings.close()])
    } finally {
      lock.release()
    }
  })
