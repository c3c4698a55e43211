/**
 * How the metrics of core/metric-names.ts are counted and shown: prom-client behind the Metrics port, the
 * Prometheus text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/).
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { METRICS } from '../core/metric-names.ts'
import type { MetricName, Metrics } from '../core/ports.ts'

/** Content type of `text()`. */
export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface MetricsRegistry extends Metrics {
  /** The Prometheus text of everything counted so far, process metrics included. */
  text(): Promise<string>
}

type Instrument =
  | { readonly kind: 'counter'; readonly metric: Counter }
  | { readonly kind: 'gauge'; readonly metric: Gauge }
  | { readonly kind: 'histogram'; readonly metric: Histogram }

/** Seconds. A commit is one fsync: from a tenth of a millisecond (NVMe) to seconds (a sick disk). */
const COMMIT_BUCKETS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
/** Seconds. One HTTP exchange with a far side, up to its time-out. */
const EXCHANGE_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const BUCKETS: Partial<Record<MetricName, number[]>> = {
  keywatch_journal_commit_seconds: COMMIT_BUCKETS,
  keywatch_sink_send_seconds: EXCHANGE_BUCKETS
}

function instrument(name: MetricName, registry: Registry): Instrument {
  const { kind, help, labels } = METRICS[name]
  const common = { name, help, labelNames: [...labels], registers: [registry] }
  if (kind === 'counter') return { kind, metric: new Counter(common) }
  if (kind === 'gauge') return { kind, metric: new Gauge(common) }
  return { kind, metric: new Histogram({ ...common, buckets: BUCKETS[name] ?? EXCHANGE_BUCKETS }) }
}

/** Memory, CPU and event-loop delay, read when someone asks: nothing runs in between but the loop's own timer. */
function addProcessMetrics(registry: Registry): void {
  const registers = [registry]
  const loop = monitorEventLoopDelay({ resolution: 20 })
  loop.enable()
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss())
    }
  })
  new Gauge({
    name: 'process_heap_used_bytes',
    help: 'JavaScript heap in use.',
    registers,
    collect() {
      this.set(process.memoryUsage().heapUsed)
    }
  })
  new Gauge({
    name: 'process_uptime_seconds',
    help: 'Seconds since the process started.',
    registers,
    collect() {
      this.set(process.uptime())
    }
  })
  let counted = 0
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process, user and system, all threads.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      const seconds = (user + system) / 1e6
      this.inc(Math.max(0, seconds - counted))
      counted = seconds
    }
  })
  const lag = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const nanoseconds = read()
        this.set(Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0)
      }
    })
  lag(
    'nodejs_eventloop_lag_p99_seconds',
    '99th percentile of the event-loop delay since the last scrape.',
    () => loop.percentile(99)
  )
  // Registered last, so that it clears the histogram after the percentile was read.
  lag('nodejs_eventloop_lag_max_seconds', 'Longest event-loop delay since the last scrape.', () => {
    const { max } = loop
    loop.reset()
    return max
  })
}

/**
 * The Metrics port over prom-client. Throws for a label that METRICS does not name, and for a name used as
 * another kind than it is: both are bugs of the caller.
 */
export function createMetrics(): MetricsRegistry {
  const registry = new Registry()
  const instruments = new Map<MetricName, Instrument>()
  // METRICS is a literal object: its own keys are exactly the metric names.
  for (const name of Object.keys(METRICS) as MetricName[]) instruments.set(name, instrument(name, registry))
  addProcessMetrics(registry)
  const wrongKind = (name: MetricName, kind: string) => new TypeError(`${name} is not a ${kind}`)
  return {
    count(name, labels = {}, by = 1) {
      const found = instruments.get(name)
      if (found?.kind !== 'counter') throw wrongKind(name, 'counter')
      found.metric.inc(labels, by)
    },
    gauge(name, labels, value) {
      const found = instruments.get(name)
      if (found?.kind !== 'gauge') throw wrongKind(name, 'gauge')
      found.metric.set(labels, value)
    },
    observe(name, labels, value) {
      const found = instruments.get(name)
      if (found?.kind !== 'histogram') throw wrongKind(name, 'histogram')
      found.metric.observe(labels, value)
    },
    text: () => registry.metrics()
  }
}
