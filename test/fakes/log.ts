/** A log that keeps what it was told. */
import type { Log } from '../../src/core/ports.ts'

export interface FakeLog extends Log {
  readonly lines: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[]
}

export function fakeLog(): FakeLog {
  const lines: FakeLog['lines'] = []
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    lines.push({ level, message, fields })
  }
  return { lines, info: at('info'), warn: at('warn'), error: at('error') }
}
