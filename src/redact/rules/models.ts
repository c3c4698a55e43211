/** Which prefixes do the keys of model providers have? OpenAI, Anthropic, and those that copied or invented their own. */
import { fake, rule } from './rule.ts'

const DASHED = '[A-Za-z0-9_-]'

export const models = [
  rule(
    'anthropic-key',
    ['sk-ant-'],
    `${DASHED}{8,}`,
    {
      ok: [`sk-ant-api03-${fake(93)}AA`, `sk-ant-oat01-${fake(90)}`, `sk-ant-admin01-${fake(80)}`],
      ng: ['sk-ant-x']
    },
    { left: 'any' }
  ),
  rule(
    'openai-key',
    ['sk-proj-', 'sk-svcacct-', 'sk-admin-', 'sk-None-'],
    `${DASHED}{8,}`,
    {
      ok: [`sk-proj-${fake(74)}T3Blbk${'FJ'}${fake(74)}`, `sk-svcacct-${fake(60)}`],
      ng: ['sk-proj-', 'sk-proj-x']
    },
    { left: 'any' }
  ),
  rule('openrouter-key', ['sk-or-'], `${DASHED}{16,}`, {
    ok: [`sk-or-v1-${fake(64, 'hex')}`],
    ng: ['sk-or-x']
  }),
  // Also DeepSeek, Moonshot and others that copied the prefix. A digit or capital, so that words stay words.
  rule('sk-key', ['sk-'], `(?=${DASHED}{0,40}[A-Z0-9])${DASHED}{16,}`, {
    ok: [`sk-${fake(48)}`, `sk-${fake(20)}T3Blbk${'FJ'}${fake(20)}`],
    ng: ['sk-learn', 'sk-loading-indicator-box', 'risk-assessment-of-2024-plan']
  }),
  rule(
    'huggingface-token',
    ['hf_', 'api_org_'],
    '[A-Za-z0-9]{20,}',
    {
      ok: [`hf_${fake(34)}`, `api_org_${fake(34)}`],
      ng: ['hf_hub_download', 'hf_transfer', 'chf_rate']
    },
    { glued: 'hf_(?=[a-z0-9]{0,33}[A-Z])(?=[A-Z0-9]{0,33}[a-z])[A-Za-z0-9]{34,}' }
  ),
  rule(
    'groq-key',
    ['gsk_'],
    '[A-Za-z0-9]{20,}',
    { ok: [`gsk_${fake(52)}`], ng: ['gsk_name', 'gsk_'] },
    { glued: 'gsk_[A-Za-z0-9]{52,}' }
  ),
  rule('xai-key', ['xai-'], '[A-Za-z0-9]{20,}', { ok: [`xai-${fake(80)}`], ng: ['xai-grok', 'xai-'] }),
  rule('perplexity-key', ['pplx-'], '[A-Za-z0-9]{16,}', {
    ok: [`pplx-${fake(48)}`],
    ng: ['pplx-70b-online']
  }),
  rule('replicate-token', ['r8_'], '[A-Za-z0-9]{20,}', { ok: [`r8_${fake(37)}`], ng: ['r8_unorm', 'dr8_x'] }),
  rule('fireworks-key', ['fw_'], '[A-Za-z0-9]{20,}', {
    ok: [`fw_${fake(24)}`],
    ng: ['fw_version', 'fw_update_available']
  }),
  rule('langsmith-key', ['lsv2_'], '(?:pt|sk)_[a-f0-9_]{16,}', {
    ok: [`lsv2_pt_${fake(32, 'hex')}_${fake(10, 'hex')}`],
    ng: ['lsv2_', 'lsv2_pt_']
  }),
  rule('langfuse-key', ['sk-lf-', 'pk-lf-'], '[a-f0-9-]{16,}', {
    ok: [`sk-lf-${fake(8, 'hex')}-${fake(20, 'hex')}`],
    ng: ['sk-lf-']
  }),
  rule('tavily-key', ['tvly-'], `${DASHED}{16,}`, { ok: [`tvly-${fake(32)}`], ng: ['tvly-dev'] }),
  rule('cerebras-key', ['csk-'], '[a-z0-9]{24,}', {
    ok: [`csk-${fake(48, 'hex')}`],
    ng: ['csk-', 'csk-node']
  }),
  rule('nvidia-key', ['nvapi-'], `${DASHED}{20,}`, {
    ok: [`nvapi-${fake(64)}`],
    ng: ['nvapi-', 'nvapi-test']
  })
]
