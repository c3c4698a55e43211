/** Small state beside the journal, replaced whole: written aside, fsynced, renamed. A crash leaves the old or the new. */
import { dirname } from 'node:path'
import { reasonOf } from './core/errors.ts'
import type { Disk, Log } from './core/ports.ts'

export interface StateFile {
  /** Undefined if there is none or it cannot be read: the state is then rebuilt from the journal. */
  load(): Promise<unknown>
  save(value: unknown): Promise<void>
  remove(): Promise<void>
}

export function stateFile(disk: Disk, path: string, log: Log): StateFile {
  return {
    async load() {
      if (!(await disk.exists(path))) return undefined
      const file = await disk.open(path, 'read')
      try {
        const value: unknown = JSON.parse((await file.read(await file.size(), 0)).toString('utf8'))
        return value
      } catch (error) {
        log.warn({ reason: reasonOf(error) }, 'a state file cannot be read and is rebuilt')
        return undefined
      } finally {
        await file.close()
      }
    },
    async save(value) {
      const folder = dirname(path)
      await disk.makeFolder(folder)
      const temporary = `${path}.tmp`
      const file = await disk.open(temporary, 'write')
      try {
        await file.truncate(0)
        await file.write(Buffer.from(JSON.stringify(value)), 0)
        await file.sync()
      } finally {
        await file.close()
      }
      await disk.rename(temporary, path)
      await disk.syncFolder(folder)
    },
    remove: () => disk.remove(path)
  }
}
