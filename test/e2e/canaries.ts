/**
 * Planted secrets, and the search for them. A canary is made up at run time, in the format of a real credential or
 * of none; the search looks for it and for each half of it, as it is and as it may be written: percent-, JSON-,
 * base64- and hex-encoded. The formats are written down here from the vendors' documents, not from our rules.
 */
import { seededRandom } from '../receivers/receiver.ts'

const BASE62 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
const HEX = '0123456789abcdef'

export interface Canary {
  readonly format: string
  /** The whole credential, as a sender has it. */
  readonly value: string
  /** The part that makes it secret. */
  readonly core: string
  /** Where it was planted; filled in by `plant`. */
  place: string
}

type Made = readonly [value: string, core: string]
type Random = (length: number, letters?: string) => string

const before = (prefix: string, body: string): Made => [prefix + body, body]
const base64url = (text: string) => Buffer.from(text).toString('base64url')

function jwt(random: Random): Made {
  const head = base64url(JSON.stringify({ alg: 'RS256', kid: 'k1' }))
  const claims = base64url(JSON.stringify({ iss: 'https://idp.example.com', sub: 'svc', exp: 1_900_000_000 }))
  const signature = random(86)
  return [`${head}.${claims}.${signature}`, signature]
}

/** GitHub's tokens end with a checksum: CRC-32 of the random part in base62. */
function github(prefix: string, random: Random): Made {
  const body = random(30)
  let crc = ~0
  for (const byte of Buffer.from(body)) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  let rest = ~crc >>> 0
  let check = ''
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  while (check.length < 6) {
    check = digits.charAt(rest % 62) + check
    rest = Math.floor(rest / 62)
  }
  return [`${prefix}${body}${check}`, body]
}

function privateKey(random: Random): Made {
  const lines = [random(64), random(64), random(40)]
  const mark = (word: string) => `-----${word} RSA PRIVATE ${'KEY'}-----`
  return [`${mark('BEGIN')}\n${lines.join('\n')}\n${mark('END')}`, lines[1] ?? '']
}

/** Formats that give themselves away wherever they stand. */
const KNOWN: Readonly<Record<string, (random: Random) => Made>> = {
  'github-pat': random => github('ghp_', random),
  'github-server': random => github('ghs_', random),
  'github-fine-grained': random => before('github_pat_', `${random(22)}_${random(59)}`),
  'gitlab-pat': random => before('glpat-', random(20)),
  'slack-bot': random =>
    before('xoxb-', `${random(12, '123456789')}-${random(12, '123456789')}-${random(24)}`),
  'stripe-live': random => before('sk_live_', random(24)),
  openai: random => before('sk-proj-', `${random(20)}T3BlbkFJ${random(20)}`),
  anthropic: random => before('sk-ant-api03-', `${random(93)}AA`),
  google: random => before('AIza', random(35)),
  'aws-key-id': random => before('AKIA', random(16, UPPER)),
  'doppler-service': random => before('dp.st.prd.', random(43)),
  'doppler-personal': random => before('dp.pt.', random(43)),
  'vault-service': random => before('hvs.', random(90)),
  npm: random => before('npm_', random(36)),
  sendgrid: random => before('SG.', `${random(22)}.${random(43)}`),
  huggingface: random => before('hf_', random(34)),
  digitalocean: random => before('dop_v1_', random(64, HEX)),
  jwt,
  'private-key': privateKey
}

/** Values without a format: only their place gives them away. */
const OPAQUE: Readonly<Record<string, (random: Random) => Made>> = {
  'opaque token': random => before('', random(40)),
  'hex secret': random => before('', random(32, HEX)),
  'base64 secret': random => {
    const value = `${random(20)}/${random(14)}+${random(7)}=`
    return [value, value]
  },
  password: random => {
    const value = `${random(7)}$%{"\u00e4 ${random(9)}`
    return [value, value]
  },
  number: random => before('', random(15, '123456789'))
}

export interface Nest {
  readonly planted: readonly Canary[]
  /** How many formats take turns: so many rounds bring each of them to each place. */
  readonly rounds: number
  /** Begins to take turns at the n-th format. */
  round(n: number): void
  /** A canary of a format that is recognised anywhere; the formats take turns. */
  known(place: string): string
  /** Something that exists already and must not be found either. */
  adopt(place: string, value: string): void
  /** A canary without a format, for a place that has a name; `of` keeps to one kind. */
  opaque(place: string, of?: keyof typeof OPAQUE & string): string
}

