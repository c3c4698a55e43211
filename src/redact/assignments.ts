/**
 * Which values does free text assign to a sensitive name?
 *
 *   name [quote] ( "=" / ":" / "=>" / ":=" ) [quote] value [quote]      KEY=VALUE, JSON, YAML, headers, INI, ADO strings
 *   ( "?" / "&" / "#" / ";" ) name "=" value                            query and fragment of a URL
 *   "--name" SP value      "<name>" value "</"      name " is " value   name " '" value "'"
 *
 * Quotes may carry backslashes (JSON inside JSON); the closing one has as many as the opening one.
 */
import { authFinding, cookieFindings } from './auth-header.ts'
import { classifyName, isReference, type KeyClass, KIND, queryType } from './key-class.ts'
import { isVoid } from './placeholder.ts'
import { type Finding, finding, RANK } from './spans.ts'

const NAME_MAX = 64
const isNameUnit = (unit: number) =>
  (unit >= 97 && unit <= 122) ||
  (unit >= 65 && unit <= 90) ||
  (unit >= 48 && unit <= 57) ||
  unit === 95 ||
  unit === 45 ||
  unit === 46 ||
  unit === 37

const SEPARATOR =
  /(?:\\*["'`])?\]?[ \t]{0,8}(?:=>|:=|==?|:)[ \t]{0,8}|\s{0,4}\\*["'`]?\s{0,4},\s{0,4}(?:\\*["'`])?value(?:\\*["'`])?\s{0,4}[:=]\s{0,4}/y
