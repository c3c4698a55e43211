/**
 * The canonical event: OCSF 1.8.0, the classes and attributes that Keywatch emits.
 * Source: https://schema.ocsf.io/1.8.0. Tests validate every emitted event against the compiled schema.
 */
import { z } from 'zod'
import { Credential } from './credential.ts'

export const OCSF_VERSION = '1.8.0'

/** Class name → class uid. The names are used in the API, in sourcetypes and in tags. */
export const CLASS_UIDS = {
  detection_finding: 2004,
  authentication: 3002,
  entity_management: 3004,
  http_activity: 4002,
  application_lifecycle: 6002,
  api_activity: 6003,
  application_error: 6008
} as const
export type ClassName = keyof typeof CLASS_UIDS

const NAMES = new Map<number, ClassName>(
  Object.entries(CLASS_UIDS).map(([name, uid]) => [uid, name as ClassName])
)
/** The name of a class uid that Keywatch emits; `unknown` for any other number. */
export const classNameOf = (uid: number): ClassName | 'unknown' => NAMES.get(uid) ?? 'unknown'

export const SEVERITY = {
  unknown: 0,
  informational: 1,
  low: 2,
  medium: 3,
  high: 4,
  critical: 5,
  fatal: 6
} as const
export type SeverityId = (typeof SEVERITY)[keyof typeof SEVERITY]
export const STATUS = { unknown: 0, success: 1, failure: 2 } as const

/** MCP as seen in one event. Names follow the OpenTelemetry MCP conventions without their prefix. */
export const McpFields = z.strictObject({
  method: z.string().optional().describe('JSON-RPC method, for instance `tools/call`.'),
  tool: z.string().optional(),
  prompt: z.string().optional(),
  resource: z.string().optional().describe('Resource URI, redacted.'),
  request_id: z.string().optional().describe('JSON-RPC request id, as text.'),
  session: z.string().optional().describe('Session id. Where it acts as a bearer token it is a fingerprint.'),
  protocol_version: z.string().optional(),
  transport: z.string().optional(),
  error: z.string().optional().describe('JSON-RPC error code or `tool_error`.'),
  server: z
    .strictObject({
      name: z.string().optional(),
      known: z.boolean().optional().describe('In the inventory. Absent if there is no inventory.'),
      environment: z.string().optional(),
      lookalike_of: z.string().optional().describe('The inventory name that this one resembles.'),
      lookalike_reason: z.string().optional()
    })
    .optional(),
  client: z.strictObject({ name: z.string().optional(), version: z.string().optional() }).optional()
})
export type McpFields = z.infer<typeof McpFields>

/** What OCSF has no place for: `unmapped.keywatch` of every event. */
export const KeywatchFields = z.strictObject({
  source: z.string().describe('Id of the source in the configuration.'),
  source_type: z.string().describe('Type of the source.'),
  action: z
    .string()
    .optional()
    .describe('Normalised action, for instance `secret.updated`, `mcp.tools/call`.'),
  environment: z.string().optional(),
  project: z.string().optional(),
  secret: z
    .strictObject({
      manager: z.string(),
      name: z.string().optional(),
      path: z.string().optional(),
      names: z.array(z.string()).optional().describe('All names, where one event covers several secrets.')
    })
    .optional(),
  credentials: z.array(Credential).optional(),
  mcp: McpFields.optional(),
  calendar: z
    .strictObject({
      off_hours: z.boolean(),
      weekend: z.boolean(),
      holiday: z.boolean(),
      local_time: z.string().describe('`YYYY-MM-DDTHH:MM` in the calendar’s time zone.')
    })
    .optional(),
  quarantine: z
    .strictObject({
      code: z.string(),
      reason: z.string(),
      bytes: z.number(),
      sha256: z.string(),
      record: z.number().optional().describe('Position in its body, from 0.')
    })
    .optional(),
  checkpoint: z
    .strictObject({ journal: z.string(), size: z.number(), hash: z.string(), note: z.string() })
    .optional(),
  finding: z
    .strictObject({
      rule: z.string(),
      level: z.string(),
      group: z.record(z.string(), z.string()).optional(),
      events: z.array(z.string()).describe('Ids of up to ten contributing events.'),
      count: z.number(),
      runbook: z.string().optional()
    })
    .optional(),
  vendor: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe('A few vendor fields without a better place, redacted, scalars only.'),
  clock_skew: z.boolean().optional().describe('The source’s clock was out of bounds; `time` is ours.'),
  truncated: z.boolean().optional().describe('A field was longer than the limit and was cut.')
})
export type KeywatchFields = z.infer<typeof KeywatchFields>

