/**
 * Which fields of an OCSF event become which columns of the index. Pure: entries in, typed arrays out.
 * Runs once per event on the hot path: no closures, no objects, no strings are made here.
 */
import type { OcsfEvent, User } from '../core/event.ts'
import type { Entry } from '../core/ports.ts'
import {
  CREDENTIAL_COLUMNS,
  EVENT_COLUMNS,
  FINDING_COLUMNS,
  grow,
  makeRows,
  type Rows,
  SECRET_COLUMNS
} from './schema.ts'
import type { TextIds } from './texts.ts'
import { uidWords } from './uid.ts'

/** Rows are made room for as they come: an idle process should not hold arrays for a full group. */
const FIRST_CAPACITY = 1024
const CREDENTIALS_FIRST_CAPACITY = 1024
const SECRETS_FIRST_CAPACITY = 64

/** A value as an INTEGER column takes it; 0 for what is no 32-bit integer. */
const int32 = (value: number | undefined): number =>
  value !== undefined && (value | 0) === value ? value : 0

/** A value as a BIGINT column takes it, within what a double holds exactly; 0 for NaN. */
export function int53(value: number): number {
  if (Number.isSafeInteger(value)) return value
  if (Number.isNaN(value)) return 0
  const whole = Math.trunc(value)
  return whole > 0 ? Math.min(whole, Number.MAX_SAFE_INTEGER) : Math.max(whole, Number.MIN_SAFE_INTEGER)
}

const named = (user: User | undefined) =>
  user?.name !== undefined || user?.uid !== undefined || user?.email_addr !== undefined

/** Who did it, as a person: the acting user, else the one who logged in. */
const personOf = (event: OcsfEvent): User | undefined =>
  named(event.actor?.user) ? event.actor?.user : named(event.user) ? event.user : undefined

/** What was spoken to: the MCP server, else the API's service, else the host. */
function serverOf(event: OcsfEvent): string | undefined {
  const named = event.unmapped.keywatch.mcp?.server?.name ?? event.api?.service?.name ?? event.service?.name
  if (named !== undefined) return named
  const target = event.dst_endpoint
  return (
    target?.hostname ?? target?.svc_name ?? target?.name ?? target?.ip ?? event.http_request?.url?.hostname
  )
}

/** Rows of the events journal that wait for a commit. */
export class EventRows {
  readonly events
  readonly credentials
  readonly secrets
  readonly #texts: TextIds
  readonly #rowsMax: number

  constructor(rowsMax: number, texts: TextIds) {
    this.#texts = texts
    this.#rowsMax = rowsMax
    this.events = makeRows('events', EVENT_COLUMNS, Math.min(rowsMax, FIRST_CAPACITY))
    this.credentials = makeRows('credentials', CREDENTIAL_COLUMNS, CREDENTIALS_FIRST_CAPACITY)
    this.secrets = makeRows('secrets', SECRET_COLUMNS, SECRETS_FIRST_CAPACITY)
  }

  get full(): boolean {
    return this.events.count >= this.#rowsMax
  }
  get tables(): readonly Rows[] {
    return [this.events, this.credentials, this.secrets]
  }

  /** Must not be called while `full`. */
  add({ sequence, pointer, event }: Entry): void {
    const texts = this.#texts
    if (this.events.count === this.events.capacity) grow(this.events)
    const { data } = this.events
    const at = this.events.count++
    const keywatch = event.unmapped.keywatch
    data.sequence[at] = sequence
    data.time[at] = int53(event.time)
    data.logged_time[at] = int53(event.metadata.logged_time)
    const uid = uidWords(event.metadata.uid)
    data.uid0[at] = uid[0] ?? 0
    data.uid1[at] = uid[1] ?? 0
    data.uid2[at] = uid[2] ?? 0
    data.uid3[at] = uid[3] ?? 0
    data.class_uid[at] = int32(event.class_uid)
    data.activity_id[at] = int32(event.activity_id)
    data.severity_id[at] = int32(event.severity_id)
    data.status_id[at] = int32(event.status_id)
    data.http_status[at] = int32(event.http_response?.code ?? event.api?.response?.code)
    data.source[at] = texts.idOf(keywatch.source)
    data.action[at] = texts.idOf(keywatch.action)
    this.#addActor(at, event)
    data.server[at] = texts.idOf(serverOf(event))
    data.tool[at] = texts.idOf(keywatch.mcp?.tool)
    data.ip[at] = texts.idOf(event.src_endpoint?.ip)
    data.secret[at] = texts.idOf(keywatch.secret?.name ?? keywatch.secret?.path)
    data.environment[at] = texts.idOf(keywatch.environment ?? keywatch.mcp?.server?.environment)
    data.segment[at] = pointer.segment
    data.position[at] = pointer.offset
    data.length[at] = pointer.length
    if (keywatch.credentials !== undefined) this.#addCredentials(sequence, keywatch.credentials)
    if (keywatch.secret !== undefined) this.#addSecrets(sequence, keywatch.secret)
  }