const FORM_PART = /"[^\r\n]{0,80}\r?\n(?:[^\r\n]{1,200}\r?\n){0,4}\r?\n/y
const SPACE = /[ \t]{1,8}/y
const SPACE_QUOTE = /[ \t]{1,8}(?=['"])/y
const IS = /[ \t](?:is|was)[ \t](?:now[ \t])?/y
const QUOTE = /\\*["'`]/y
/** Unquoted: brackets, commas and semicolons belong to a value if more of it follows, unless that is a name. */
const BARE =
  /(?:[^\s"'`<>&;,)\]}|\\]|\\(?![nrt"'`])|[,)\]}|;](?=[^\s"'`<>&;,)\]}|\\])(?![A-Za-z_][\w .-]{0,40}[=:]))+/y
const QUERY_VALUE = /[^\s"'`<>&#\\]+/y
const LINE = /[^\r\n]+/y
const AUTH_BARE = /(?:[A-Za-z][\w-]{1,31}[ \t]+)?[^\s"'`<>,;\\]+/y
const LISTED_SCHEME =
  /^(?:digest|aws4-|oauth|hawk|signature|sharedaccesssignature|mac|token +token=|dpop|vapid|goog4-)/i
const COOKIE_LINE = /[^\r\n"'`\\]+/y
/** States of a credential that messages name after a colon: no values. */
const STATUS =
  /^(?:required|invalid|incorrect|expired|missing|empty|changed|reset|ok|failed|wrong|mismatch|not|is|was|must|cannot|can|unauthorized|revoked|rejected|denied|unknown|malformed|set|unset|updated|rotated|created|deleted|found|bad|valid|and|or|for|the|a|an|to|of|in|on|with|from|by|has|no|string|undefined|object|boolean|number|disabled|enabled|optional|default|error|too|authentication|validation|verification|present|absent|cookie|header|bearer|basic|signature)[.,;:!?)]*$/i

/** Common names only, without digits, so that nothing that could be a credential stays in memory. */
const REMEMBERED = /^[A-Za-z_.-]{1,40}$/
const REMEMBERED_MAX = 1024

/** A function of a name that remembers common ones; emptied when full. */
function remember<T>(of: (name: string) => T): (name: string) => T {
  const known = new Map<string, { value: T }>()
  return name => {
    const found = known.get(name)
    if (found) return found.value
    const value = of(name)
    if (REMEMBERED.test(name)) {
      if (known.size >= REMEMBERED_MAX) known.clear()
      known.set(name, { value })
    }
    return value
  }
}

const classify = remember(classifyName)
const typeInQuery = remember(queryType)

const exec = (pattern: RegExp, text: string, at: number): string | undefined => {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

/** End of a quoted value that starts at `from`: where the same quote with the same backslashes is. -1: unclosed. */
function closing(text: string, from: number, quote: string): number {
  for (let at = text.indexOf(quote, from); at !== -1; at = text.indexOf(quote, at + 1)) {
    let slashes = 0
    while (at - 1 - slashes >= from && text.charCodeAt(at - 1 - slashes) === 92) slashes++
    if (slashes === 0 || (quote.length === 1 && slashes % 2 === 0)) return at
  }
  return -1
}

interface Name {
  readonly text: string
  readonly start: number
  readonly end: number
}

function nameAround(text: string, start: number, end: number): Name {
  let from = start
  while (from > 0 && start - from < NAME_MAX && isNameUnit(text.charCodeAt(from - 1))) from--
  let to = Math.max(start, Math.min(end, text.length))
  // The literal may already hold the separator (`code=`): the name ends before it.
  while (to > start && !isNameUnit(text.charCodeAt(to - 1))) to--
  while (to < text.length && to - end < NAME_MAX && isNameUnit(text.charCodeAt(to))) to++
  const flag = text.slice(from, start).lastIndexOf('--')
  if (flag > 0) from += flag
  return { text: text.slice(from, to), start: from, end: to }
}

type How = 'equals' | 'colon' | 'argument' | 'prose' | 'markup'

/** Where the value starts and how it was assigned, or undefined if nothing is. */
function separate(text: string, name: Name, password: boolean): { at: number; how: How } | undefined {
  const plain = exec(SEPARATOR, text, name.end)
  if (plain !== undefined)
    return { at: name.end + plain.length, how: plain.includes('=') ? 'equals' : 'colon' }
  const before = text.charCodeAt(name.start - 1)
  if (before === 60 && text.charCodeAt(name.end) === 62) return { at: name.end + 1, how: 'markup' }
  if (name.text.startsWith('--') || (name.text.startsWith('-') && password)) {
    const gap = exec(SPACE, text, name.end)
    if (gap !== undefined && text.charCodeAt(name.end + gap.length) !== 45)
      return { at: name.end + gap.length, how: 'argument' }
  }
  const part = before === 34 ? exec(FORM_PART, text, name.end) : undefined
  if (part !== undefined) return { at: name.end + part.length, how: 'equals' }
  if (!password) return undefined
  const gap = exec(SPACE_QUOTE, text, name.end) ?? exec(IS, text, name.end)
  return gap === undefined ? undefined : { at: name.end + gap.length, how: 'prose' }
}

/** Looks at a stem of a name at [start, end). Returns where looking for names goes on, at least `end`. */
export function assignment(text: string, start: number, end: number, out: Finding[]): number {
  const name = nameAround(text, start, end)
  const resume = Math.max(name.end, end)
  const before = name.start > 0 ? text.charCodeAt(name.start - 1) : 0
  const inQuery =
    (before === 63 || before === 38 || before === 35 || before === 59) && text.charCodeAt(name.end) === 61
  if (inQuery) {
    const type = typeInQuery(name.text)
    if (type === undefined) return resume
    return queryValue(text, name, type, out)
  }
  const found = classify(name.text)
  const type = found.type
  if (
    found.kind < KIND.auth ||
    found.kind === KIND.value ||
    found.kind === KIND.jwk ||
    found.kind === KIND.user
  )
    return resume
  // `arn:aws:secretsmanager:…:secret:prod/db` is a name.
  if (found.kind === KIND.weak && before === 58) return resume
  const separated = separate(text, name, /^pass/.test(type))
  if (!separated) return resume
  const { at, how } = separated
  const quote = exec(QUOTE, text, at)
  if (quote !== undefined) {
    const from = at + quote.length
    const close = closing(text, from, quote)
    const to = close === -1 ? text.length : close
    return place(text, from, to, found, how, true, out)
  }
  if (how === 'markup') {
    const close = text.indexOf('<', at)
    return place(text, at, close === -1 ? text.length : close, found, how, true, out)
  }
  return place(text, at, bareEnd(text, at, found), found, how, false, out)
}

function bareEnd(text: string, at: number, found: KeyClass): number {
  if (found.kind === KIND.cookie || found.kind === KIND.setCookie)
    return at + (exec(COOKIE_LINE, text, at)?.length ?? 0)
  if (found.kind === KIND.auth) {
    const pattern = LISTED_SCHEME.test(text.slice(at, at + 40)) ? LINE : AUTH_BARE
    return at + (exec(pattern, text, at)?.length ?? 0)
  }
  return at + (exec(BARE, text, at)?.length ?? 0)
}

function queryValue(text: string, name: Name, type: string, out: Finding[]): number {
  const at = name.end + 1
  const value = exec(QUERY_VALUE, text, at)
  if (value === undefined || isVoid(value)) return at
  // `?code=404` and `?key=name` are no credentials; `&amp;` ends a value in markup.
  if (type === 'oauth-code' && /^\d{0,4}$|^.{0,5}$/.test(value)) return at
  if (/^key$/i.test(name.text) && (value.length < 16 || !/\d/.test(value) || !/[A-Za-z]/.test(value)))
    return at
  out.push(finding(at, at + value.length, value, type, RANK.named, undefined, `?${name.text}`))
  return at + value.length
}

function place(
  text: string,
  from: number,
  to: number,
  found: KeyClass,
  how: How,
  quoted: boolean,
  out: Finding[]
): number {
  if (to <= from) return Math.max(from, to)
  const value = text.slice(from, to)
  if (found.kind === KIND.auth) {
    const one = authFinding(value, from)
    if (!one || (how === 'colon' && STATUS.test(value) && !quoted)) return from
    out.push(one)
    return to
  }
  if (found.kind === KIND.cookie || found.kind === KIND.setCookie) {
    cookieFindings(value, from, found.kind === KIND.setCookie, out)
    return to
  }
  if (isVoid(value) || !isValue(value, found, how, quoted)) return from
  out.push(finding(from, to, value, found.type, RANK.named))
  return to
}

/** False for words that messages put after a name and for values that start a structure. */
function isValue(value: string, found: KeyClass, how: How, quoted: boolean): boolean {
  if (found.plural && (/^[[{]?\d/.test(value) || !quoted)) return false
  if (found.kind === KIND.weak && isReference(value)) return false
  if (!quoted && /^[[{(]+$/.test(value)) return false
  if (quoted || how === 'equals' || how === 'argument') return true
  if (STATUS.test(value)) return false
  // `X-Api-Key: abc` is a header, and a header's value is what it says.
  if (found.header) return true
  // `token: expired` is a message, `token: 8f3c…` and `password: hunter` are not.
  return /^pass/.test(found.type) || /\d|[A-Z].*[a-z].*[A-Z]/.test(value) || value.length >= 20
}
