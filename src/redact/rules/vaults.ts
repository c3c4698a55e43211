/** Tokens of secret managers: Vault and OpenBao, Doppler, 1Password, Infisical, Akeyless, age, Pulumi, Terraform. */
import { fake, HEX, rule } from './rule.ts'

export const vaults = [
  rule(
    'vault-token',
    ['hvs.', 'hvb.', 'hvr.'],
    '[A-Za-z0-9_-]{16,}',
    { ok: [`hvs.${fake(95)}`, `hvb.${fake(140)}`, `hvr.${fake(95)}`], ng: ['hvs.', 'hvs.example.com'] },
    { glued: 'hv[sbr]\\.[A-Za-z0-9_-]{90,}' }
  ),
  rule(
    'vault-unseal-header',
    ['AAAAAQ'],
    '[A-Za-z0-9_-]{80,}(?:={0,2})',
    { ok: [`AAAAAQ${fake(90)}`], ng: ['AAAAAQ', `AAAAAQ${fake(20)}`] },
    { wrapped: false }
  ),
  rule(
    'doppler-token',
    ['dp.pt.', 'dp.st.', 'dp.ct.', 'dp.sa.', 'dp.scim.', 'dp.audit.', 'dp.said.'],
    '(?:[a-z0-9_-]{2,60}\\.)?[A-Za-z0-9]{20,}',
    {
      ok: [`dp.pt.${fake(43)}`, `dp.st.prd_main.${fake(43)}`, `dp.audit.${fake(44)}`],
      ng: ['dp.pt.', 'dp.st.dev']
    },
    { glued: 'dp\\.(?:[ps]t|ct|sa|scim|audit|said)\\.(?:[a-z0-9_-]{2,60}\\.)?[A-Za-z0-9]{40,}' }
  ),
  rule(
    '1password-service-account',
    ['ops_eyJ'],
    '[A-Za-z0-9_+/=-]{20,}',
    { ok: [`ops_eyJ${fake(250)}`], ng: ['ops_eyJ'] },
    { left: 'any' }
  ),
  rule(
    '1password-secret-key',
    ['A3-'],
    '[A-Z0-9]{6}-(?:[A-Z0-9]{5,11}-?){3,6}',
    {
      ok: [
        `A3-${fake(6, 'base32')}-${fake(6, 'base32')}-${fake(5, 'base32')}-${fake(5, 'base32')}-${fake(5, 'base32')}-${fake(5, 'base32')}`
      ],
      ng: ['A3-paper', 'A3-ABCDEF']
    },
    { wrapped: false }
  ),
  rule(
    'infisical-token',
    ['st.'],
    '[a-f0-9]{24}\\.[a-f0-9]{32}(?:\\.[a-f0-9]{32})?',
    {
      ok: [`st.${fake(24, 'hex')}.${fake(32, 'hex')}.${fake(32, 'hex')}`],
      ng: ['st.', 'st.louis', `st.${fake(24, 'hex')}`]
    },
    { wrapped: false, followedBy: HEX }
  ),
  rule(
    'age-secret-key',
    ['AGE-SECRET-KEY-1', 'AGE-SECRET-KEY-PQ-1'],
    '[A-Za-z0-9]{20,}',
    { ok: [`AGE-SECRET-KEY-1${fake(58, 'bech32')}`], ng: ['AGE-SECRET-KEY-1'] },
    { left: 'any' }
  ),
  rule('pulumi-token', ['pul-'], '[a-f0-9]{40,}', {
    ok: [`pul-${fake(40, 'hex')}`],
    ng: ['pul-', 'pul-request']
  }),
  rule(
    'terraform-token',
    ['.atlasv1.'],
    '[A-Za-z0-9_=-]{40,}',
    { ok: [`.atlasv1.${fake(67)}`], ng: ['.atlasv1.'] },
    { left: 'any' }
  )
]

/**
 * Vault before 1.10: `s.` and exactly 24 letters and digits, with a digit and a capital. `s.` stands in every
 * second host name, so this one is looked for by its left neighbour (see marks.ts), not by the prefix.
 */
export const legacyVault = rule(
  'vault-token',
  ['s.'],
  '(?=[A-Za-z]{0,23}[0-9])(?=[0-9a-z]{0,23}[A-Z])[A-Za-z0-9]{24}(?![A-Za-z0-9_./-])',
  { ok: [`s.${fake(24)}`], ng: ['s.example', 's.length', `this.${fake(24)}`, 's.ABCdefGHIjklMNOpqrSTUvwx'] },
  { wrapped: false }
)
