/** Keys of services that tools call: payment, mail, observability, databases, work management. */
import { DIGITS, fake, HEX, rule } from './rule.ts'

const uuid = `${fake(8, 'hex')}-${fake(4, 'hex')}-${fake(4, 'hex')}-${fake(4, 'hex')}-${fake(12, 'hex')}`

export const services = [
  rule(
    'stripe-key',
    ['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'sk_prod_'],
    '[A-Za-z0-9]{8,}',
    { ok: [`sk_live_${fake(32)}`, `rk_test_${fake(99)}`], ng: ['sk_live_', 'sk_test_x', 'pk_live_1'] },
    { left: 'any' }
  ),
  rule('stripe-webhook-secret', ['whsec_'], '[A-Za-z0-9+/=]{16,}', {
    ok: [`whsec_${fake(32)}`, `whsec_${fake(40)}=`],
    ng: ['whsec_', 'whsec_name']
  }),
  rule(
    'square-token',
    ['sq0atp-', 'sq0csp-', 'sq0idp-', 'EAAAE', 'EAAAl'],
    '[A-Za-z0-9_-]{20,}',
    {
      ok: [`sq0atp-${fake(22)}`, `EAAAE${fake(59)}`],
      ng: ['sq0atp-', 'EAAAE']
    },
    { wrapped: false }
  ),
  rule(
    'shopify-token',
    ['shpat_', 'shpca_', 'shppa_', 'shpss_', 'shptka_'],
    '[A-Fa-f0-9]{16,}',
    {
      ok: [`shpat_${fake(32, 'hex')}`, `shpss_${fake(32, 'hex')}`],
      ng: ['shpat_', 'shpat_zz']
    },
    { left: 'any' }
  ),
  rule(
    'twilio-key',
    ['SK'],
    '[a-f0-9]{32}(?![A-Za-z0-9])',
    {
      ok: [`SK${fake(32, 'hex')}`],
      ng: ['SK', 'SKU-1234', `SKU${fake(32, 'hex')}`]
    },
    { wrapped: false, followedBy: HEX }
  ),
  rule(
    'sendgrid-key',
    ['SG.'],
    '[A-Za-z0-9_-]{16,}\\.[A-Za-z0-9_-]{16,}',
    {
      ok: [`SG.${fake(22)}.${fake(43)}`],
      ng: ['SG.', 'SG.region', `SG.${fake(22)}`]
    },
    { glued: 'SG\\.[A-Za-z0-9_-]{22,24}\\.[A-Za-z0-9_-]{40,}' }
  ),
  rule(
    'mailgun-key',
    ['key-', 'pubkey-'],
    '[a-f0-9]{32}(?![A-Za-z0-9-])',
    {
      ok: [`key-${fake(32, 'hex')}`],
      ng: ['key-value', `key-${uuid}`]
    },
    { wrapped: false }
  ),
  rule(
    'mailchimp-key',
    ['xkeysib-', 'md-'],
    '[A-Za-z0-9_-]{22,}',
    {
      ok: [`xkeysib-${fake(64, 'hex')}-${fake(16)}`, `md-${fake(22)}`],
      ng: ['md-button', 'xkeysib-']
    },
    { wrapped: false }
  ),
  rule(
    'sentry-token',
    ['sntrys_', 'sntryu_', 'sntrya_'],
    '[A-Za-z0-9_+/=-]{20,}',
    {
      ok: [`sntryu_${fake(64, 'hex')}`, `sntrys_eyJ${fake(120)}=_${fake(43)}`],
      ng: ['sntryu_']
    },
    { left: 'any' }
  ),
  rule(
    'grafana-token',
    ['glsa_', 'glc_eyJ'],
    '[A-Za-z0-9_+/=]{20,}',
    {
      ok: [`glsa_${fake(32)}_${fake(8, 'hex')}`, `glc_eyJ${fake(100)}=`],
      ng: ['glsa_', 'glsa_name']
    },
    { left: 'any' }
  ),
  rule('newrelic-key', ['NRAK-', 'NRAA-', 'NRII-', 'NRBR-', 'NRJS-'], '[A-Za-z0-9_-]{16,}', {
    ok: [`NRAK-${fake(27, 'base32')}`],
    ng: ['NRAK-', 'NRAK-1']
  }),
  rule('dynatrace-token', ['dt0c01.', 'dt0s16.', 'dt0s01.'], '[A-Z0-9]{8,}\\.[A-Z0-9]{20,}', {
    ok: [`dt0c01.${fake(24, 'base32')}.${fake(64, 'base32')}`],
    ng: ['dt0c01.', 'dt0c01.x']
  }),
  rule(
    'planetscale-token',
    ['pscale_'],
    '(?:tkn|pw|oauth|otkn)_[A-Za-z0-9_.=-]{16,}',
    {
      ok: [`pscale_tkn_${fake(43)}`, `pscale_pw_${fake(43)}`],
      ng: ['pscale_', 'pscale_branch']
    },
    { left: 'any' }
  ),
  rule('neon-key', ['napi_', 'npg_'], '[A-Za-z0-9]{12,}', {
    ok: [`napi_${fake(64)}`, `npg_${fake(12)}`],
    ng: ['napi_env_value', 'npg_', 'napi_create_object']
  }),
  rule('supabase-key', ['sbp_', 'sb_secret_'], '[A-Za-z0-9_-]{16,}', {
    ok: [`sbp_${fake(40, 'hex')}`, `sb_secret_${fake(31)}`],
    ng: ['sbp_', 'sb_secret_x']
  }),
  rule(
    'tailscale-key',
    ['tskey-'],
    '[A-Za-z0-9-]{10,}',
    {
      ok: [`tskey-auth-${fake(12)}-${fake(32)}`, `tskey-api-${fake(12)}-${fake(32)}`],
      ng: ['tskey-', 'tskey-x']
    },
    { left: 'any' }
  ),
  rule(
    'linear-key',
    ['lin_api_', 'lin_oauth_', 'lin_wh_'],
    '[A-Za-z0-9]{16,}',
    {
      ok: [`lin_api_${fake(40)}`],
      ng: ['lin_api_', 'lin_api_key']
    },
    { left: 'any' }
  ),
  rule('notion-token', ['ntn_'], '[A-Za-z0-9]{20,}', { ok: [`ntn_${fake(46)}`], ng: ['ntn_', 'ntn_name'] }),
  rule(
    'notion-token',
    ['secret_'],
    '[A-Za-z0-9]{43}(?![A-Za-z0-9_])',
    {
      ok: [`secret_${fake(43)}`],
      ng: ['secret_name', 'secret_manager_event']
    },
    { wrapped: false }
  ),
  rule('figma-token', ['figd_', 'figu_', 'figo_'], '[A-Za-z0-9_-]{16,}', {
    ok: [`figd_${fake(40)}`],
    ng: ['figd_', 'figd_x']
  }),
  rule('postman-key', ['PMAK-', 'PMAT-'], '[A-Za-z0-9-]{16,}', {
    ok: [`PMAK-${fake(24, 'hex')}-${fake(34, 'hex')}`],
    ng: ['PMAK-']
  }),
  rule(
    'asana-token',
    ['1/'],
    '[0-9]{14,}:[a-f0-9]{32}',
    { ok: [`1/${fake(16, 'digits')}:${fake(32, 'hex')}`], ng: ['1/2', '1/2026'] },
    { wrapped: false, followedBy: DIGITS }
  ),
  rule(
    'clickup-token',
    ['pk_'],
    '[0-9]{4,}_[A-Z0-9]{32}',
    { ok: [`pk_${fake(8, 'digits')}_${fake(32, 'base32')}`], ng: ['pk_users', 'pk_1234'] },
    { wrapped: false }
  ),
  rule(
    'discord-webhook',
    ['https://discord.com/api/webhooks/', 'https://discordapp.com/api/webhooks/'],
    '[0-9]{10,}/[A-Za-z0-9_-]{20,}',
    {
      ok: [`https://discord.com/api/webhooks/${fake(18, 'digits')}/${fake(68)}`],
      ng: ['https://discord.com/api/webhooks/']
    },
    { left: 'any' }
  ),
  rule('okta-token', ['SSWS '], '[A-Za-z0-9_-]{16,}', { ok: [`SSWS 00${fake(40)}`], ng: ['SSWS '] }),
  rule('easypost-key', ['EZAK', 'EZTK'], '[A-Za-z0-9]{40,}', { ok: [`EZAK${fake(54)}`], ng: ['EZAK'] }),
  rule('contentful-token', ['CFPAT-'], '[A-Za-z0-9_-]{30,}', { ok: [`CFPAT-${fake(43)}`], ng: ['CFPAT-'] })
]
