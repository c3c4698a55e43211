/**
 * What Keywatch keeps of a credential: a keyed fingerprint, its type, where it stood and how it was used.
 * The value itself is never part of any type in this file, or of any other.
 */
import { z } from 'zod'

/** `presented`: it authenticates this request. `exposed`: it stands where no credential belongs. */
export const CredentialUse = z.enum(['presented', 'exposed'])
export type CredentialUse = z.infer<typeof CredentialUse>

/** Claims of a JWT that say what it is good for. Never the subject's e-mail or free text beyond these. */
export const JwtClaims = z.strictObject({
  alg: z.string().optional(),
  kid: z.string().optional(),
  iss: z.string().optional(),
  sub: z.string().optional(),
  aud: z.array(z.string()).optional(),
  exp: z.number().optional(),
  iat: z.number().optional(),
  nbf: z.number().optional(),
  jti: z.string().optional(),
  scope: z.string().optional(),
  azp: z.string().optional(),
  client_id: z.string().optional()
})
export type JwtClaims = z.infer<typeof JwtClaims>

/** One credential found in one record. */
export const Credential = z.strictObject({
  fingerprint: z
    .string()
    .optional()
    .describe(
      '`kwfp1.<key id>.<22 characters>`. Absent where a fingerprint could be guessed back (PIN, OTP).'
    ),
  also: z.array(z.string()).optional().describe('Fingerprints of the same value under other live keys.'),
  type: z
    .string()
    .describe('The format or the place that gave it away, for instance `github-pat` or `password`.'),
  where: z.string().describe('Place in the record, for instance `request.headers.authorization`.'),
  use: CredentialUse,
  low_entropy: z
    .boolean()
    .optional()
    .describe('A human-made value: fingerprint under the separate `low` key.'),
  account: z.string().optional().describe('AWS account id, read from an access key id.'),
  claims: JwtClaims.optional()
})
export type Credential = z.infer<typeof Credential>
