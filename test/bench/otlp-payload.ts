/** The workload of the OTLP benchmark: one request of `count` MCP spans (or logs) of about 1 KB of protobuf each. */

const text = (key: string, value: string) => ({ key, value: { stringValue: value } })
const int = (key: string, value: number) => ({ key, value: { intValue: String(value) } })

const hex = (seed: number, length: number) =>
  (seed * 2654435761 + 12345).toString(16).padStart(length, 'a1b2c3d4e5f60718').slice(-length)

function attributes(n: number) {
  return [
    text('mcp.method.name', 'tools/call'),
    text('gen_ai.operation.name', 'execute_tool'),
    text('gen_ai.tool.name', `search_issues_${n % 20}`),
    text('jsonrpc.request.id', String(n)),
    text('mcp.protocol.version', '2026-07-28'),
    text('mcp.session.id', `8c1f0e52-9a54-4b1e-8a5e-${hex(n, 12)}`),
    text('network.transport', 'tcp'),
    text('network.protocol.name', 'http'),
    text('client.address', `10.2.${n % 200}.${n % 250}`),
    int('client.port', 40000 + n),
    text('server.address', 'mcp.example.com'),
    int('server.port', 443),
    text('user.id', `user-${n % 50}`),
    int('http.response.status_code', 200),
    {
      key: 'http.request.header.authorization',
      value: {
        arrayValue: { values: [{ stringValue: `Bearer ${hex(n, 16)}${hex(n + 7, 16)}${hex(n + 9, 16)}` }] }
      }
    },
    {
      key: 'gen_ai.tool.call.arguments',
      value: {
        kvlistValue: {
          values: [
            text('query', 'is:open label:bug authentication fails after the rotation of the token'),
            text('repository', 'example/payments-service'),
            int('limit', 50)
          ]
        }
      }
    }
  ]
}

const RESOURCE = {
  attributes: [
    text('service.name', 'github-mcp-server'),
    text('service.version', '1.4.2'),
    text('deployment.environment.name', 'production'),
    text('host.name', 'node-17.example.com'),
    text('telemetry.sdk.language', 'nodejs')
  ]
}
const SCOPE = { name: '@modelcontextprotocol/instrumentation', version: '0.3.0' }
const T0 = 1_795_000_000_000_000_000n

/** An ExportTraceServiceRequest in OTLP/JSON. */
export function tracesRequest(count: number): object {
  const spans = Array.from({ length: count }, (_, n) => ({
    traceId: hex(n + 1, 32),
    spanId: hex(n + 2, 16),
    parentSpanId: hex(n + 3, 16),
    name: `tools/call search_issues_${n % 20}`,
    kind: 2,
    startTimeUnixNano: String(T0 + BigInt(n) * 1_234_567n),
    endTimeUnixNano: String(T0 + BigInt(n) * 1_234_567n + 83_000_123n),
    attributes: attributes(n),
    status: { code: 1 }
  }))
  return { resourceSpans: [{ resource: RESOURCE, scopeSpans: [{ scope: SCOPE, spans }] }] }
}

/** An ExportLogsServiceRequest in OTLP/JSON. */
export function logsRequest(count: number): object {
  const logRecords = Array.from({ length: count }, (_, n) => ({
    timeUnixNano: String(T0 + BigInt(n) * 1_234_567n),
    observedTimeUnixNano: String(T0 + BigInt(n) * 1_234_567n + 5_000n),
    severityNumber: 9,
    severityText: 'INFO',
    body: { stringValue: 'tool call finished' },
    attributes: attributes(n),
    traceId: hex(n + 1, 32),
    spanId: hex(n + 2, 16)
  }))
  return { resourceLogs: [{ resource: RESOURCE, scopeLogs: [{ scope: SCOPE, logRecords }] }] }
}
