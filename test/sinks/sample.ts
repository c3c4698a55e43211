/** Events as the spine would append them, for the tests of sinks and of delivery. */
import { apiActivity, entityManagement, httpActivity } from '../../src/core/build.ts'
import { type OcsfEvent, SEVERITY } from '../../src/core/event.ts'
import type { Entry } from '../../src/core/ports.ts'
import type { Encoded, Sink } from '../../src/core/sink.ts'
import { eventIdOf } from '../../src/lib/event-id.ts'

export const NOW = Date.UTC(2026, 10, 22, 12)

/** Fills what the spine fills. */
export function finish(event: OcsfEvent, number: number): OcsfEvent {
  event.metadata.uid = eventIdOf('sample', String(number))
  event.metadata.logged_time = event.time + 5
  event.unmapped.keywatch.source = 'edge'
  event.unmapped.keywatch.source_type = 'mcp'
  return event
}

/** The n-th of a row of small MCP calls, one second apart. */
export const sampleEvent = (number: number, time = NOW - 60_000 + number): OcsfEvent =>
  finish(
    apiActivity({
      time,
      activity: 'other',
      activityName: 'Call',
      api: { operation: 'tools/call', service: { name: 'github-mcp' } },
      actor: { user: { name: 'ann', uid: 'u-17' } },
      src: { ip: '10.4.1.17', port: 50_122 },
      message: `tools/call search_issues ${number}`,
      status: 'success',
      keywatch: { action: 'mcp.tools/call', mcp: { method: 'tools/call', tool: 'search_issues' } }
    }),
    number
  )

export const entryOf = (event: OcsfEvent, sequence = 0): Entry => ({
  sequence,
  pointer: { segment: 0, offset: 0, length: 0 },
  event
})

export function encoded(sink: Sink, events: readonly OcsfEvent[]): Encoded[] {
  return events.map((event, sequence) => {
    const entry = entryOf(event, sequence)
    const body = sink.encode(entry)
    return { entry, body, bytes: Buffer.byteLength(body) }
  })
}

/** Three classes, with everything that a mapping looks at. */
export const goldenEvents = (): OcsfEvent[] => [
  finish(
    apiActivity({
      time: NOW - 90_000,
      activity: 'other',
      activityName: 'Call',
      api: { operation: 'tools/call', service: { name: 'github-mcp' }, response: { error: '-32603' } },
      actor: { user: { name: 'ann', uid: 'u-17', email_addr: 'ann@example.com' } },
      src: { ip: '10.4.1.17', port: 50_122 },
      dst: { hostname: 'mcp.example.com', port: 443 },
      duration: 184,
      message: 'tools/call search_issues on github-mcp',
      status: 'failure',
      severity: SEVERITY.medium,
      raw: '{"method":"tools/call"}',
      keywatch: {
        action: 'mcp.tools/call',
        mcp: { method: 'tools/call', tool: 'search_issues', server: { name: 'github-mcp', known: true } },
        credentials: [
          {
            fingerprint: 'kwfp1.k1.AAAAAAAAAAAAAAAAAAAAAA',
            type: 'github-pat',
            where: 'request.headers.authorization',
            use: 'presented'
          }
        ]
      }
    }),
    1
  ),
  finish(
    httpActivity({
      time: NOW - 60_000,
      request: {
        http_method: 'GET',
        url: { path: '/mcp', url_string: 'https://mcp.example.com/mcp' },
        user_agent: 'curl/8.9'
      },
      response: { code: 401, length: 17 },
      src: { ip: '192.0.2.7' }
    }),
    2
  ),
  finish(
    entityManagement({
      time: NOW - 30_000,
      activity: 'update',
      entity: { name: 'GITHUB_PAT', type: 'Secret', type_id: 99 },
      message: '{"status":"ok","host":"not yours"}',
      keywatch: { action: 'secret.updated', secret: { manager: 'doppler', name: 'GITHUB_PAT' } }
    }),
    3
  )
]

/** Texts that an attacker may put into any field. */
export const HOSTILE: readonly (readonly [string, string])[] = [
  ['quotes and newlines', '"}\n{"event":"forged"}\r\n\u2028'],
  ['control characters', '\u0000\u001b[31m\u007f'],
  ['a lone surrogate', 'a\ud800b'],
  ['an object', '{"status":"emergency","ddtags":"env:prod"}'],
  ['markup', '<script>alert(1)</script>'],
  ['a tag list', 'env:prod,team:x'],
  ['many bytes', '\u20ac'.repeat(1_000)]
]
