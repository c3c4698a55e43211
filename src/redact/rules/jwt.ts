/**
 * JSON Web Tokens (RFC 7519): base64url of a header that is JSON, then 3 or 5 parts (RFC 7515 and 7516), an
 * empty signature allowed, SD-JWT disclosures (`~`) included. The header may start `{"`, `{ "`, `{\n` or so.
 * A token cut off inside its first two parts is still taken.
 */
import { fake, rule } from './rule.ts'

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

export const jwt = [
  rule(
    'jwt',
    ['eyJ', 'eyAi', 'eyAK', 'ewog', 'ewoJ', 'ewoi', 'ew0K'],
    '[A-Za-z0-9_-]{6,}={0,2}(?:\\.[A-Za-z0-9_-]*={0,2}){1,4}(?:~[A-Za-z0-9_.-]*)*',
    {
      ok: [
        `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ sub: 'a', exp: 1 })}.${fake(64)}`,
        `${part({ alg: 'none' })}.${part({ sub: 'a' })}.`,
        `${part({ alg: 'dir', enc: 'A256GCM' })}..${fake(16)}.${fake(40)}.${fake(22)}`
      ],
      ng: ['eyJ', 'eyJlbmQi', 'ewoJ.x']
    },
    { wrapped: false, perRun: true }
  )
]
