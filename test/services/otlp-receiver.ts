/**
 * A small loopback listener around the otlp source, for tests with real senders. `bodies` and `refuse` are for the
 * test; what a sender sees is the source's own answer. A Keywatch process can stand in its place: give its URL to the
 * sender and read its journal.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import { KeywatchError, reasonOf } from '../../src/core/errors.ts'
import type { RawRecord, Refusal } from '../../src/core/ports.ts'
import type { IntakeRequest, Source } from '../../src/core/source.ts'

export interface Receiver {
  readonly url: string
  readonly records: RawRecord[]
  readonly bodies: { path: string; type: string; bytes: Buffer }[]
  /** Refusals for the next requests, in order. */
  readonly refuse: Refusal[]
  close(): Promise<void>
}

export async function startReceiver(source: Source): Promise<Receiver> {
  const records: RawRecord[] = []
  const bodies: Receiver['bodies'] = []
  const refuse: Refusal[] = []

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(Buffer.from(chunk))
    const sent = Buffer.concat(chunks)
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent
    const intake: IntakeRequest = {
      method: request.method ?? '',
      path: (request.url ?? '').slice(1),
      query: new URLSearchParams(),
      headers: new Map(Object.entries(request.headers).map(([name, value]) => [name, [value ?? ''].flat()])),
      body,
      remoteAddress: '127.0.0.1',
      receivedAt: Date.now()
    }
    bodies.push({ path: intake.path, type: request.headers['content-type'] ?? '', bytes: body })
    const reply = source.answer?.(intake, outcomeOf(intake))
    response.writeHead(reply?.status ?? 500, reply?.headers)
    response.end(reply?.body)
  }

  function outcomeOf(intake: IntakeRequest): Parameters<NonNullable<Source['answer']>>[1] {
    const refusal = refuse.shift()
    if (refusal) return { refusal }
    try {
      const decoded = source.decode?.(intake) ?? { records: [], bad: [] }
      records.push(...decoded.records)
      return { result: { accepted: decoded.records.length, quarantined: decoded.bad.length, duplicates: 0 } }
    } catch (error) {
      const code = error instanceof KeywatchError ? error.code : 'KW_BODY_UNPARSEABLE'
      return { refusal: { status: code === 'KW_BODY_TYPE' ? 415 : 400, code, reason: reasonOf(error) } }
    }
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // listening on a port, so it is no pipe
  return {
    url: `http://127.0.0.1:${port}`,
    records,
    bodies,
    refuse,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}
