/**
 * Collects the records of one OTLP request, gives each its resource and scope, and keeps the limits that hold
 * across records. Resource and scope stand once in a request but in every record that leaves here, so a large
 * resource over many small records would multiply a body by a million: what is repeated has a budget.
 */
import { KeywatchError } from '../core/errors.ts'
import type { BadRecord, Decoded } from '../core/source.ts'
import { decodeMcpHeaderValues, MCP_BASE64 } from './mcp-header.ts'
import {
  type Attributes,
  type OtlpLog,
  type OtlpScope,
  type OtlpSpan,
  type OtlpValue,
  RECORDS_MAX,
  REPEATED_MAX
} from './otlp-record.ts'

/** Resource attributes that are kept when the budget is used up, each cut to 256 characters. */
const ESSENTIAL = [
  'service.name',
  'service.namespace',
  'service.version',
  'service.instance.id',
  'host.name',
  'deployment.environment.name',
  'deployment.environment'
]

function essentials(resource: Attributes): Attributes {
  const kept: Attributes = {}
  for (const key of ESSENTIAL) {
    const value = Object.hasOwn(resource, key) ? resource[key] : undefined
    if (typeof value === 'string') kept[key] = value.slice(0, 256)
  }
  return kept
}

/** A resource with one of its scopes, as its records will carry them: shared, never copied. */
export interface Origin {
  readonly resource: Attributes | undefined
  readonly scope: OtlpScope | undefined
  /** Characters that each record repeats. */
  readonly size: number
  /** A limit was hit while they were read. */
  readonly cut: boolean
}

const MCP_HEADER = 'http.request.header.mcp-'

/**
 * Recorded `Mcp-*` headers may be base64 of UTF-8 (mcp-header.ts). They are opened here, before redaction: a
 * resource URI or a tool argument in them may carry a credential.
 */
function openMcpHeaders(attributes: Attributes): void {
  for (const name in attributes) {
    if (!name.startsWith(MCP_HEADER)) continue
    const value = attributes[name] ?? null
    attributes[name] = Array.isArray(value) ? value.map(openHeader) : openHeader(value)
  }
}

function openHeader(value: OtlpValue): OtlpValue {
  if (typeof value !== 'string' || !value.startsWith(MCP_BASE64)) return value
  const { opened } = decodeMcpHeaderValues({ opened: value })
  return typeof opened === 'string' ? opened : value
}

export class Collector {
  readonly #records: { data: OtlpSpan | OtlpLog; kind: 'json' }[] = []
  readonly #bad: BadRecord[] = []
  #repeated = 0

  /** Completes a record. `cut`: a limit was hit while it was read. */
  add(data: OtlpSpan | OtlpLog, origin: Origin, cut: boolean): void {
    this.#checkCount()
    if (data.attributes !== undefined) openMcpHeaders(data.attributes)
    this.#repeated += origin.size
    const within = this.#repeated <= REPEATED_MAX
    if (origin.resource !== undefined) data.resource = within ? origin.resource : essentials(origin.resource)
    if (origin.scope !== undefined && within) data.scope = origin.scope
    if (cut || origin.cut || (!within && origin.size > 0)) data.truncated = true
    this.#records.push({ data, kind: 'json' })
  }

  /** One record that cannot be read goes to quarantine; the others go on. */
  reject(error: unknown, bytes: Buffer | string): void {
    // Anything but our own complaint is a bug: then the whole body is refused.
    if (!(error instanceof KeywatchError)) throw error
    this.#checkCount()
    this.#bad.push({ index: this.#records.length + this.#bad.length, reason: error.message, bytes })
  }

  done(): Decoded {
    return { records: this.#records, bad: this.#bad }
  }

  #checkCount(): void {
    if (this.#records.length + this.#bad.length >= RECORDS_MAX)
      throw new KeywatchError('KW_BODY_TOO_LARGE', `more than ${RECORDS_MAX} records in one request`)
  }
}
