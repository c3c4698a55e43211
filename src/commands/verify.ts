/** `keywatch verify`: a second opinion on the journals. Exit 0 intact, 1 broken (with the place), 2 unreadable. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { command, load, plain, print } from '../cli.ts'
import { type Verdict, verifyJournal } from '../journal/verify.ts'
import { JOURNALS, journalFolder, keysFolder } from '../parts.ts'
import { progressBar } from '../progress.ts'

function describe(name: string, verdict: Verdict): string[] {
  const { status, entries, commits, segments, bytes, checkpoints } = verdict
  const lines = [
    `${name}: ${status}, ${entries} entries in ${commits} commits, ${segments} segments, ${bytes} bytes, ${checkpoints} signed checkpoints fit`
  ]
  for (const { file, offset, lastGood, what } of verdict.problems)
    lines.push(
      `  ${file} at byte ${offset}: ${what} (last proven entry: ${lastGood < 0 ? 'none' : lastGood})`
    )
  for (const note of verdict.notes) lines.push(`  ${note}`)
  return lines.map(plain)
}

export default command('verify', 'check every byte of the journals; exit 1 if anything was changed')
  .option('--data <folder>', 'data folder (default: dataDir of the configuration)')
  .option(
    '--public-key <file>',
    'verifier key of the checkpoints (default: keys/checkpoint.pub in the data folder)'
  )
  .action(async flags => {
    const dataDir: string | undefined = flags.data ?? (await load(flags))?.config.dataDir
    if (dataDir === undefined) return
    const keyFile: string = flags.publicKey ?? join(keysFolder(dataDir), 'checkpoint.pub')
    const publicKey = await readFile(keyFile, 'utf8').catch(() => undefined)
    const verdicts: Record<string, Verdict> = {}
    let code = 0
    for (const name of JOURNALS) {
      const bar = progressBar(`verify ${name}`, 'bytes')
      const verdict = await verifyJournal(journalFolder(dataDir, name), {
        ...(publicKey === undefined ? {} : { publicKey }),
        onProgress: bar.update
      })
      bar.stop()
      verdicts[name] = verdict
      // A findings journal that was never written to is no fault; a missing events journal is.
      const absent = name === 'findings' && verdict.status === 'unreadable' && verdict.segments === 0
      if (!flags.json && !absent) for (const line of describe(name, verdict)) print(line)
      if (verdict.status === 'broken') code = 1
      else if (verdict.status === 'unreadable' && !absent && code === 0) code = 2
    }
    if (flags.json) print(JSON.stringify(verdicts))
    process.exitCode = code
  })
