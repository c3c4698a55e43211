/**
 * Regular expressions of detectors, made safe: no expression and no text can hold the process up.
 *
 * V8 gives up backtracking after a number of steps and goes on in an engine that is linear in the text
 * (v8.dev/blog/non-backtracking-regexp). That engine knows no look-around, no back-references, no letter case
 * and no repetition over 16; so an expression is rewritten (regex-rewrite.ts) into what it knows, compiled once
 * with the flag `l` to be sure, and refused if even that fails. A text is cut after 8 KiB.
 */
import { setFlagsFromString } from 'node:v8'
import { rewriteRegex } from './regex-rewrite.ts'

// Before the first expression of a detector is compiled: an expression keeps the engine it was born with.
setFlagsFromString('--enable-experimental-regexp-engine')
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')

/** Characters of a text that an expression gets to see. */
export const SUBJECT_CHARS_MAX = 8192

export interface RegexFlags {
  readonly i: boolean
  readonly m: boolean
  readonly s: boolean
}

/**
 * Compiles an expression that is searched for anywhere in a text, case-sensitive unless `i`.
 * Returns the test, or a reason why the expression cannot run.
 */
export function compileRegex(source: string, flags: RegexFlags): ((text: string) => boolean) | string {
  const rewritten = rewriteRegex(source, flags)
  if ('reason' in rewritten) return rewritten.reason
  const letters = rewritten.multiline ? 'm' : ''
  let regex: RegExp
  try {
    regex = new RegExp(rewritten.source, letters)
    new RegExp(rewritten.source, `${letters}l`)
  } catch {
    return 'this regular expression is not valid, or cannot run in linear time'
  }
  return text => regex.test(text.length > SUBJECT_CHARS_MAX ? text.slice(0, SUBJECT_CHARS_MAX) : text)
}
