/** Tokens and webhook addresses of chat services: Slack, Telegram, Teams. */
import { DIGITS, fake, rule } from './rule.ts'

export const chat = [
  rule(
    'slack-token',
    ['xoxa-', 'xoxb-', 'xoxc-', 'xoxd-', 'xoxe-', 'xoxo-', 'xoxp-', 'xoxr-', 'xoxs-', 'xoxt-', 'xoxe.'],
    '[A-Za-z0-9%.+/=-]{8,}',
    {
      ok: [
        `xoxb-${fake(12, 'digits')}-${fake(12, 'digits')}-${fake(24)}`,
        `xoxe.xoxp-1-${fake(140)}`,
        `xoxp-${fake(12, 'digits')}-${fake(32, 'hex')}`
      ],
      ng: ['xoxb-', 'xoxb-x']
    },
    { left: 'any' }
  ),
  rule(
    'slack-app-token',
    ['xapp-'],
    '[A-Za-z0-9-]{16,}',
    {
      ok: [`xapp-1-A${fake(10, 'base32')}-${fake(13, 'digits')}-${fake(64, 'hex')}`],
      ng: ['xapp-', 'xapp-name']
    },
    { left: 'any' }
  ),
  rule(
    'slack-webhook',
    ['https://hooks.slack.com/', 'http://hooks.slack.com/', 'hooks.slack.com/'],
    '(?:services|workflows|triggers)/[A-Za-z0-9+/_-]{12,}',
    {
      ok: [`https://hooks.slack.com/services/T${fake(8, 'base32')}/B${fake(10, 'base32')}/${fake(24)}`],
      ng: ['https://hooks.slack.com/', 'hooks.slack.com/services/']
    },
    { left: 'any' }
  ),
  rule(
    'telegram-bot-token',
    ['bot'],
    '[0-9]{8,12}:[A-Za-z0-9_-]{30,}',
    { ok: [`bot${fake(10, 'digits')}:AA${fake(33)}`], ng: ['bot', 'bottom', 'bot1234:up'] },
    { wrapped: false, followedBy: DIGITS }
  )
]
