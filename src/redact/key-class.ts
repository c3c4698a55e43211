/**
 * What does a NAME say about its value: of an object's member, a header, a query parameter, an assignment in text?
 * Names are split into words at `_ - . :`, blanks and camel case, so that `X-Api-Key`, `xApiKey`, `x_api_key` and
 * `http.request.header.x-api-key` are one name. A name is sensitive if a deny stem stands at its end (a stem of
 * the password family: anywhere), unless its last word is one of the safe ones (`token_type`, `secret_name`).
 */

/** How a value is treated because of its name. */
export const KIND = {
  none: 0,
  /** Never a credential, even inside something sensitive: `type`, `expires_at`, `secret_name`. */
  safe: 1,
  /** Header grammar: scheme, then credentials. */
  auth: 2,
  /** The whole value is a credential. */
  secret: 3,
  cookie: 4,
  setCookie: 5,
  session: 6,
  /** The value half of a pair, or a wrapper of OTLP. */
  value: 7,
  /** Private members of a JSON Web Key; only beside `kty`. */
  jwk: 8,
  /** Often a name instead of a value: `secret: prod/db`. */
  weak: 9,
  /** User field of Basic authentication: no credential, but one that is found here was presented. */
  user: 10
} as const
export type Kind = (typeof KIND)[keyof typeof KIND]

export interface KeyClass {
  readonly kind: Kind
  /** Type of the credential, if its format says nothing better. */
  readonly type: string
  /** The name is one of a header that authenticates, whatever stands around it. */
  readonly header: boolean
  /** The name is one of a response's header. */
  readonly response: boolean
  /** Numbers and lists under this name are counts and units of text: `max_tokens: 100`. */
  readonly plural: boolean
}

const make = (kind: Kind, type = '', header = false, response = false, plural = false): KeyClass => ({
  kind,
  type,
  header,
  response,
  plural
})
const NONE = make(KIND.none)
const SAFE = make(KIND.safe)
const VALUE = make(KIND.value)
const JWK = make(KIND.jwk, 'private-key')
const USER = make(KIND.user)
/** The session of MCP, under its header or in an object. */
export const MCP_SESSION = make(KIND.session, 'mcp-session', true)

const words = (text: string) => new Set(text.trim().split(/\s+/))

/** Last words that make a name safe. */
const SAFE_LAST =
  words(`type types count id ids name names url urls uri uris arn arns ttl path paths policy policies length size
  version versions expires expiry expiration exp expire at in on until since status state enabled disabled required rotated age days hours
  minutes seconds ms limit limits usage used budget total created updated deleted scope scopes issuer iss audience aud subject sub iat nbf
  algorithm alg format method methods mode kind class label labels tag tags description title engine engines store manager provider source
  sources backend mount ring region host hostname port owner email accessor endpoint endpoints location ref reference sha256 digest
  fingerprint checksum hint strength reset rotation present valid validity exists found error reason index position offset cost price rate
  per window cursor group role roles user username userid client service server namespace environment env project field fields rule rules
  template spec config settings schema permission permissions action event events operation requests changed last4 supported`)

/** Names of tokens that authenticate nobody. */
const SAFE_TOKENS =
  words(`next page continuation sync cursor progress pagination resume cancellation client_request idempotency stop eos bos
  pad unk special max min prompt completion input output cached reasoning first last lookahead text start end hashed
  next_page prev previous delta watch list change`)

/** Plural `tokens` that hold credentials and not units of text. */
const CREDENTIAL_TOKENS = words('access refresh api auth bearer session personal deploy registration')

/** Exact names, without prefixes of places. */
const EXACT: ReadonlyMap<string, KeyClass> = new Map<string, KeyClass>([
  ...[
    'authorization',
    'proxy_authorization',
    'x_authorization',
    'x_forwarded_authorization',
    'x_original_authorization',
    'x_amzn_remapped_authorization',
    'x_serverless_authorization',
    'x_authentication'
  ].map((name): [string, KeyClass] => [name, make(KIND.auth, 'authorization', true)]),
  ['authorisation', make(KIND.auth, 'authorization', true)],
  ['cookie', make(KIND.cookie, 'cookie', true)],
  ['cookies', make(KIND.cookie, 'cookie', true)],
  ['cookie2', make(KIND.cookie, 'cookie', true)],
  ['set_cookie', make(KIND.setCookie, 'cookie', false, true)],
  ['set_cookie2', make(KIND.setCookie, 'cookie', false, true)],
  ...['mcp_session_id', 'mcpsessionid'].map((name): [string, KeyClass] => [name, MCP_SESSION]),
  ...['private_token', 'job_token', 'deploy_token', 'circle_token', 'dd_api_key', 'dd_application_key'].map(
    (name): [string, KeyClass] => [name, make(KIND.secret, 'api-key', true)]
  ),
  ['ocp_apim_subscription_key', make(KIND.secret, 'api-key', true)],
  ['cf_access_client_secret', make(KIND.secret, 'client-secret', true)],
  ['cf_access_jwt_assertion', make(KIND.secret, 'jwt-assertion', true)],
  ['x_honeycomb_team', make(KIND.secret, 'api-key', true)],
  ...[
    'value',
    'val',
    'values',
    'string_value',
    'bytes_value',
    'int_value',
    'double_value',
    'array_value'
  ].map((name): [string, KeyClass] => [name, VALUE]),
  ['kvlist_value', VALUE],
  ...['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'].map((name): [string, KeyClass] => [name, JWK]),
  ...['remote_user', 'auth_user', 'authuser', 'basic_user', 'basic_auth_user', 'http_user'].map(
    (name): [string, KeyClass] => [name, USER]
  ),
  ...['pin', 'pin_code', 'cvv', 'cvc', 'cvv2', 'card_pin'].map((name): [string, KeyClass] => [
    name,
    make(KIND.secret, name.startsWith('c') ? 'card-code' : 'pin')
  ]),
  ...['creds', 'credential', 'credentials'].map((name): [string, KeyClass] => [
    name,
    make(KIND.weak, 'credential')
  ]),
  ...['secret', 'secrets'].map((name): [string, KeyClass] => [name, make(KIND.weak, 'secret')]),
  ['tokens', make(KIND.weak, 'token', false, false, true)]
])

