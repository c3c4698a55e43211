/** One event on one line of a terminal: time, level, class, who, what, how it ended, credentials. */
import { plain } from './cli.ts'
import { classNameOf, type OcsfEvent } from './core/event.ts'

const SEVERITIES = ['unknown', 'info', 'low', 'medium', 'high', 'critical', 'fatal']

/** What a finding is about, where an event has its actor. */
const groupOf = (event: OcsfEvent) => {
  const { finding } = event.unmapped.keywatch
  return finding?.group && Object.values(finding.group).join(' ')
}
const endpoint = (event: OcsfEvent) =>
  event.src_endpoint?.ip ?? event.src_endpoint?.hostname ?? event.src_endpoint?.name
const actor = (event: OcsfEvent) =>
  groupOf(event) ??
  event.actor?.user?.name ??
  event.actor?.user?.uid ??
  event.user?.name ??
  event.actor?.app_name

function what(event: OcsfEvent): string {
  const own = event.unmapped.keywatch
  const request = event.http_request
  if (event.finding_info) return event.finding_info.title
  if (own.mcp?.method)
    return [own.mcp.method, own.mcp.tool, own.mcp.server?.name && `on ${own.mcp.server.name}`]
      .filter(Boolean)
      .join(' ')
  if (request)
    return [request.http_method, request.url?.path ?? request.url?.url_string].filter(Boolean).join(' ')
  return (
    [own.action, own.secret?.path, own.secret?.name ?? own.secret?.names?.join(',')]
      .filter(Boolean)
      .join(' ') ||
    (event.message ?? '')
  )
}

/** No control or direction character of the event reaches the terminal. */
export function eventLine(event: OcsfEvent): string {
  const parts = [
    new Date(event.time).toISOString(),
    (SEVERITIES[event.severity_id] ?? '').padEnd(8),
    classNameOf(event.class_uid).padEnd(18),
    (endpoint(event) ?? '-').padEnd(15),
    actor(event) ?? '-',
    what(event),
    event.http_response?.code !== undefined
      ? String(event.http_response.code)
      : event.status_id === 2
        ? 'failure'
        : ''
  ]
  const credentials = event.unmapped.keywatch.credentials ?? []
  const found = credentials.map(c => `${c.use}:${c.type}${c.fingerprint ? `:${c.fingerprint}` : ''}`)
  return plain([...parts, ...found].filter(part => part !== '').join('  '))
}
