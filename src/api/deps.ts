/** What the API needs of the rest of Keywatch: ports and values, so that a test passes fakes. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Intake } from '../core/intake.ts'
import type { Clock, Journal, Log, Redactor } from '../core/ports.ts'
import type { Limits, Scope, Token } from '../core/settings.ts'
import type { JournalName, Store } from '../core/store.ts'
import type { Answer } from './answers.ts'
import type { Caller } from './auth.ts'

/** One line of the audit trail of Keywatch's own use. Holds fingerprints, never a secret. */
export interface AuditEntry {
  readonly action: 'credential.lookup'
  /** Name of the token; `local` on an open loopback listener. */
  readonly caller: string
  readonly address: string
  readonly time: number
  readonly fingerprints: readonly string[]
  /** How many of the fingerprints are known. */
  readonly found: number
}

export interface ApiDeps {
  readonly intake: Intake
  readonly journals: Readonly<Record<JournalName, Journal>>
  readonly store: Store
  readonly redactor: Pick<Redactor, 'fingerprints' | 'text'>
  /** The object that /api/v1/status answers with. */
  readonly status: () => Promise<object>
  /** Prometheus text. */
  readonly metricsText: () => Promise<string>
  /** None: open in all scopes to loopback names. The service refuses a public bind without tokens. */
  readonly tokens: readonly Token[]
  readonly limits: Limits
  readonly clock: Clock
  readonly log: Log
  /** For /readyz: true while intake is likely to accept. */
  readonly ready: () => boolean
  readonly audit?: (entry: AuditEntry) => void
}

/** One admitted request to the API. */
export interface Call {
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly caller: Caller
  readonly raw: IncomingMessage
  readonly response: ServerResponse
}

/** A route of the API. `streamed`: the handler has taken the response over. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** `open`: needs no token, and answers under any Host. */
  readonly scope: Scope | 'open'
  /** False: no HEAD beside GET. */
  readonly head?: false
  readonly handle: (call: Call) => Promise<Answer | 'streamed'>
}
