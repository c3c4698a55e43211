/** A started API over real sockets with all its fakes, and raw bytes to throw at it. */
import { connect } from 'node:net'
import type { ApiDeps, AuditEntry } from '../../src/api/deps.ts'
import { createApi } from '../../src/api/server.ts'
import {
  fakeClock,
  fakeIntake,
  fakeJournal,
  fakeLog,
  fakeStore,
  fingerprintOf,
  LIMITS
} from '../fakes/api.ts'

/** A started API with all its fakes. Close it in the test. */
export async function startApi(change: Partial<ApiDeps> = {}) {
  const journals = { events: fakeJournal('events'), findings: fakeJournal('findings') }
  const store = fakeStore(journals)
  const intake = fakeIntake()
  const clock = fakeClock()
  const log = fakeLog()
  const audit: AuditEntry[] = []
  const state = { ready: true }
  const api = await createApi({
    intake,
    journals,
    store,
    redactor: { fingerprints: secret => [fingerprintOf(secret)], text: text => text },
    status: async () => ({ version: '0.1.0' }),
    metricsText: async () => '# HELP up Up.\nup 1\n',
    tokens: [],
    limits: LIMITS,
    clock,
    log,
    ready: () => state.ready,
    audit: entry => audit.push(entry),
    ...change
  })
  const address = { host: '127.0.0.1', port: 0 }
  const { http, otlp = '' } = await api.listen({ http: address, otlp: address })
  const port = Number(new URL(http).port)
  const close = () => api.close()
  return { api, url: http, otlp, port, journals, store, intake, clock, log, audit, state, close }
}
export type Running = Awaited<ReturnType<typeof startApi>>

/**
 * Writes bytes to a socket as they are and resolves with all that comes back until the server closes, or, with
 * `until`, until that text has come.
 */
export function rawExchange(port: number, bytes: string | Buffer, until?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let got = ''
    socket.on('data', chunk => {
      got += chunk.toString('latin1')
      if (until !== undefined && got.includes(until)) socket.destroy()
    })
    socket.on('error', error => (got === '' ? reject(error) : resolve(got)))
    socket.on('close', () => resolve(got))
  })
}

/** Resolves when `holds` does; looks again after every turn of the event loop. */
export async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve))
}
