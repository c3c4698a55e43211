/** What a running Keywatch knows and what its folder holds, as a test reads it: over HTTP, and from the files. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OcsfEvent } from '../../src/core/event.ts'
import { listSegments, openSegment } from '../../src/journal/segments.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { realDisk } from '../../src/lib/disk.ts'
import { Database } from '../../src/store/database.ts'
import { openDuckStore } from '../../src/store/duckdb.ts'

type Query = Readonly<Record<string, string | number>>

interface Page {
  readonly items: OcsfEvent[]
  readonly next: string | null
}

/** `GET` of a JSON answer. Throws unless it is 2xx. */
export async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url)
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} for ${new URL(url).pathname}: ${text}`)
  return JSON.parse(text) as T // the API's own answer
}

/** One page of events or findings. */
export function page(url: string, query: Query = {}, list: 'events' | 'findings' = 'events'): Promise<Page> {
  const search = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)])
  )
  return getJson(`${url}/api/v1/${list}?${search}`)
}

/** All pages, newest first. */
export async function all(
  url: string,
  query: Query = {},
  list: 'events' | 'findings' = 'events'
): Promise<OcsfEvent[]> {
  const found: OcsfEvent[] = []
  let cursor: string | null = null
  do {
    const one: Page = await page(url, { limit: 1000, ...query, ...(cursor === null ? {} : { cursor }) }, list)
    found.push(...one.items)
    cursor = one.next
  } while (cursor !== null)
  return found
}

export interface Status {
  readonly journals: Readonly<Record<'events' | 'findings', { entries: number; healthy: boolean }>>
  readonly derive: { readonly index: number; readonly detect: number; readonly findings: number }
  readonly sinks: readonly {
    readonly id: string
    readonly state: string
    readonly reason?: string
    readonly lag: { readonly events: number; readonly findings: number }
    readonly deadLetters: number
    readonly accepted: number
  }[]
}

export const status = (url: string): Promise<Status> => getJson(`${url}/api/v1/status`)

/** True once index, detectors and findings are where the journals end. */
export async function isDerived(url: string): Promise<boolean> {
  const { derive } = await status(url)
  return derive.index + derive.detect + derive.findings === 0
}

export const uid = (event: OcsfEvent): string => event.metadata.uid

/** The uncompressed bytes of all segments of a journal, sealed ones too, in order. */
export async function journalBytes(dataDir: string, name: 'events' | 'findings'): Promise<Buffer> {
  const parts: Buffer[] = []
  for (const file of await listSegments(realDisk, join(dataDir, 'journal', name))) {
    const reader = await openSegment(realDisk, file)
    parts.push(await reader.read(0, await reader.size()))
    await reader.close()
  }
  return Buffer.concat(parts)
}

/** The events in a journal, read from its files by what its format says: control lines begin with `keywatch`. */
export async function journalEvents(dataDir: string, name: 'events' | 'findings'): Promise<OcsfEvent[]> {
  const text = (await journalBytes(dataDir, name)).toString('utf8')
  return text
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('{"keywatch":"'))
    .map(line => JSON.parse(line) as OcsfEvent) // written by Keywatch
}

/** Every file below a folder with its bytes. */
export async function files(folder: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>()
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    found.set(path, await readFile(path))
  }
  return found
}

const silent = { info: () => {}, warn: () => {}, error: () => {} }

/** Rows of an index on disk, of a Keywatch that is stopped. */
export async function storedRows(dataDir: string, name: 'events' | 'findings'): Promise<number> {
  const store = await openDuckStore({
    path: join(dataDir, 'index', 'keywatch.duckdb'),
    memoryMiB: 128,
    threads: 1,
    log: silent,
    clock: systemClock
  })
  try {
    return await store.rows(name)
  } finally {
    await store.close()
  }
}

/** Every text that an index on disk holds, of a Keywatch that is stopped: in the file itself they are compressed. */
export async function indexTexts(dataDir: string): Promise<string[]> {
  const path = join(dataDir, 'index', 'keywatch.duckdb')
  const database = await Database.open({ path, memoryMiB: 128, threads: 1, textsMax: 0 }, () => {
    throw new Error('the index cannot be read')
  })
  try {
    return (await database.rows({ sql: 'SELECT text FROM texts', values: [] })).map(([text]) => String(text))
  } finally {
    database.close()
  }
}
