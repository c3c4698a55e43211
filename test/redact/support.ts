/** A redactor with fixed keys, and a search for a secret in everything that leaves. */
import type { CleanRecord } from '../../src/core/ports.ts'
import type { FingerprintKey } from '../../src/redact/fingerprint.ts'
import { createRedactor, type RedactorOptions } from '../../src/redact/redact.ts'

export const KEY: FingerprintKey = { id: 'k1', master: Buffer.alloc(32, 1), state: 'live' }
export const redactorWith = (options: Partial<RedactorOptions> = {}) =>
  createRedactor({ keys: [KEY], ...options })
export const redactor = redactorWith()

export const json = (data: unknown, using = redactor): CleanRecord =>
  using.record({ data, raw: JSON.stringify(data), kind: 'json' })

/** The forms in which a secret could have survived. */
export function formsOf(secret: string): string[] {
  const base64 = Buffer.from(secret).toString('base64')
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    base64.replace(/=+$/, ''),
    Buffer.from(secret).toString('base64url'),
    Buffer.from(secret).toString('hex')
  ]
}

/** Everything that leaves, as one text, with its layers of encoding undone. */
export function outputOf(record: CleanRecord): string {
  const text = `${JSON.stringify(record.data)}\n${record.raw}\n${JSON.stringify(record.credentials)}`
  const unescaped = text
    .replace(/\\+u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll('\\', '')
  let decoded = unescaped
  try {
    decoded = decodeURIComponent(unescaped.replace(/%(?![0-9a-f]{2})/gi, '%25'))
  } catch {
    // Not valid UTF-8 underneath: the forms above are all there is.
  }
  const inner = [...unescaped.matchAll(/[A-Za-z0-9+/_-]{16,}/g)].map(run =>
    Buffer.from(run[0], 'base64').toString('latin1')
  )
  return [text, unescaped, decoded, ...inner].join('\n')
}

export function survives(record: CleanRecord, secret: string): boolean {
  const output = outputOf(record)
  return formsOf(secret).some(form => output.includes(form))
}
