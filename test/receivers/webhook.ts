/**
 * A strict receiver of Standard Webhooks on loopback. The signature is judged by the `standardwebhooks` package,
 * not by our own code; its tolerance for the timestamp is five minutes.
 */
import { Webhook } from 'standardwebhooks'
import {
  type Judgement,
  member,
  type Receiver,
  type ReceiverOptions,
  runReceiver,
  startReceiver
} from './receiver.ts'

export const TEST_SECRET = `whsec_${Buffer.from('a test secret of thirty-two byte').toString('base64')}`

export interface WebhookOptions extends ReceiverOptions {
  readonly secret?: string
  /** Answers 410 to everything. */
  readonly gone?: boolean
}

const reply = (status: number, error: string) => ({ status, body: JSON.stringify({ error }) })

/** Starts the receiver. An event's id is `data[].metadata.uid`. */
export function startWebhook(options: WebhookOptions = {}): Promise<Receiver> {
  const verifier = new Webhook(options.secret ?? TEST_SECRET)
  return startReceiver(
    {
      encodings: ['identity', 'gzip'],
      inflatedBytesMax: 1_000_000,
      tooLarge: reply(413, 'too large'),
      unsupportedEncoding: reply(415, 'unsupported encoding'),
      tooMany: reply(429, 'too many'),
      unavailable: reply(503, 'unavailable'),
      admit: request => {
        if (options.gone) return reply(410, 'gone')
        return request.method === 'POST' ? undefined : reply(405, 'method')
      },
      judge(request, body, chaos): Judgement {
        const headers: Record<string, string> = {}
        for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature'])
          headers[name] = String(request.headers[name])
        let message: unknown
        try {
          message = verifier.verify(body, headers)
        } catch {
          return { ...reply(401, 'signature'), events: [] }
        }
        const data = member(message, 'data')
        if (!Array.isArray(data)) return { ...reply(400, 'data'), events: [] }
        const events = data.map((stored: unknown) => ({
          id: String(member(stored, 'metadata', 'uid')),
          stored
        }))
        if (events.some(({ id }) => chaos.poison?.(id))) return { ...reply(400, 'poison'), events: [] }
        return { status: 204, body: '', events }
      }
    },
    options
  )
}

if (import.meta.main) await runReceiver(startWebhook)
