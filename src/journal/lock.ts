/**
 * One writer per data folder: `keywatch.lock` holds the process id and its start time. A lock whose process
 * is gone (kill -9) is taken over; a process id that was given to another process since is told apart by the
 * start time, where the system shows it (/proc).
 */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { KeywatchError } from '../core/errors.ts'

export interface Lock {
  release(): void
}

/** Field 22 of /proc/<pid>/stat: start time in clock ticks. Empty where there is no /proc. */
function startedAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

function isAlive(pid: number, started: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  const now = startedAt(pid)
  return now === '' || started === '' || now === started
}

/** Throws KW_JOURNAL_LOCKED while another live process holds the folder. The folder must exist. */
export function lockFolder(dataDir: string): Lock {
  const path = join(dataDir, 'keywatch.lock')
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      const file = openSync(path, 'wx', 0o600)
      writeSync(file, `${process.pid} ${startedAt(process.pid)}\n`)
      closeSync(file)
      return { release: () => rmSync(path, { force: true }) }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    let holder: string
    try {
      holder = readFileSync(path, 'latin1')
    } catch {
      continue
    }
    const [pid, started] = holder.trim().split(' ')
    if (Number(pid) > 0 && isAlive(Number(pid), started ?? '')) {
      throw new KeywatchError('KW_JOURNAL_LOCKED', `the data folder is in use by process ${Number(pid)}`)
    }
    rmSync(path, { force: true })
  }
  throw new KeywatchError('KW_JOURNAL_LOCKED', 'the data folder’s lock cannot be taken')
}
