/**
 * The store: an index over the journals. It answers with pointers; the events come from the journal.
 * Everything in it can be deleted and rebuilt by `keywatch replay`.
 */
import type { Cursor, EntryBatch, Pointer } from './ports.ts'

export type JournalName = 'events' | 'findings'

/** All given conditions must hold. Times in ms; `from` inclusive, `to` exclusive. */
export interface EventQuery {
  readonly from?: number
  readonly to?: number
  readonly class?: string
  readonly actor?: string
  readonly server?: string
  readonly ip?: string
  /** Fingerprints: an event that lists any of them. */
  readonly credentials?: readonly string[]
  readonly source?: string
  readonly action?: string
  readonly uid?: string
  readonly statusCode?: number
  readonly secret?: string
  /** At most this many, newest first. */
  readonly limit: number
  /** Rows strictly older than this key (time, sequence): a keyset page. */
  readonly before?: { readonly time: number; readonly sequence: number }
}

export interface FindingQuery {
  readonly from?: number
  readonly to?: number
  readonly rule?: string
  readonly level?: string
  readonly uid?: string
  readonly limit: number
  readonly before?: { readonly time: number; readonly sequence: number }
}

export interface Hit {
  readonly sequence: number
  readonly time: number
  readonly pointer: Pointer
}

/** Everything known of one fingerprint, from the index alone. */
export interface CredentialSummary {
  readonly fingerprint: string
  readonly types: readonly string[]
  readonly events: number
  readonly presented: number
  readonly exposed: number
  readonly firstSeen: number
  readonly lastSeen: number
  readonly servers: readonly string[]
  readonly actors: readonly string[]
  readonly ips: readonly string[]
  readonly sources: readonly string[]
}

export interface Store {
  /** Idempotent: a batch put twice is there once. The cursor is saved in the same transaction. */
  put(journal: JournalName, batch: EntryBatch): Promise<void>
  /** Makes everything put so far visible to queries. */
  flush(): Promise<void>
  /** Where the index ends, or null. */
  cursor(journal: JournalName): Cursor | null
  events(query: EventQuery): Promise<Hit[]>
  findings(query: FindingQuery): Promise<Hit[]>
  credential(fingerprints: readonly string[]): Promise<CredentialSummary[]>
  rows(journal: JournalName): Promise<number>
  /** Empties one index, or all of it, before a rebuild. */
  clear(): Promise<void>
  close(): Promise<void>
}