  /** All identities of a person; those of the program only where no person is known. */
  #addActor(at: number, event: OcsfEvent): void {
    const { data } = this.events
    const texts = this.#texts
    const person = personOf(event)
    if (person !== undefined) {
      data.actor[at] = texts.idOf(person.name ?? person.uid ?? person.email_addr)
      data.actor_uid[at] = texts.idOf(person.uid)
      data.actor_email[at] = texts.idOf(person.email_addr)
      return
    }
    const program = event.actor
    data.actor[at] = texts.idOf(program?.app_name ?? program?.app_uid ?? program?.invoked_by)
    data.actor_uid[at] = texts.idOf(program?.app_uid)
    data.actor_email[at] = 0
  }

  #addCredentials(
    sequence: number,
    credentials: NonNullable<OcsfEvent['unmapped']['keywatch']['credentials']>
  ): void {
    for (const { fingerprint, also, type, use } of credentials) {
      if (fingerprint === undefined) continue
      this.#addCredential(sequence, fingerprint, type, use === 'presented' ? 1 : 0)
      if (also === undefined) continue
      for (const other of also) this.#addCredential(sequence, other, type, use === 'presented' ? 1 : 0)
    }
  }

  #addCredential(sequence: number, fingerprint: string, type: string, presented: number): void {
    if (this.credentials.count === this.credentials.capacity) grow(this.credentials)
    const { data } = this.credentials
    const at = this.credentials.count++
    data.sequence[at] = sequence
    data.fingerprint[at] = this.#texts.idOf(fingerprint)
    data.type[at] = this.#texts.idOf(type)
    data.presented[at] = presented
  }

  #addSecrets(sequence: number, secret: NonNullable<OcsfEvent['unmapped']['keywatch']['secret']>): void {
    if (secret.path !== undefined && secret.name !== undefined) this.#addSecret(sequence, secret.path)
    if (secret.names === undefined) return
    for (const name of secret.names) if (name !== secret.name) this.#addSecret(sequence, name)
  }

  #addSecret(sequence: number, name: string): void {
    if (this.secrets.count === this.secrets.capacity) grow(this.secrets)
    const at = this.secrets.count++
    this.secrets.data.sequence[at] = sequence
    this.secrets.data.name[at] = this.#texts.idOf(name)
  }

  clear(): void {
    this.events.count = 0
    this.credentials.count = 0
    this.secrets.count = 0
  }
}

/** Rows of the findings journal that wait for a commit. */
export class FindingRows {
  readonly findings
  readonly #texts: TextIds
  readonly #rowsMax: number

  constructor(rowsMax: number, texts: TextIds) {
    this.#texts = texts
    this.#rowsMax = rowsMax
    this.findings = makeRows('findings', FINDING_COLUMNS, Math.min(rowsMax, FIRST_CAPACITY))
  }

  get full(): boolean {
    return this.findings.count >= this.#rowsMax
  }
  get tables(): readonly Rows[] {
    return [this.findings]
  }

  /** Must not be called while `full`. */
  add({ sequence, pointer, event }: Entry): void {
    const texts = this.#texts
    const { data } = this.findings
    if (this.findings.count === this.findings.capacity) grow(this.findings)
    const at = this.findings.count++
    const finding = event.unmapped.keywatch.finding
    const uid = uidWords(event.metadata.uid)
    data.sequence[at] = sequence
    data.time[at] = int53(event.time)
    data.uid0[at] = uid[0] ?? 0
    data.uid1[at] = uid[1] ?? 0
    data.uid2[at] = uid[2] ?? 0
    data.uid3[at] = uid[3] ?? 0
    data.rule[at] = texts.idOf(finding?.rule ?? event.finding_info?.analytic.uid)
    data.level[at] = texts.idOf(finding?.level)
    data.severity_id[at] = int32(event.severity_id)
    data.title[at] = texts.idOf(event.finding_info?.title)
    data.group_text[at] = texts.idOf(finding?.group === undefined ? undefined : groupText(finding.group))
    data.events[at] = int32(finding?.count)
    data.segment[at] = pointer.segment
    data.position[at] = pointer.offset
    data.length[at] = pointer.length
  }

  clear(): void {
    this.findings.count = 0
  }
}

/** `actor=alice server=github`: the group of a finding, keys in order, for reading and searching. */
function groupText(group: Readonly<Record<string, string>>): string {
  return Object.keys(group)
    .sort()
    .map(key => `${key}=${group[key]}`)
    .join(' ')
}
