/**
 * Azure's identifiable keys: a fixed signature stands INSIDE random base64, so the token starts before its mark.
 * The scanner looks back over at most `before` characters of base64 and verifies the whole run.
 */
import { fake } from './rule.ts'

export interface InfixRule {
  readonly type: string
  /** Exact literal inside the token. */
  readonly mark: string
  /** Matches the whole run of token characters around the mark. */
  readonly pattern: RegExp
  readonly examples: { readonly ok: readonly string[]; readonly ng: readonly string[] }
}

const infix = (type: string, mark: string, pattern: RegExp, ok: string[], ng: string[]): InfixRule => ({
  type,
  mark,
  pattern,
  examples: { ok, ng }
})

const b64 = (length: number) => fake(length)

export const azure: readonly InfixRule[] = [
  infix(
    'azure-cask-key',
    'JQQJ99',
    /^[A-Za-z0-9+/_-]{40,}JQQJ99[A-Za-z0-9+/_-]{20,}={0,2}$/,
    [`${b64(52)}JQQJ99${b64(26)}`],
    ['JQQJ99', `JQQJ99${b64(40)}`]
  ),
  infix(
    'azure-storage-key',
    '+ASt',
    /^[A-Za-z0-9+/]{70,82}\+ASt[A-Za-z0-9+/]{4,12}={0,2}$/,
    [`${b64(76)}+ASt${b64(6)}==`],
    ['a+ASt', `${b64(20)}+ASt${b64(6)}==`]
  ),
  infix(
    'azure-cosmos-key',
    'ACDb',
    /^[A-Za-z0-9+/]{70,82}ACDb[A-Za-z0-9+/]{4,12}={0,2}$/,
    [`${b64(76)}ACDb${b64(6)}==`],
    ['ACDb', 'MACDbook']
  ),
  infix(
    'azure-service-bus-key',
    '+ASb',
    /^[A-Za-z0-9+/]{30,40}\+ASb[A-Za-z0-9+/]{4,10}={0,2}$/,
    [`${b64(33)}+ASb${b64(6)}=`],
    ['a+ASb']
  ),
  infix(
    'azure-event-hub-key',
    '+AEh',
    /^[A-Za-z0-9+/]{30,40}\+AEh[A-Za-z0-9+/]{4,10}={0,2}$/,
    [`${b64(33)}+AEh${b64(6)}=`],
    ['a+AEh']
  ),
  infix(
    'azure-registry-key',
    '+ACR',
    /^[A-Za-z0-9+/]{36,48}\+ACR[A-Za-z0-9+/]{4,10}$/,
    [`${b64(42)}+ACR${b64(6)}`],
    ['a+ACR']
  ),
  infix(
    'azure-iot-key',
    'AIoT',
    /^[A-Za-z0-9+/]{30,40}AIoT[A-Za-z0-9+/]{4,10}={0,2}$/,
    [`${b64(33)}AIoT${b64(6)}=`],
    ['AIoT', 'myAIoTdevice']
  ),
  infix(
    'azure-search-key',
    'AzSe',
    /^[A-Za-z0-9]{36,46}AzSe[A-Za-z0-9]{4,8}$/,
    [`${b64(42)}AzSe${b64(6)}`],
    ['AzSearch']
  ),
  infix(
    'azure-function-key',
    'AzFu',
    /^[A-Za-z0-9_-]{36,48}AzFu[A-Za-z0-9_-]{4,10}={0,2}$/,
    [`${b64(44)}AzFu${b64(8)}==`],
    ['AzFunction']
  ),
  infix(
    'azure-redis-key',
    'AzCa',
    /^[A-Za-z0-9]{30,40}AzCa[A-Za-z0-9]{4,10}={0,2}$/,
    [`${b64(33)}AzCa${b64(6)}=`],
    ['AzCache']
  ),
  infix(
    'azure-client-secret',
    'Q~',
    /^[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{28,38}$/,
    [`${fake(3)}8Q~${fake(34)}`],
    ['8Q~abc', 'Q~']
  ),
  infix(
    'openai-key',
    'T3BlbkFJ',
    /^[A-Za-z0-9_-]{20,}T3BlbkFJ[A-Za-z0-9_-]{10,}$/,
    [`sk-${fake(20)}T3BlbkFJ${fake(20)}`],
    ['T3BlbkFJ', 'xT3BlbkFJx']
  )
]
