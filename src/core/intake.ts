/** The seam between the HTTP listener (api/) and the spine (ingest.ts). */
import type { Refusal } from './ports.ts'
import type { IntakeRequest, Reply } from './source.ts'

export type Route = 'hooks' | 'ingest' | 'otlp'

/** A source that a path leads to. */
export interface IntakeTarget {
  readonly route: Route
  readonly sourceId: string
  /** The source has no authentication of its own: the listener asks for a token with scope `ingest`. */
  readonly needsToken: boolean
  /** Bytes of the inflated body at most. */
  readonly bodyBytesMax: number
  readonly methods: readonly string[]
}

export interface IntakeAnswer extends Reply {
  /**
   * The listener calls it once: true if the whole answer went out, false if the connection broke before.
   * Tells a retry of the sender from a second, equal delivery.
   */
  readonly settled?: (delivered: boolean) => void
}

export interface Intake {
  /** `id` is the path's part after `/hooks/` or `/ingest/`; for the OTLP route it is ignored. */
  target(route: Route, id: string): IntakeTarget | undefined
  /** Authenticates, decodes, redacts, appends; answers only when all of it is durable. Never rejects. */
  receive(target: IntakeTarget, request: IntakeRequest): Promise<IntakeAnswer>
  /** A refusal decided by the listener (token, size, encoding), in the form that the source's protocol wants. */
  refuse(target: IntakeTarget, request: IntakeRequest, refusal: Refusal): IntakeAnswer
}
