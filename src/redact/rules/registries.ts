/** Tokens of package registries and build services. */
import { fake, rule } from './rule.ts'

export const registries = [
  rule(
    'npm-token',
    ['npm_'],
    '[A-Za-z0-9]{20,}',
    {
      ok: [`npm_${fake(36)}`],
      ng: ['npm_config_registry', 'npm_lifecycle_event', 'npm_']
    },
    { glued: 'npm_[A-Za-z0-9]{36,}' }
  ),
  rule(
    'pypi-token',
    ['pypi-AgE', 'pypi-AgN'],
    '[A-Za-z0-9_-]{16,}',
    { ok: [`pypi-AgEIcHlwaS5vcmc${fake(120)}`], ng: ['pypi-AgE', 'pypi-mirror'] },
    { left: 'any' }
  ),
  rule('rubygems-key', ['rubygems_'], '[a-f0-9]{24,}', {
    ok: [`rubygems_${fake(48, 'hex')}`],
    ng: ['rubygems_version']
  }),
  rule(
    'docker-token',
    ['dckr_pat_', 'dckr_oat_'],
    '[A-Za-z0-9_-]{10,}',
    {
      ok: [`dckr_pat_${fake(27)}`],
      ng: ['dckr_pat_', 'dckr_']
    },
    { left: 'any' }
  ),
  rule(
    'crates-token',
    ['cio'],
    '[A-Za-z0-9]{32}(?![A-Za-z0-9])',
    {
      ok: [`cio${fake(32)}`],
      ng: ['cio', 'cioffice']
    },
    { wrapped: false }
  ),
  rule(
    'jfrog-token',
    ['AKCp', 'cmVmdGtuOj'],
    '[A-Za-z0-9]{40,}',
    {
      ok: [`AKCp${fake(69)}`, `cmVmdGtuOj${fake(54)}`],
      ng: ['AKCp']
    },
    { wrapped: false }
  ),
  rule('buildkite-token', ['bkua_', 'bkct_'], '[A-Za-z0-9_-]{20,}', {
    ok: [`bkua_${fake(40)}`],
    ng: ['bkua_']
  }),
  rule('vercel-token', ['vcp_', 'vck_'], '[A-Za-z0-9]{20,}', {
    ok: [`vcp_${fake(56)}`],
    ng: ['vcp_', 'vcp_size']
  }),
  rule('netlify-token', ['nfp_'], '[A-Za-z0-9]{20,}', { ok: [`nfp_${fake(36)}`], ng: ['nfp_'] }),
  rule('fly-token', ['FlyV1 fm', 'fm1r_', 'fm2_'], '[A-Za-z0-9_+/=,-]{20,}', {
    ok: [`fm2_${fake(120)}`, `fm1r_${fake(90)}`],
    ng: ['fm2_', 'fm2_radio']
  }),
  rule('circleci-token', ['CCIPAT_', 'CCIPRJ_'], '[A-Za-z0-9_]{20,}', {
    ok: [`CCIPAT_${fake(22)}_${fake(40, 'hex')}`],
    ng: ['CCIPAT_']
  })
]
