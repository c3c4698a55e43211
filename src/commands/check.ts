/** `keywatch check`: is the configuration right, and do all detectors load? Exit 0, or 1 with every problem. */
import { command, load, print } from '../cli.ts'
import { openDetectors } from '../parts.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

export default command(
  'check',
  'check the configuration and the detectors; exit 1 if anything is wrong'
).action(async flags => {
  const loaded = await load(flags)
  if (loaded === undefined) {
    process.exitCode = 1
    return
  }
  const { config, path } = loaded
  const engine = await openDetectors({ config, log: silent })
  const { detectors, problems } = engine
  if (flags.json)
    print(
      JSON.stringify({
        file: path ?? null,
        sources: [...config.sources.keys()],
        sinks: [...config.sinks.keys()],
        detectors: detectors.length,
        problems
      })
    )
  else {
    for (const { file, line, column, message } of problems) print(`${file}:${line}:${column} ${message}`)
    print(
      `${path ?? 'embedded default'}: ${config.sources.size} sources, ${config.sinks.size} sinks, ${detectors.length} detectors, ${problems.length} problems`
    )
  }
  if (problems.length > 0) process.exitCode = 1
})