/** `seed` gives the same canaries again. */
export function createNest(seed: number): Nest {
  const uniform = seededRandom(seed)
  const random: Random = (length, letters = BASE62) =>
    Array.from({ length }, () => letters.charAt(Math.floor(uniform() * letters.length))).join('')
  const planted: Canary[] = []
  const turns = { known: 0, opaque: 0 }
  const plant = (place: string, format: string, make: ((random: Random) => Made) | undefined): string => {
    if (make === undefined) throw new Error(`no canary of the format ${format}`)
    const [value, core] = make(random)
    planted.push({ format, value, core, place })
    return value
  }
  const turn = (of: 'known' | 'opaque', formats: readonly string[]) =>
    formats[turns[of]++ % formats.length] ?? ''
  const easy = Object.keys(OPAQUE).slice(0, 3)
  return {
    planted,
    rounds: Object.keys(KNOWN).length,
    round(n) {
      turns.known = turns.opaque = n
    },
    adopt(place, value) {
      planted.push({ format: 'own secret', value, core: value, place })
    },
    known(place) {
      const format = turn('known', Object.keys(KNOWN))
      return plant(place, format, KNOWN[format])
    },
    opaque(place, of) {
      const format = of ?? turn('opaque', easy)
      return plant(place, format, OPAQUE[format])
    }
  }
}

const percent = (text: string, upper: boolean) =>
  [...Buffer.from(text)]
    .map(
      byte =>
        `%${upper ? byte.toString(16).toUpperCase().padStart(2, '0') : byte.toString(16).padStart(2, '0')}`
    )
    .join('')
const unicode = (text: string) =>
  [...text].map(letter => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')

/** The base64 of a text at any place in a longer one: without the letters at its ends that its neighbours change. */
function* base64Of(text: string): Generator<string> {
  for (const shift of [0, 1, 2]) {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)])
    const whole = bytes.toString('base64').replace(/=+$/, '')
    const inner = whole.slice(shift === 0 ? 0 : shift + 1, bytes.length % 3 === 0 ? undefined : -1)
    yield inner
    yield inner.replaceAll('+', '-').replaceAll('/', '_')
  }
}

/** What to search for: the secret part whole, and each half of it. */
function* formsOf({ core }: Canary): Generator<string> {
  const middle = Math.ceil(core.length / 2)
  const halves = core.length >= 20 ? [core.slice(0, middle), core.slice(middle)] : []
  for (const part of [core, ...halves]) {
    yield part
    yield encodeURIComponent(part)
    yield percent(part, true)
    yield percent(part, false)
    yield JSON.stringify(part).slice(1, -1)
    yield JSON.stringify(JSON.stringify(part)).slice(3, -3)
    yield unicode(part)
    yield Buffer.from(part).toString('hex')
    yield* base64Of(part)
  }
}

export interface Hit {
  readonly canary: Canary
  /** Name of what was searched. */
  readonly where: string
}

export interface Search {
  /** Looks through bytes; remembers what it finds. */
  through(where: string, bytes: Buffer | string): void
  readonly hits: readonly Hit[]
  readonly bytes: number
  readonly forms: number
}

const KEY_BYTES = 8

const three = (bytes: Buffer, at: number): number => bytes.readUIntBE(at, 3)

/** One pass over the bytes for all forms of all canaries: by three bytes and the next three, by eight, then whole. */
export function createSearch(canaries: readonly Canary[]): Search {
  const byKey = new Map<string, { form: Buffer; canary: Canary }[]>()
  // Bit 1: some form begins with these three bytes; bit 2: some form has them after its first three.
  const maybe = new Uint8Array(1 << 24)
  const seen = new Set<string>()
  for (const canary of canaries) {
    for (const text of formsOf(canary)) {
      const form = Buffer.from(text)
      if (form.length < KEY_BYTES || seen.has(text)) continue
      seen.add(text)
      maybe[three(form, 0)]! |= 1
      maybe[three(form, 3)]! |= 2
      const key = form.toString('latin1', 0, KEY_BYTES)
      const list = byKey.get(key) ?? []
      byKey.set(key, [...list, { form, canary }])
    }
  }
  const hits = new Map<string, Hit>()
  let bytes = 0
  return {
    through(where, given) {
      const haystack = typeof given === 'string' ? Buffer.from(given) : given
      bytes += haystack.length
      let window = 0
      for (let last = 0; last < haystack.length; last++) {
        window = ((window << 8) | haystack[last]!) & 0xffffff
        const at = last - 2
        if ((maybe[window]! & 1) === 0 || at < 0 || at + KEY_BYTES > haystack.length) continue
        if ((maybe[three(haystack, at + 3)]! & 2) === 0) continue
        for (const { form, canary } of byKey.get(haystack.toString('latin1', at, at + KEY_BYTES)) ?? [])
          if (haystack.subarray(at, at + form.length).equals(form))
            hits.set(`${where}\n${canary.value}`, { canary, where })
      }
    },
    get hits() {
      return [...hits.values()]
    },
    get bytes() {
      return bytes
    },
    forms: seen.size
  }
}

/** A name for a canary in a report that may be printed: never the value. */
export const nameOf = ({ place, format }: Canary): string => `${format} in ${place}`
