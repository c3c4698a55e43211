/** `keywatch start`: the main job, until SIGINT or SIGTERM. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { command, load, print, unusable } from '../cli.ts'
import { reasonOf } from '../core/errors.ts'
import { systemClock } from '../lib/clock.ts'
import { realDisk } from '../lib/disk.ts'
import { startService } from '../service.ts'
import { examples } from '../welcome.ts'

/**
 * Start-up leaves garbage that V8 would otherwise keep as long as nothing happens (measured: 25 MB of an idle
 * process). Collected once; the function exists only under the flag, which is taken back at once.
 */
function collectStartup(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  // `last-resort` also gives back the room for young objects that start-up made V8 grow.
  if (typeof collect === 'function') collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

export default command('start', 'run Keywatch').action(async flags => {
  const loaded = await load(flags)
  if (loaded === undefined) return
  const { config, catalog, environment, path } = loaded
  const service = await startService({
    config,
    catalog,
    environment,
    clock: systemClock,
    disk: realDisk,
    random: Math.random
  })
  if (flags.json)
    print(
      JSON.stringify({ http: service.http, otlp: service.otlp, dataDir: config.dataDir, pid: process.pid })
    )
  else {
    print(
      `Keywatch is running.  Console: ${service.http}/   Data: ${config.dataDir}   Configuration: ${path ?? 'embedded default'}`
    )
    print(examples(config, service.http))
  }
  setImmediate(collectStartup)
  let stopping = false
  const stop = async (code: number) => {
    if (stopping) return
    stopping = true
    await service.stop()
    process.exit(code)
  }
  process.on('SIGINT', () => void stop(0))
  process.on('SIGTERM', () => void stop(0))
  service.failed.catch(error => {
    unusable(`stopped: ${reasonOf(error)}`)
    return stop(2)
  })
})
