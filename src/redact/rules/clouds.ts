/** Keys of clouds: AWS, Azure, Google, DigitalOcean, Databricks, Cloudflare, Alibaba. */
import { fake, rule } from './rule.ts'

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * The account of an AWS access key id. The 48 bits after the four-letter prefix, base32, hold it in bits 46 to 7.
 * Undefined where they cannot (older and made-up ids).
 */
export function awsAccount(id: string): string | undefined {
  let bits = 0n
  for (const letter of id.slice(4, 14)) {
    const value = BASE32.indexOf(letter)
    if (value === -1) return undefined
    bits = (bits << 5n) | BigInt(value)
  }
  if (id.length < 20) return undefined
  const account = ((bits >> 2n) & 0x7fffffffff80n) >> 7n
  return account < 1_000_000_000_000n && account > 0n ? account.toString().padStart(12, '0') : undefined
}

const AWS_TYPES: Readonly<Record<string, string>> = {
  AKIA: 'aws-access-key-id',
  ASIA: 'aws-access-key-id',
  ABIA: 'aws-bearer-id',
  ACCA: 'aws-context-id'
}

export const clouds = [
  rule(
    'aws-access-key-id',
    ['AKIA', 'ASIA', 'ABIA', 'ACCA'],
    '[A-Z0-9]{12,}',
    {
      ok: [`AKIA${fake(16, 'base32')}`, `ASIA${fake(16, 'base32')}`],
      ng: ['AKIA', 'ASIAN', 'asiapacific1234']
    },
    {
      glued: '(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Z0-9])',
      label: token => {
        const account = awsAccount(token)
        const type = AWS_TYPES[token.slice(0, 4)] ?? 'aws-access-key-id'
        return account === undefined ? { type } : { type, account }
      }
    }
  ),
  rule(
    'aws-session-token',
    ['IQoJb3JpZ2lu', 'FwoGZXIvYXdz', 'FQoGZXIvYXdz', 'FQoDYXdz'],
    '[A-Za-z0-9+/_-]{20,}={0,2}',
    { ok: [`IQoJb3JpZ2luX2Vj${fake(200)}==`, `FwoGZXIvYXdz${fake(90)}`], ng: ['IQoJb3JpZ2lu', 'FwoGZXIv'] },
    { left: 'any' }
  ),
  rule(
    'aws-bedrock-key',
    ['ABSKQmVkcm9ja0FQSUtleS', 'bedrock-api-key-'],
    '[A-Za-z0-9+/=_-]{20,}',
    { ok: [`ABSKQmVkcm9ja0FQSUtleS${fake(110)}=`, `bedrock-api-key-${fake(60)}`], ng: ['bedrock-api-key-x'] },
    { left: 'any' }
  ),
  rule(
    'google-api-key',
    ['AIza'],
    '[A-Za-z0-9_-]{20,}',
    { ok: [`AIza${fake(35)}`], ng: ['AIza', 'AIzahra'] },
    { glued: 'AIza[A-Za-z0-9_-]{35,36}(?![A-Za-z0-9_-])' }
  ),
  rule('google-client-secret', ['GOCSPX-'], '[A-Za-z0-9_-]{10,}', {
    ok: [`GOCSPX-${fake(28)}`],
    ng: ['GOCSPX-']
  }),
  rule('google-oauth-token', ['ya29.'], '[A-Za-z0-9_.-]{10,}', {
    ok: [`ya29.${fake(130)}`, `ya29.c.${fake(60)}`],
    ng: ['ya29.', 'ya29.x']
  }),
  rule(
    'google-refresh-token',
    ['1//0'],
    '[A-Za-z0-9_-]{20,}',
    { ok: [`1//0${fake(60)}`], ng: ['1//0', '11//0/a'] },
    { wrapped: false }
  ),
  rule(
    'digitalocean-token',
    ['dop_v1_', 'doo_v1_', 'dor_v1_'],
    '[a-f0-9]{16,}',
    { ok: [`dop_v1_${fake(64, 'hex')}`], ng: ['dop_v1_', 'dop_v1_zzzz'] },
    { left: 'any' }
  ),
  rule('databricks-token', ['dapi'], '[a-f0-9]{32,}(?:-[0-9]{1,3})?', {
    ok: [`dapi${fake(32, 'hex')}`, `dapi${fake(32, 'hex')}-2`],
    ng: ['dapi', 'dapi-server', 'dapibuttons']
  }),
  rule(
    'cloudflare-origin-key',
    ['v1.0-'],
    '[a-f0-9]{24,}-[a-f0-9]{100,}',
    {
      ok: [`v1.0-${fake(24, 'hex')}-${fake(146, 'hex')}`],
      ng: ['v1.0-beta', 'v1.0-1234']
    },
    { wrapped: false }
  ),
  rule('alibaba-access-key-id', ['LTAI'], '[A-Za-z0-9]{12,}', {
    ok: [`LTAI${fake(20)}`],
    ng: ['LTAI', 'LTAIgroup']
  })
]
