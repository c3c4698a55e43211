/**
 * What does an encoded MCP header value say? MCP 2026-07-28, Streamable HTTP: values of `Mcp-Name` and
 * `Mcp-Param-*` that are not plain ASCII are sent as `=?base64?<base64 of UTF-8>?=`, and so a proxy logs
 * them. They are decoded before redaction, because a credential may be inside.
 */
import { isObject } from './json.ts'

/** Stands in every text that holds an encoded value. */
export const MCP_BASE64 = '=?base64?'
const ENCODED = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/

/** A copy of the data in which every encoded value is decoded. Depth is bounded by the caller's limit. */
export function decodeMcpHeaderValues(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, decodeValue(value)]))
}

function decodeValue(value: unknown): unknown {
  if (typeof value === 'string') {
    const match = ENCODED.exec(value)
    return match ? Buffer.from(match[1] ?? '', 'base64').toString('utf8') : value
  }
  if (Array.isArray(value)) return value.map(decodeValue)
  return isObject(value) ? decodeMcpHeaderValues(value) : value
}
