/**
 * Which literals wake the scanner, and what looks at the place then? One table for one automaton: prefixes of
 * tokens, the same inside base64 at its three alignments, stems of names, marks of grammars and of encodings.
 */
import { lowerAscii } from './automaton.ts'
import { INFIX_RULES, RULES } from './rules/all.ts'
import type { InfixRule } from './rules/azure.ts'
import type { TokenRule } from './rules/rule.ts'
import { legacyVault } from './rules/vaults.ts'

/** What looks at the place of a hit. `lead`: characters of the literal that stand before the token. */
export type Action =
  | { readonly kind: 'rule'; readonly rule: TokenRule; readonly lead: number }
  | { readonly kind: 'infix'; readonly rule: InfixRule }
  /** `exact`: the literal as base64 has it; `back`: characters from the start of its quantum of four. */
  | { readonly kind: 'base64'; readonly exact: string; readonly back: number }
  | {
      readonly kind:
        | 'name'
        | 'bearer'
        | 'basic'
        | 'url'
        | 'dsn'
        | 'pem'
        | 'encoded'
        | 'forged'
        | 'login'
        | 'sql'
        | 'wake'
    }

/** Stems of sensitive names, in text. A sensitive name of key-class.ts contains one of them (a test holds that). */
const NAME_STEMS =
  `pass pwd pw= psw secret token key credential creds cookie authorization authorisation x-authentication x_authentication bearer
  jwt= jwt" jwt: sas= sas" sas: totp otp= otp" otp: otp_ _code code= code" code' codeverifier assertion samlresponse sig= signature=
  hmac= auth= authtoken pin= pin" pin: pin_ cvv cvc ticket= _verifier oauth sessid jsessionid mcp-session mcp_session mcp.session
  mcpsession x-honeycomb-team`
    .trim()
    .split(/\s+/)

/** Marks that something is encoded: percent, backslash, entities, invisible characters, terminal colours, NUL. */
const ENCODED = [
  '%',
  '\\',
  '&quot;',
  '&#',
  '\u001b[',
  '\u0000',
  '\u00ad',
  '\u200b',
  '\u200c',
  '\u200d',
  '\u200e',
  '\u200f',
  '\u2060',
  '\ufeff'
]

/** Texts that betray a credential inside base64, beside the prefixes of rules. Exact case. */
const WRAPPED = [
  'password',
  'Password',
  'PASSWORD',
  'passwd',
  '"token"',
  'token=',
  '_TOKEN=',
  'secret',
  'SECRET',
  'api_key',
  'API_KEY',
  'apikey',
  'Bearer ',
  'bearer ',
  'Authorization',
  'authorization',
  'access_key',
  'private_key',
  '-----BEGIN',
  'AKIA',
  'ASIA',
  '"kty"',
  'eyJhbGci'
]

/** What of the base64 of `text` does not depend on its neighbours, for each alignment within three bytes. */
export function base64Forms(text: string): { form: string; back: number }[] {
  const bytes = Buffer.from(text, 'latin1')
  return [0, 1, 2].map(shift => {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const first = Math.ceil((shift * 8) / 6)
    const last = Math.floor(((shift + bytes.length) * 8) / 6)
    return { form: whole.slice(first, last), back: first }
  })
}

/** The same for three characters: four of base64 only with what a letter or digit after them adds. */
const shortForms = (text: string) =>
  ['0', 'A', 'P', 'a', 'p'].flatMap(next =>
    base64Forms(text + next).map(({ form, back }) => ({ form: form.slice(0, 4), back }))
  )

/** Every literal in lower case and the actions it wakes; the order of literals is stable. */
export function makeMarks(): { literals: string[]; actions: Action[][] } {
  const table = new Map<string, Action[]>()
  const add = (literal: string, action: Action) => {
    const key = lowerAscii(literal)
    const list = table.get(key)
    if (list) list.push(action)
    else table.set(key, [action])
  }
  const wrapped = new Set(WRAPPED)
  const short = new Map<string, number>()
  for (const rule of RULES) {
    for (const prefix of rule.prefixes) {
      if (rule.followedBy === undefined) add(prefix, { kind: 'rule', rule, lead: 0 })
      else
        for (const a of rule.followedBy)
          for (const b of rule.followedBy) add(prefix + a + b, { kind: 'rule', rule, lead: 0 })
      if (rule.wrapped === false || prefix.length < 3) continue
      if (prefix.length >= 4) wrapped.add(prefix)
      else for (const form of shortForms(prefix)) short.set(form.form, form.back)
    }
  }
  for (const neighbour of [' ', '"', "'", '=', ':', ',', '/', '(', '\n', '\t'])
    add(`${neighbour}s.`, { kind: 'rule', rule: legacyVault, lead: 1 })
  for (const rule of INFIX_RULES) add(rule.mark, { kind: 'infix', rule })
  for (const text of wrapped) {
    for (const { form, back } of base64Forms(text))
      if (form.length >= 4) add(form, { kind: 'base64', exact: form, back })
  }
  for (const [form, back] of short) add(form, { kind: 'base64', exact: form, back })
  // An object in JSON: `{"`. That most of them are headers of a JWT costs little, see scan.ts.
  add('eyJ', { kind: 'base64', exact: 'eyJ', back: 0 })
  for (const stem of NAME_STEMS) add(stem, { kind: 'name' })
  for (const mark of ENCODED) add(mark, { kind: 'encoded' })
  for (const space of [' ', '\t']) {
    add(`bearer${space}`, { kind: 'bearer' })
    add(`basic${space}`, { kind: 'basic' })
  }
  add('://', { kind: 'url' })
  for (const protocol of ['@tcp(', '@unix(']) add(protocol, { kind: 'dsn' })
  for (const mark of ['-----begin', 'private-lines:']) add(mark, { kind: 'pem' })
  for (const mark of ['[redacted:', 'kwfp1.']) add(mark, { kind: 'forged' })
  for (const mark of [' -u', '--user ', '--user=', 'sshpass -p']) add(mark, { kind: 'login' })
  add('identified by', { kind: 'sql' })
  // Wakes the walk of nested JSON; in plain text it says nothing.
  add('"kty"', { kind: 'wake' })
  return { literals: [...table.keys()], actions: [...table.values()] }
}
