/** Every metric Keywatch exposes at /metrics: type, help text and labels. Documented in docs/reference.md. */

type Kind = 'counter' | 'gauge' | 'histogram'
interface MetricSpec {
  readonly kind: Kind
  readonly help: string
  readonly labels: readonly string[]
}

export const METRICS = {
  keywatch_records_total: {
    kind: 'counter',
    help: 'Records received, by result.',
    labels: ['source', 'result']
  },
  keywatch_requests_total: {
    kind: 'counter',
    help: 'Requests to intake paths, by HTTP status.',
    labels: ['source', 'status']
  },
  keywatch_refusals_total: {
    kind: 'counter',
    help: 'Refused intake requests, by error code.',
    labels: ['source', 'code']
  },
  keywatch_credentials_total: {
    kind: 'counter',
    help: 'Credentials found and redacted.',
    labels: ['source', 'use']
  },
  keywatch_redaction_failures_total: {
    kind: 'counter',
    help: 'Fields or records replaced whole because redaction hit a limit or failed.',
    labels: ['source']
  },
  keywatch_journal_entries: { kind: 'gauge', help: 'Entries in a journal.', labels: ['journal'] },
  keywatch_journal_commit_seconds: {
    kind: 'histogram',
    help: 'Time of one group commit, fsync included.',
    labels: ['journal']
  },
  keywatch_derive_lag_entries: { kind: 'gauge', help: 'Entries not yet derived.', labels: ['stage'] },
  keywatch_findings_total: {
    kind: 'counter',
    help: 'Findings made, by detector and level.',
    labels: ['detector', 'level']
  },
  keywatch_detector_state_evictions_total: {
    kind: 'counter',
    help: 'Correlation groups dropped because a cap was reached.',
    labels: ['detector']
  },
  keywatch_sink_lag_entries: {
    kind: 'gauge',
    help: 'Entries not yet delivered, per sink.',
    labels: ['sink']
  },
  keywatch_sink_oldest_seconds: {
    kind: 'gauge',
    help: 'Age of the oldest undelivered entry, per sink.',
    labels: ['sink']
  },
  keywatch_sink_requests_total: {
    kind: 'counter',
    help: 'Requests to a sink, by verdict.',
    labels: ['sink', 'verdict']
  },
  keywatch_sink_entries_total: { kind: 'counter', help: 'Entries a sink accepted.', labels: ['sink'] },
  keywatch_sink_dead_letters_total: {
    kind: 'counter',
    help: 'Entries that went to the dead letters.',
    labels: ['sink']
  },
  keywatch_sink_held: { kind: 'gauge', help: '1 while a sink is on hold.', labels: ['sink'] },
  keywatch_sink_send_seconds: { kind: 'histogram', help: 'Time of one request to a sink.', labels: ['sink'] },
  keywatch_store_rows: { kind: 'gauge', help: 'Rows in the store.', labels: ['table'] }
} as const satisfies Record<string, MetricSpec>