/** Places that are part of a name: OTel attributes, CGI and nginx variables, flattened objects. */
const PLACE =
  /^(?:(?:attributes|span|resource|log)_)*(?:http_(?:request|response)_headers?_|rpc_(?:grpc_|connect_rpc_)?(?:request|response)_(?:metadata|header)s?_|(?:request|response|req|res|sent_http|upstream_http|http)_(?:headers?_)?|headers?_)(?=.)/

/** The family of passwords: sensitive wherever the word stands. */
const PASSWORD =
  /(?:^|_)(?:password|passwd|passwort|passphrase|passcode|passwords|passw|pwd)(?:_|\d*$)|(?:password|passwd|pwd)$/
const PASSWORD_LAST = /(?:^|_)(?:pass|pw|psw|userpw|dbpass|userpass)$/

/** Stems at the end of a name, longest first, and the type they give. `\d*`: `token2`. */
const STEMS: readonly (readonly [RegExp, string])[] = [
  [/(?:client|consumer|app|application|oauth)_?secret$/, 'client-secret'],
  [/(?:secret_?access|access_?secret|account|shared_?access|shared|storage)_?keys?$/, 'access-key'],
  [
    /(?:private|rsa|signing|encryption|decryption|master|unseal|recovery|root|ssh_private|ecdsa|ed25519)_?keys?$/,
    'private-key'
  ],
  [
    /(?:api|access|secret|auth|service|subscription|functions|deploy|admin|integration|app|application|license|session|sas|write|ingest|account_access|accesskey)_?keys?$/,
    'api-key'
  ],
  [/(?:refresh)_?tokens?$/, 'refresh-token'],
  [/(?:security)_?token$/, 'session-token'],
  [/(?:csrf|xsrf|authenticity)_?token$/, 'csrf-token'],
  [/token$/, 'token'],
  [/secrets?$/, 'secret'],
  [/(?:^|_)(?:jwt|bearer|sas)$/, 'token'],
  [
    /(?:^|_)(?:totp|otp|one_time_code|otp_code|totp_code|mfa_code|two_factor_code|verification_code|security_code|sms_code)$/,
    'otp'
  ],
  [/(?:^|_)(?:auth_code|authorization_code|oauth_code|device_code|code_verifier)$/, 'oauth-code'],
  [/(?:^|_)(?:client|saml|jwt|oidc|user)_assertion$|(?:^|_)saml_response$|^samlresponse$/, 'assertion'],
  [/(?:^|_)(?:credentials?|creds)$/, 'credential'],
  [/(?:^|_)(?:passkey|bearer_auth|basic_auth_header)$/, 'credential']
]

/** Words after a stem that do not change what it is: `token_value`, `secret_key_base64`, `api_key_new`. */
const AFTER =
  /(?:_(?:value|plain|plaintext|raw|new|old|current|previous|base64|b64|hex|data|string|text|confirm|confirmation|primary|secondary|\d{1,3}))+$|\d{1,3}$/

/** `X-Api-Key`, `xApiKey`, `x.api.key` to `x_api_key`. Very long names count by their end. */
export function normaliseName(name: string): string {
  const tail = name.length > 128 ? name.slice(-128) : name
  const ascii = /[^\x00-\x7f]/.test(tail)
    ? tail.normalize('NFKC').replace(/[\u00ad\u200b-\u200f\u2060\ufeff]/g, '')
    : tail
  return ascii
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '')
}

const lastWord = (name: string) => name.slice(name.lastIndexOf('_') + 1)

