/**
 * The parts that the service and the offline commands open in the same way: keys, redactor, journals, index,
 * detectors. Where each lies in the data folder is said here and nowhere else.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from './config/schema.ts'
import { KeywatchError, reasonOf } from './core/errors.ts'
import type { Clock, Disk, Log, Metrics, Redactor } from './core/ports.ts'
import type { JournalName, Store } from './core/store.ts'
import { createDetectorEngine, type SigmaEngine } from './detect/engine.ts'
import type { DetectorFile } from './detect/load.ts'
import { type FileJournal, openFileJournal } from './journal/file.ts'
import type { FingerprintKey } from './redact/fingerprint.ts'
import { loadOrCreateKeys } from './redact/keys.ts'
import { createRedactor } from './redact/redact.ts'

export const JOURNALS = ['events', 'findings'] as const satisfies readonly JournalName[]
export const journalFolder = (dataDir: string, name: JournalName) => join(dataDir, 'journal', name)
export const keysFolder = (dataDir: string) => join(dataDir, 'keys')
export const storePath = (dataDir: string) => join(dataDir, 'index', 'keywatch.duckdb')
export const snapshotPath = (dataDir: string) => join(dataDir, 'state', 'detectors.json')

/** While the index commits a group, a busy journal moves on by this much at most before readers go to the disk. */
const TAIL_BYTES = 32 * 1024 * 1024
const ZSTD_LEVEL = 1
const DETECTOR_BYTES_MAX = 1024 * 1024

/** The redactor under this installation's keys; makes the key file at the first start. */
export async function openRedactor(config: Config, disk: Disk, clock: Clock): Promise<Redactor> {
  let keys: readonly FingerprintKey[]
  let tenant = config.tenant
  const given = config.keys.fingerprintKey
  if (given === undefined) {
    await disk.makeFolder(keysFolder(config.dataDir))
    const path = config.keys.file ?? join(keysFolder(config.dataDir), 'fingerprint.json')
    const loaded = loadOrCreateKeys(path, clock.now(), undefined, tenant)
    keys = loaded.keys
    tenant = loaded.tenant
  } else {
    // The id must tell keys apart without telling anything about the key: eight hex digits of a hash of it.
    const master = createHash('sha256').update('keywatch/master/v1\0').update(given).digest()
    keys = [
      { id: `k${createHash('sha256').update(master).digest('hex').slice(0, 8)}`, master, state: 'live' }
    ]
  }
  return createRedactor({
    keys,
    tenant,
    depthMax: config.limits.depth,
    keysMax: config.limits.keys,
    stringMax: config.limits.record
  })
}

export interface OpenParts {
  readonly config: Config
  readonly disk: Disk
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

export function openJournal(
  { config, disk, clock, log, metrics }: OpenParts,
  name: JournalName
): Promise<FileJournal> {
  return openFileJournal({
    disk,
    clock,
    log,
    name,
    folder: journalFolder(config.dataDir, name),
    segmentBytes: config.journal.segmentBytes,
    segmentAgeMs: config.journal.segmentAgeMs,
    pendingBytesMax: config.limits.pendingBytes,
    marksMax: config.limits.deliveries,
    compressLevel: config.journal.compress ? ZSTD_LEVEL : 0,
    tailBytes: TAIL_BYTES,
    observeCommit: seconds => metrics.observe('keywatch_journal_commit_seconds', { journal: name }, seconds)
  })
}

export async function openStore({ config, disk, clock, log }: OpenParts): Promise<Store> {
  await disk.makeFolder(join(config.dataDir, 'index'))
  const { openDuckStore } = await import('./store/duckdb.ts')
  return openDuckStore({
    path: storePath(config.dataDir),
    memoryMiB: Math.round(config.store.memoryBytes / 1024 ** 2),
    threads: config.store.threads,
    log,
    clock,
    flushEvery: { rows: 61_440, ms: config.store.flushIntervalMs }
  })
}

async function detectorFiles(folder: string, under = ''): Promise<DetectorFile[]> {
  const files: DetectorFile[] = []
  for (const entry of (await readdir(join(folder, under), { withFileTypes: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1
  )) {
    const path = join(under, entry.name)
    if (entry.isDirectory()) files.push(...(await detectorFiles(folder, path)))
    else if (/\.ya?ml$/.test(entry.name) && (await stat(join(folder, path))).size <= DETECTOR_BYTES_MAX) {
      files.push({ path, text: await readFile(join(folder, path), 'utf8') })
    }
  }
  return files
}

/** The detectors of all configured folders. A bad one is logged; the others run. */
export async function openDetectors({
  config,
  log
}: Pick<OpenParts, 'config' | 'log'>): Promise<SigmaEngine> {
  const files: DetectorFile[] = []
  for (const folder of config.detectors.paths) {
    try {
      files.push(...(await detectorFiles(folder)))
    } catch (error) {
      throw new KeywatchError(
        'KW_CONFIG_UNREADABLE',
        `a folder of detectors cannot be read (${reasonOf(error)})`,
        { cause: error }
      )
    }
  }
  const engine = createDetectorEngine({ files })
  for (const { file, line, column, message } of engine.problems)
    log.error(
      { code: 'KW_DETECTOR_INVALID', file, line, column, reason: message },
      'a detector cannot be loaded; the others run'
    )
  return engine
}
