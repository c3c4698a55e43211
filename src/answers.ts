/** How the spine answers a sender where its protocol has no form of its own. */
import { type ErrorCode, KeywatchError, reasonOf } from './core/errors.ts'
import type { IntakeAnswer } from './core/intake.ts'
import type { Refusal } from './core/ports.ts'
import type { IntakeResult } from './core/source.ts'

const RETRY_AFTER_S = 5
/** A refusal for an error of the append or of a decoder. */
export function refusalOf(error: unknown): Refusal {
  const code: ErrorCode = error instanceof KeywatchError ? error.code : 'KW_BODY_UNPARSEABLE'
  if (code.startsWith('KW_JOURNAL_'))
    return { status: 503, code, reason: reasonOf(error), retryAfterS: RETRY_AFTER_S }
  if (code === 'KW_BODY_TYPE') return { status: 415, code, reason: reasonOf(error) }
  if (code === 'KW_BODY_TOO_LARGE') return { status: 413, code, reason: reasonOf(error) }
  return {
    status: 400,
    code,
    reason: error instanceof KeywatchError ? error.message : 'the body cannot be parsed'
  }
}

function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): IntakeAnswer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}

/** The counts, or an error whose message quotes nothing. */
export function plainAnswer(outcome: { result: IntakeResult } | { refusal: Refusal }): IntakeAnswer {
  if ('result' in outcome) return json(200, outcome.result)
  const { status, code, reason, retryAfterS } = outcome.refusal
  return json(
    status,
    { error: { code, message: reason } },
    retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }
  )
}