function tokenClass(name: string, header: boolean, response: boolean): KeyClass | undefined {
  const stem = name.slice(0, -'_token'.length)
  if (name.endsWith('_token')) {
    for (let at = 0; at !== -1; ) {
      const part = at === 0 ? stem : stem.slice(at)
      if (SAFE_TOKENS.has(part)) return SAFE
      const next = stem.indexOf('_', at)
      at = next === -1 ? -1 : next + 1
    }
  }
  if (name.endsWith('_tokens')) {
    const before = lastWord(name.slice(0, -'_tokens'.length))
    return CREDENTIAL_TOKENS.has(before) ? make(KIND.secret, 'token', header, response, true) : SAFE
  }
  return undefined
}

function classifyBare(name: string, header: boolean, response: boolean): KeyClass {
  const exact = EXACT.get(name)
  if (exact) {
    if (!(header || response) || exact.kind < KIND.auth || exact.kind === KIND.value) return exact
    return { ...exact, header: !response, response: response || exact.response }
  }
  const isHeader = header || name.startsWith('x_')
  if (name === 'password_hash' || name === 'hashed_password') return make(KIND.secret, 'password-hash')
  if (/(?:^|_)mcp_session(?:_id)?$/.test(name)) return MCP_SESSION
  const last = lastWord(name)
  if (SAFE_LAST.has(last)) return SAFE
  const token = tokenClass(name, isHeader && !response, response)
  if (token) return token
  const bare = name.replace(AFTER, '')
  if (PASSWORD.test(name) || PASSWORD_LAST.test(bare))
    return make(
      KIND.secret,
      /passphrase/.test(name) ? 'passphrase' : 'password',
      header && !response,
      response
    )
  if (EXACT.get(bare)?.kind === KIND.secret && bare !== name) return EXACT.get(bare)!
  if (/(?:^|_)hashed_/.test(bare)) return NONE
  for (const [stem, type] of STEMS) {
    if (stem.test(bare)) return make(KIND.secret, type, isHeader && !response, response)
  }
  if (last === 'authorization') return make(KIND.auth, 'authorization', header && !response, response)
  return NONE
}

/** What a member's or header's name says. Any input. */
export function classifyName(name: string): KeyClass {
  if (name.length < 1) return NONE
  const full = normaliseName(name)
  const place = PLACE.exec(full)
  if (!place) return classifyBare(full, false, false)
  const response = /(?:^|_)(?:response|res|sent_http|upstream_http)_/.test(place[0])
  const found = classifyBare(full.slice(place[0].length), !response, response)
  // `http_status_token` is no header of this name: only what is sensitive without its place counts as one.
  return found.kind === KIND.value || found.kind === KIND.jwk || found.kind === KIND.user
    ? classifyBare(full, false, false)
    : found
}

/** Parameters of a URL's query or fragment that authenticate, beside the names above. */
const QUERY: ReadonlyMap<string, string> = new Map([
  ['code', 'oauth-code'],
  ['sig', 'url-signature'],
  ['signature', 'url-signature'],
  ['x_amz_signature', 'url-signature'],
  ['x_goog_signature', 'url-signature'],
  ['x_oss_signature', 'url-signature'],
  ['x_amz_security_token', 'session-token'],
  ['hmac', 'url-signature'],
  ['auth', 'token'],
  ['authtoken', 'token'],
  ['authkey', 'api-key'],
  ['key', 'api-key'],
  ['pw', 'password'],
  ['ticket', 'token'],
  ['oauth_verifier', 'oauth-code'],
  ['oauth_signature', 'url-signature'],
  ['id_token_hint', 'token'],
  ['assertion', 'assertion'],
  ['jsessionid', 'session'],
  ['phpsessid', 'session'],
  ['sessid', 'session'],
  ['secret', 'secret'],
  ['credential', 'credential'],
  ['user_code', 'oauth-code']
])

/** The type that a query parameter's name gives, or undefined. */
export function queryType(name: string): string | undefined {
  const full = normaliseName(name)
  const listed = QUERY.get(full)
  if (listed !== undefined) return listed
  const found = classifyBare(full, false, false)
  return found.kind === KIND.secret || found.kind === KIND.auth || found.kind === KIND.weak
    ? found.type
    : undefined
}

/** True if a value under `secret` or `credential` reads as the name or address of one. */
export function isReference(value: string): boolean {
  return (
    /^arn:[a-z-]+:[^\s]{1,400}$/.test(value) ||
    /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+){1,12}$/.test(value) ||
    // Lower case or UPPER_SNAKE segments only: base64 of a key has slashes too, but mixes its letters.
    (value.length < 200 &&
      /^\/?[a-z][a-z0-9_.:-]{0,60}(?:\/(?:[a-z0-9_.:-]{1,31}|[A-Z][A-Z_]{1,40})){1,12}$/.test(value)) ||
    /^[a-z]{2,30}(?:-[a-z0-9]{1,20}){1,6}$/.test(value)
  )
}
