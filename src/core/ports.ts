/**
 * The ports of the spine: what each stage may rely on of another. `ingest`, `derive` and `deliver` know
 * only these shapes, so a test passes ten-line fakes and a journal can be a folder or a Kafka topic.
 */
import type { Credential } from './credential.ts'
import type { OcsfEvent } from './event.ts'

/** Time and randomness are parameters (invariant 9). */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** A reader's durable position in a journal. Opaque: only the journal that made it can read it. */
export type Cursor = string

/** Where one entry's bytes are. Opaque to all but the journal: three integers that a store keeps as columns. */
export interface Pointer {
  /** File journal: segment number. Kafka: partition. */
  readonly segment: number
  /** File journal: byte offset in the uncompressed segment. Kafka: offset. */
  readonly offset: number
  /** Bytes of the entry's line, without the newline. */
  readonly length: number
}

export interface Entry {
  /** Position in the journal, from 0, dense. */
  readonly sequence: number
  readonly pointer: Pointer
  readonly event: OcsfEvent
}

export interface EntryBatch {
  readonly entries: readonly Entry[]
  /** Where reading goes on after this batch. */
  readonly next: Cursor
}

/**
 * A small fact made durable together with a batch, or not at all: a tail's file position, a delivery's
 * hash, a reader's cursor. `key` is unique per fact; the newest value wins; `null` forgets.
 */
export interface Mark {
  readonly key: string
  readonly value: string | number | null
  /** Milliseconds after which the journal may forget it. Absent: kept until overwritten. */
  readonly ttlMs?: number
}

export interface Receipt {
  readonly first: number
  readonly count: number
}

export interface ReadOptions {
  readonly signal?: AbortSignal
  /** Entries per batch at most. */
  readonly entriesMax?: number
  /** Bytes of lines per batch at most (one entry may exceed it). */
  readonly bytesMax?: number
  /** Wait for more at the end instead of returning. */
  readonly follow?: boolean
}

/** An append-only, hash-chained, durable log of events. */
export interface Journal {
  readonly name: string
  /**
   * Resolves when the batch and its marks are durable and chained; all or nothing.
   * Rejects with KW_JOURNAL_FULL, KW_JOURNAL_BUSY or KW_JOURNAL_FAILED: then nothing of it will be read.
   * An empty batch with marks is allowed.
   */
  append(events: readonly OcsfEvent[], marks?: readonly Mark[]): Promise<Receipt>
  /** Committed entries from `from` (null: the beginning), in order. Several readers may run at once. */
  read(from: Cursor | null, options?: ReadOptions): AsyncIterable<EntryBatch>
  /** The events at these pointers, in their order; undefined where nothing readable is. */
  fetch(pointers: readonly Pointer[]): Promise<(OcsfEvent | undefined)[]>
  /** The cursor after the newest committed entry. */
  head(): Cursor
  /** Entries committed so far. */
  size(): number
  /** Entries between a cursor and the head: a reader's lag. */
  lag(from: Cursor | null): number
  /** The live value of a mark. */
  mark(key: string): string | number | undefined
  /** True while appends are likely to succeed; used by /readyz. */
  healthy(): boolean
  close(): Promise<void>
}

/** What a decoder yields. `raw` is the original text of this record alone, if it was text. */
export interface RawRecord {
  readonly data: unknown
  readonly raw?: string
  /** `json`: `raw` is the JSON text of `data`. `line`: `raw` is a log line that `data` was parsed from. */
  readonly kind: 'json' | 'line'
}

/** A record without its credentials: safe to keep. */
export interface CleanRecord {
  /** Same shape as the record's data; every credential replaced by a placeholder. */
  readonly data: unknown
  /** The redacted original text, for `raw_data`. */
  readonly raw: string
  readonly credentials: readonly Credential[]
  /** True if a limit was hit or the redactor failed, and a field (or all) was replaced whole. */
  readonly truncated?: boolean
}

/** Takes every credential out. Pure but for its keys; never throws: it fails closed. */
export interface Redactor {
  record(record: RawRecord): CleanRecord
  /** For log lines, error texts and anything else that is only text. */
  text(text: string): string
  /** All live and retired fingerprints of a secret's value, newest key first. For lookup. */
  fingerprints(secret: string): string[]
}

/** A 4xx or 5xx that the sender sees. `reason` quotes nothing of the request. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 404 | 405 | 413 | 415 | 429 | 500 | 503
  readonly code: import('./errors.ts').ErrorCode
  readonly reason: string
  readonly retryAfterS?: number
}

/** Named counters, gauges and histograms; only the spine measures. Label values come from configuration alone. */
export interface Metrics {
  count(name: MetricName, labels?: Readonly<Record<string, string>>, by?: number): void
  gauge(name: MetricName, labels: Readonly<Record<string, string>>, value: number): void
  observe(name: MetricName, labels: Readonly<Record<string, string>>, value: number): void
}
export type MetricName = keyof typeof import('./metric-names.ts').METRICS

/** The spine's own log. Messages are ours; fields are numbers, ids and reasons, never payload. */
export interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

/** An open file, as the journal needs it. Offsets and sizes in bytes. */
export interface DiskFile {
  write(bytes: Uint8Array, at: number): Promise<void>
  /** Fewer bytes at the end of the file. With `into` the answer lies in it; it must be large enough. */
  read(length: number, at: number, into?: Buffer): Promise<Buffer>
  size(): Promise<number>
  sync(): Promise<void>
  truncate(size: number): Promise<void>
  close(): Promise<void>
}

/** The disk, so that a test can be one that tears, lies and fills up. */
export interface Disk {
  open(path: string, mode: 'read' | 'write'): Promise<DiskFile>
  list(folder: string): Promise<string[]>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  makeFolder(path: string): Promise<void>
  /** Makes renames and creations in a folder durable. */
  syncFolder(path: string): Promise<void>
  exists(path: string): Promise<boolean>
}

export type { Credential, OcsfEvent }
