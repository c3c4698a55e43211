import { describe, expect, it } from 'vitest'
import { apiActivity, httpActivity } from '../../src/core/build.ts'
import { eventLine } from '../../src/event-line.ts'

describe('an event on one line of a terminal', () => {
  it('says when, how bad, who, what and which credential', () => {
    const event = apiActivity({
      time: Date.UTC(2026, 10, 22, 12),
      activity: 'other',
      api: { operation: 'tools/call' },
      actor: { user: { name: 'ada' } },
      src: { ip: '192.0.2.1' },
      keywatch: {
        mcp: { method: 'tools/call', tool: 'query', server: { name: 'postgres-mcp' } },
        credentials: [
          { type: 'jwt', where: 'headers.authorization', use: 'presented', fingerprint: 'kwfp1.k1.abc' }
        ]
      }
    })
    expect(eventLine(event)).toBe(
      '2026-11-22T12:00:00.000Z  info      api_activity        192.0.2.1        ada  tools/call query on postgres-mcp  presented:jwt:kwfp1.k1.abc'
    )
  })

  it.each([
    ['an escape sequence', '\x1b]0;owned\x07'],
    ['a new line that would forge an entry', '\n2026-11-22T12:00:00.000Z  info'],
    ['a direction override', '\u202egnp.exe'],
    ['a C1 control', '\x9b31m'],
    ['a carriage return', '\roverwritten']
  ])('shows %s instead of obeying it', (_, hostile) => {
    const line = eventLine(
      httpActivity({ time: 1, request: { http_method: 'GET', url: { path: `/a${hostile}` } } })
    )
    expect([...line].every(c => c >= ' ' && !/[\x7f-\x9f\u202a-\u202e\u2066-\u2069]/.test(c))).toBe(true)
    expect(line).toMatch(/\\u[0-9a-f]{4}/)
  })
})
