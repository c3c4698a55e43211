/** Durations (`500ms`, `5s`, `15m`, `2h`, `90d`) and sizes (`64KiB`, `1MB`) as people write them. */
import { z } from 'zod'

const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
  d: 86400e3,
  w: 7 * 86400e3
}
const SIZE_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3
}

/** `1.5h` → 5400000. Undefined if the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)$/.exec(text.trim())
  if (!match) return undefined
  return Math.round(Number(match[1]) * (DURATION_MS[match[2] ?? ''] ?? 0))
}

/** `64KiB` → 65536, `1MB` → 1000000, `17` → 17. Undefined if the text is no size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?i?b)?$/i.exec(text.trim())
  if (!match) return undefined
  return Math.round(Number(match[1]) * (SIZE_BYTES[(match[2] ?? 'b').toLowerCase()] ?? 0))
}

const asNumber = (parse: (text: string) => number | undefined, what: string) =>
  z.union([z.string(), z.number()]).transform((value, context) => {
    const parsed = typeof value === 'number' ? value : parse(value)
    if (parsed === undefined || !Number.isFinite(parsed) || parsed < 0) {
      context.addIssue({ code: 'custom', message: `expected ${what}` })
      return z.NEVER
    }
    return parsed
  })

/** Option schema: a duration; the parsed value is milliseconds. */
export const duration = () => asNumber(parseDuration, 'a duration, for instance 500ms, 5s, 15m, 2h or 90d')
/** Option schema: a size; the parsed value is bytes. */
export const size = () => asNumber(parseSize, 'a size, for instance 64KiB or 5MB')
/** Option schema: a value that is never printed. `${ENV}` and `${file:…}` are resolved before. */
export const secretText = () => z.string().min(1).meta({ secret: true })
/** One secret or several that are all active, so that a rotation has no gap. */
export const secretTexts = () =>
  z
    .union([secretText(), z.array(secretText()).min(1)])
    .transform(value => (typeof value === 'string' ? [value] : value))
