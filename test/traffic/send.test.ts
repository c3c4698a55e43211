/** The sender of made-up traffic against far sides that are busy, broken, choosy or silent. */
import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../src/traffic/deliveries.ts'
import { send } from '../../src/traffic/send.ts'

const DELIVERY: Delivery = {
  channel: 'gateway',
  time: 0,
  contentType: 'application/x-ndjson',
  body: '{"a":1}\n{"a":2}\n',
  records: 2
}
const TARGET = { url: 'http://127.0.0.1:8080/ingest/gateway', headers: { authorization: 'Bearer t' } }

const counts = (accepted: number, quarantined = 0, duplicates = 0) =>
  Response.json({ accepted, quarantined, duplicates })
const busy = (after?: string) =>
  new Response('', { status: 503, headers: after === undefined ? {} : { 'retry-after': after } })

/** A far side that gives these answers in order, the last one for ever; a text is a broken connection. */
function farSide(...answers: readonly (() => Response | string)[]) {
  const waits: number[] = []
  const requests: RequestInit[] = []
  const fake: typeof fetch = async (_url, init) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]?.() ?? counts(2)
    requests.push(init ?? {})
    if (typeof answer === 'string') throw new TypeError(answer)
    return answer
  }
  const clock = {
    now: () => 0,
    sleep: async (ms: number) => {
      waits.push(ms)
    }
  }
  return { waits, requests, send: () => send(DELIVERY, TARGET, { fetch: fake, clock }) }
}

describe('send', () => {
  it('posts body, content type and headers as they are, and passes the counts on', async () => {
    const far = farSide(() => counts(1, 1))
    expect(await far.send()).toEqual({ accepted: 1, quarantined: 1, duplicates: 0, refused: 0 })
    expect(far.requests).toMatchObject([
      {
        method: 'POST',
        body: DELIVERY.body,
        headers: { authorization: 'Bearer t', 'content-type': 'application/x-ndjson' }
      }
    ])
  })

  it.each([
    ['Retry-After in seconds', '7', 7000],
    ['no Retry-After', undefined, 1000],
    ['a Retry-After that is none', 'soon', 1000],
    ['more than is sensible', '86400', 30_000]
  ] as const)('waits and tries again after a 503 with %s', async (_, after, ms) => {
    const far = farSide(
      () => busy(after),
      () => new Response('', { status: 429 }),
      () => counts(2)
    )
    expect(await far.send()).toMatchObject({ accepted: 2, refused: 0 })
    expect(far.waits).toEqual([ms, 1000])
    expect(far.requests).toHaveLength(3)
  })

  it('gives up on a far side that stays busy, and says so', async () => {
    const far = farSide(() => busy('0'))
    expect(await far.send()).toEqual({ accepted: 0, quarantined: 0, duplicates: 0, refused: 2, status: 503 })
    expect(far.requests).toHaveLength(30)
  })

  it.each([400, 401, 403, 404, 413, 415, 500])(
    'takes a %i as a refusal, without a second try',
    async status => {
      const far = farSide(() => new Response('why', { status }))
      expect(await far.send()).toMatchObject({ refused: 2, status })
      expect(far.requests).toHaveLength(1)
    }
  )

  it('reads what OTLP says of a part that was not taken', async () => {
    const far = farSide(() => Response.json({ partialSuccess: { rejectedSpans: '1', errorMessage: 'x' } }))
    expect(await far.send()).toEqual({ accepted: 1, quarantined: 1, duplicates: 0, refused: 0 })
    const empty = farSide(() => Response.json({}))
    expect(await empty.send()).toMatchObject({ accepted: 2 })
  })

  it('sends again when a connection breaks on the way, but says at once when nobody is there', async () => {
    const far = farSide(
      () => busy('0'),
      () => 'reset',
      () => counts(2)
    )
    expect(await far.send()).toMatchObject({ accepted: 2 })
    await expect(farSide(() => 'refused').send()).rejects.toMatchObject({ code: 'KW_NOT_FOUND' })
  })
})
