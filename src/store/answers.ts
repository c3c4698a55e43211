/** Rows of DuckDB to the shapes of the store's contract. The column order is that of sql.ts. */
import type { DuckDBValue } from '@duckdb/node-api'
import type { CredentialSummary, Hit } from '../core/store.ts'

type Row = readonly DuckDBValue[]

/** From: sequence, time, segment, position, length. */
export function hitOf([sequence, time, segment, position, length]: Row): Hit {
  return {
    sequence: Number(sequence),
    time: Number(time),
    pointer: { segment: Number(segment), offset: Number(position), length: Number(length) }
  }
}

/** In the order of the fingerprints that were asked for; those never seen are left out. */
export function summariesOf(
  fingerprints: readonly string[],
  counts: readonly Row[],
  textRows: readonly Row[]
): CredentialSummary[] {
  const seen = new Map<string, string[]>()
  for (const [fingerprint, kind, text] of textRows) {
    const key = `${kind} ${fingerprint}`
    const texts = seen.get(key)
    if (texts) texts.push(String(text))
    else seen.set(key, [String(text)])
  }
  const order = new Map(fingerprints.map((fingerprint, index) => [fingerprint, index]))
  const place = (summary: CredentialSummary) => order.get(summary.fingerprint) ?? order.size
  return counts.map(row => summaryOf(row, seen)).sort((a, b) => place(a) - place(b))
}

/** From: fingerprint, events, presented, exposed, first time, last time. */
function summaryOf(row: readonly DuckDBValue[], seen: ReadonlyMap<string, string[]>): CredentialSummary {
  const [name, events, presented, exposed, firstSeen, lastSeen] = row
  const fingerprint = String(name)
  const texts = (kind: string) => seen.get(`${kind} ${fingerprint}`) ?? []
  return {
    fingerprint,
    types: texts('type'),
    events: Number(events),
    presented: Number(presented),
    exposed: Number(exposed),
    firstSeen: Number(firstSeen),
    lastSeen: Number(lastSeen),
    servers: texts('server'),
    actors: texts('actor'),
    ips: texts('ip'),
    sources: texts('source')
  }
}
