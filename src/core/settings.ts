/** The configuration as the parts see it: validated, defaults filled, durations in ms, sizes in bytes. */

export const SCOPES = ['ingest', 'read', 'lookup', 'admin'] as const
/** `ingest` sends; `read` queries; `lookup` may fingerprint a secret; `admin` all of them and changes. */
export type Scope = (typeof SCOPES)[number]

export interface Token {
  readonly name: string
  /** Lower-case hex SHA-256 of the token. */
  readonly sha256: string
  readonly scopes: readonly Scope[]
}

export interface Address {
  readonly host: string
  readonly port: number
}

export interface Limits {
  /** Bytes of a body as sent. */
  readonly body: number
  /** Bytes of a body after inflating. */
  readonly inflatedBody: number
  readonly recordsPerBody: number
  /** Bytes of one record or line. */
  readonly record: number
  /** Nesting of JSON. */
  readonly depth: number
  /** Members of all objects of a record. */
  readonly keys: number
  /** Bytes waiting for the disk before senders get 503. */
  readonly pendingBytes: number
  readonly connections: number
  readonly requestTimeoutMs: number
  /** Deliveries remembered for de-duplication. */
  readonly deliveries: number
  /** An event's own time may be this far ahead of ours; beyond it our time is used and the event is marked. */
  readonly clockSkewMs: number
  /** Events per page of the query API. */
  readonly page: number
}
