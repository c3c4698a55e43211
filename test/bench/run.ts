/**
 * `npm run bench [-- names] [--quick] [--seconds N] [--dir FOLDER]`: runs the benchmarks and prints one table. Names:
 * pipeline (or pipeline/ndjson, /array, /single, /doppler, /sinks), startup (or startup/empty, /journal), and the scripts
 * beside this file: redact, otlp, access-log, store. Figures only: nothing fails by a time.
 */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { canMeasure } from './keywatch-process.ts'
import { CONNECTIONS, hasWrk } from './load.ts'
import { MODES, runMode } from './pipeline.ts'
import { startupEmpty, startupFull } from './startup.ts'
import { type Row, tableOf } from './table.ts'
import { prepareWorkload, type Workload } from './workload.ts'

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    /** Where data folders go: another disk than that of the system's temporary folder. */
    dir: { type: 'string', default: tmpdir() }
  }
})
const SECONDS = Number(flags.seconds ?? (flags.quick ? 3 : 10))
const JOURNAL_MB = flags.quick ? 100 : 1000

/** Scripts that print for themselves, with their arguments for `--quick`. */
const SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  redact: [],
  otlp: [],
  'access-log': [],
  store: ['200000']
}
const NAMES = [
  ...Object.keys(MODES).map(mode => `pipeline/${mode}`),
  'startup/empty',
  'startup/journal',
  ...Object.keys(SCRIPTS)
]

/** Everything if nothing is named; a name stands for all below it. */
function chosen(): string[] {
  const fits = (name: string) =>
    positionals.length === 0 || positionals.some(one => name === one || name.startsWith(`${one}/`))
  return NAMES.filter(fits)
}

function runScript(name: string): Promise<void> {
  const path = fileURLToPath(new URL(`${name}.ts`, import.meta.url))
  const args = flags.quick ? (SCRIPTS[name] ?? []) : []
  console.log(`\n== ${name}`)
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
    child.once('error', reject)
    child.once('exit', code => {
      if (code !== 0) {
        console.error(`${name} ended with ${code}`)
        process.exitCode = 1
      }
      resolve()
    })
  })
}

async function runMeasured(names: readonly string[]): Promise<Row[]> {
  if (!canMeasure) {
    console.error('pipeline and startup read /proc, which only Linux has: left out')
    return []
  }
  const folder = await mkdtemp(join(flags.dir, 'keywatch-bench-'))
  // However it ends: a gigabyte of journal is nothing to leave behind.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const rows: Row[] = []
  let workload: Workload | undefined
  for (const name of names) {
    console.error(`running ${name}…`)
    const [group, mode = ''] = name.split('/')
    if (group === 'pipeline') {
      workload ??= await prepareWorkload(join(folder, 'workload'))
      rows.push(await runMode(mode, { workload, folder, seconds: SECONDS }))
    } else if (mode === 'empty') rows.push(await startupEmpty(folder))
    else rows.push(...(await startupFull(folder, JOURNAL_MB)))
  }
  if (workload)
    console.log(
      `Events of ${workload.bytesPerEvent.toFixed(0)} B (${workload.origin} workload), ${CONNECTIONS} connections, fsync before every 2xx, index and detectors on.`
    )
  return rows
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

const names = chosen()
const unknown = positionals.filter(one => !names.some(name => name === one || name.startsWith(`${one}/`)))
if (unknown.length > 0) {
  console.error(`no benchmark is called ${unknown.join(', ')}; there are: ${NAMES.join(', ')}`)
  process.exitCode = 2
} else {
  console.log(
    `Keywatch benchmarks: Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}, data in ${flags.dir}, wrk ${hasWrk ? 'found' : 'not found: Node sends'}`
  )
  const isScript = (name: string) => name in SCRIPTS
  const measured = names.filter(name => !isScript(name))
  if (measured.length > 0) {
    const rows = await runMeasured(measured)
    console.log(`CPU is that of the whole Keywatch process, its drain included.\n`)
    for (const line of tableOf(rows)) console.log(line)
  }
  for (const name of names.filter(isScript)) await runScript(name)
}
