/**
 * How fast is OTLP decoded? Prints records per CPU-second for requests of 100 MCP records of about 1 KB, in both
 * encodings, beside protobufjs reading the same bytes into its own objects. Run: node test/bench/otlp.ts
 */
import { decodeOtlp } from '../../src/decode/otlp.ts'
import { eventOf } from '../../src/decode/otlp-event.ts'
import { vocabulary } from '../../src/decode/otlp-facts.ts'
import { decodeMessage, encodeRequest } from '../decode/otlp-encoder.ts'
import { logsRequest, tracesRequest } from './otlp-payload.ts'

const COUNT = 100

/** CPU time per record of `work`, which handles COUNT records, in microseconds: the median of nine rounds. */
function measure(work: () => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round < 12; round++) {
    const start = process.cpuUsage()
    const repeats = 100
    for (let n = 0; n < repeats; n++) work()
    const { user, system } = process.cpuUsage(start)
    if (round >= 3) rounds.push((user + system) / (repeats * COUNT))
  }
  return rounds.sort((a, b) => a - b)[4] ?? 0
}

function report(name: string, bytes: number, work: () => unknown): void {
  const micros = measure(work)
  const rate = Math.round(1e6 / micros).toLocaleString('en')
  console.log(
    `${name.padEnd(34)} ${String(Math.round(bytes / COUNT)).padStart(5)} B  ${micros.toFixed(2).padStart(6)} µs  ${rate.padStart(9)} records/CPU-s`
  )
}

console.log(`OTLP requests of ${COUNT} MCP records, Node ${process.version}`)
for (const [signal, message, request] of [
  ['traces', 'TracesRequest', tracesRequest(COUNT)],
  ['logs', 'LogsRequest', logsRequest(COUNT)]
] as const) {
  const protobuf = encodeRequest(message, request)
  const json = Buffer.from(JSON.stringify(request))
  report(`decode ${signal} protobuf`, protobuf.length, () => decodeOtlp(signal, 'protobuf', protobuf))
  report(`decode ${signal} json`, json.length, () => decodeOtlp(signal, 'json', json))
  report(`protobufjs ${signal} (toObject)`, protobuf.length, () => decodeMessage(message, protobuf))
  report(`JSON.parse ${signal} alone`, json.length, () => JSON.parse(json.toString('utf8')))

  const clean = decodeOtlp(signal, 'protobuf', protobuf).records.map(({ data }) => ({
    data,
    raw: JSON.stringify(data),
    credentials: []
  }))
  const meta = { sourceId: 'otlp', receivedAt: 1_795_000_000_000 }
  for (const keepContent of [true, false]) {
    const options = { keepContent, include: new Set(['mcp'] as const), names: vocabulary() }
    report(`normalise ${signal}, content ${keepContent ? 'kept' : 'dropped'}`, protobuf.length, () => {
      for (const record of clean) eventOf(record, meta, options)
    })
  }
}
