/** The Prometheus side of the Metrics port. */
import { describe, expect, it } from 'vitest'
import { METRICS } from '../../src/core/metric-names.ts'
import { createMetrics } from '../../src/lib/metrics.ts'

describe('metrics', () => {
  it('exposes every name of the table with its help and type, and the process beside them', async () => {
    const text = await createMetrics().text()
    for (const [name, { kind, help }] of Object.entries(METRICS)) {
      expect(text).toContain(`# HELP ${name} ${help}`)
      expect(text).toContain(`# TYPE ${name} ${kind}`)
    }
    expect(Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1])).toBeGreaterThan(1e6)
    for (const name of [
      'process_cpu_seconds_total',
      'nodejs_eventloop_lag_p99_seconds',
      'nodejs_eventloop_lag_max_seconds'
    ])
      expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'))
  })

  it('counts, sets and observes', async () => {
    const metrics = createMetrics()
    metrics.count('keywatch_records_total', { source: 'a', result: 'accepted' })
    metrics.count('keywatch_records_total', { source: 'a', result: 'accepted' }, 41)
    metrics.gauge('keywatch_journal_entries', { journal: 'events' }, 7)
    metrics.observe('keywatch_journal_commit_seconds', { journal: 'events' }, 0.003)
    const text = await metrics.text()
    expect(text).toContain('keywatch_records_total{source="a",result="accepted"} 42')
    expect(text).toContain('keywatch_journal_entries{journal="events"} 7')
    expect(text).toContain('keywatch_journal_commit_seconds_bucket{le="0.0025",journal="events"} 0')
    expect(text).toContain('keywatch_journal_commit_seconds_bucket{le="0.005",journal="events"} 1')
    expect(text).toContain('keywatch_journal_commit_seconds_sum{journal="events"} 0.003')
  })

  it('escapes label values and refuses labels and kinds that the table does not have', async () => {
    const metrics = createMetrics()
    metrics.gauge('keywatch_sink_held', { sink: 'a"b\nc\\d' }, 1)
    expect(await metrics.text()).toContain('keywatch_sink_held{sink="a\\"b\\nc\\\\d"} 1')
    expect(() => metrics.count('keywatch_sink_entries_total', { other: 'x' })).toThrow()
    expect(() => metrics.count('keywatch_sink_held', { sink: 'x' })).toThrow('is not a counter')
  })

  it('two registries know nothing of each other', async () => {
    const one = createMetrics()
    one.count('keywatch_sink_entries_total', { sink: 'x' })
    expect(await createMetrics().text()).not.toContain('sink="x"')
  })
})