export interface Endpoint {
  ip?: string
  hostname?: string
  name?: string
  port?: number
  svc_name?: string
}
export interface User {
  name?: string
  uid?: string
  email_addr?: string
  type_id?: number
}
export interface Actor {
  user?: User
  app_name?: string
  app_uid?: string
  invoked_by?: string
  session?: { uid?: string; credential_uid?: string }
}
export interface Api {
  operation: string
  service?: { name?: string; uid?: string; version?: string }
  version?: string
  request?: { uid: string }
  response?: { code?: number; error?: string; error_message?: string; message?: string }
}
export interface HttpRequest {
  http_method?: string
  url?: { path?: string; url_string?: string; hostname?: string; scheme?: string; query_string?: string }
  user_agent?: string
  referrer?: string
  version?: string
  uid?: string
  x_forwarded_for?: string[]
}
export interface HttpResponse {
  code: number
  length?: number
  /** Milliseconds. */
  latency?: number
}
export interface Resource {
  name?: string
  uid?: string
  type?: string
  version?: string
  role_id?: number
  labels?: string[]
}
export interface Entity {
  name?: string
  uid?: string
  type?: string
  type_id?: number
  version?: string
}
export interface Trace {
  uid: string
  span?: { uid: string; parent_uid?: string; start_time: number; end_time: number; operation?: string }
}
export interface Metadata {
  version: string
  uid: string
  product: { name: string; vendor_name: string; version: string }
  profiles: string[]
  logged_time: number
  log_name?: string
  log_provider?: string
  original_event_uid?: string
  original_time?: string
  correlation_uid?: string
  is_truncated?: boolean
}
export interface FindingInfo {
  uid: string
  title: string
  desc?: string
  analytic: { uid: string; name: string; type_id: number; type: string; version?: string }
  attacks?: {
    version: string
    technique?: { uid: string; name?: string }
    sub_technique?: { uid: string; name?: string }
    tactic?: { uid?: string; name: string }
  }[]
  created_time: number
  first_seen_time: number
  last_seen_time: number
  related_events: { uid: string; type_uid?: number }[]
  types?: string[]
  data_sources?: string[]
}

/** One OCSF event of any class that Keywatch emits. Times are milliseconds since 1970 (OCSF `timestamp_t`). */
export interface OcsfEvent {
  class_uid: number
  category_uid: number
  activity_id: number
  activity_name?: string
  type_uid: number
  severity_id: SeverityId
  time: number
  status_id?: number
  status_code?: string
  status_detail?: string
  message?: string
  metadata: Metadata
  actor?: Actor
  user?: User
  service?: { name?: string; uid?: string }
  api?: Api
  src_endpoint?: Endpoint
  dst_endpoint?: Endpoint
  http_request?: HttpRequest
  http_response?: HttpResponse
  resources?: Resource[]
  entity?: Entity
  trace?: Trace
  app?: { name: string; vendor_name: string; version: string }
  finding_info?: FindingInfo
  evidences?: Record<string, unknown>[]
  remediation?: { desc: string }
  is_alert?: boolean
  confidence_id?: number
  duration?: number
  comment?: string
  raw_data?: string
  unmapped: { keywatch: KeywatchFields }
}
