/**
 * Where do the fingerprint keys come from? A JSON file, mode 0600, made at the first start:
 *
 *   { "version": 1, "tenant": "default",
 *     "keys": [ { "id": "k7f3a9c", "state": "live" | "retired", "created": "<ISO 8601>", "master": "<32 bytes, base64>" } ] }
 *
 * Newest key first. To rotate: put a new live key on top, keep the old one live for the overlap (events then carry
 * both fingerprints), then set it `retired` (lookups only), and delete it when the logs it belongs to are gone.
 */
import { randomFillSync } from 'node:crypto'
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync
} from 'node:fs'
import { z } from 'zod'
import { KeywatchError } from '../core/errors.ts'
import { type FingerprintKey, KEY_ID } from './fingerprint.ts'

const KeyFile = z.strictObject({
  version: z.literal(1),
  tenant: z.string().min(1).max(200),
  keys: z
    .array(
      z.strictObject({
        id: z.string().regex(KEY_ID),
        state: z.enum(['live', 'retired']),
        created: z.iso.datetime(),
        master: z.base64().min(44)
      })
    )
    .min(1)
    .max(32)
})

export interface LoadedKeys {
  readonly tenant: string
  readonly keys: readonly FingerprintKey[]
  /** True if the file was made by this call. */
  readonly created: boolean
}

const codeOf = (error: unknown) => (error instanceof Error && 'code' in error ? error.code : undefined)

function readKeys(path: string): LoadedKeys | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new KeywatchError('KW_CONFIG_UNREADABLE', 'The fingerprint key file cannot be read.')
  }
  try {
    if ((fstatSync(file).mode & 0o077) !== 0)
      throw new KeywatchError(
        'KW_CONFIG_INVALID',
        'The fingerprint key file can be read or written by others; its mode must be 0600.'
      )
    return { ...parseKeys(readFileSync(file, 'utf8')), created: false }
  } finally {
    closeSync(file)
  }
}

function parseKeys(text: string): Omit<LoadedKeys, 'created'> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new KeywatchError('KW_CONFIG_INVALID', 'The fingerprint key file is not JSON.')
  }
  const parsed = KeyFile.safeParse(json)
  if (!parsed.success) {
    const where = parsed.error.issues[0]?.path.map(String).join('.') ?? ''
    const known = /^(?:version|tenant|keys(?:\.\d+(?:\.(?:id|state|created|master))?)?)$/.test(where)
    throw new KeywatchError(
      'KW_CONFIG_INVALID',
      `The fingerprint key file does not have the documented form${known ? ` (${where})` : ''}.`
    )
  }
  const keys = parsed.data.keys.map(({ id, state, master }) => ({
    id,
    state,
    master: Buffer.from(master, 'base64')
  }))
  return { tenant: parsed.data.tenant, keys }
}

/**
 * The keys of the file at `path`; makes the file with one live key if there is none. Two processes that start
 * at once get the same keys. `now`: milliseconds since 1970, for `created`. `random` fills bytes.
 * Throws KW_CONFIG_UNREADABLE or KW_CONFIG_INVALID; the message quotes nothing of the file.
 */
export function loadOrCreateKeys(
  path: string,
  now: number,
  random: (bytes: Uint8Array) => void = randomFillSync,
  tenant = 'default'
): LoadedKeys {
  const found = readKeys(path)
  if (found) return found
  const bytes = Buffer.alloc(38)
  random(bytes)
  const content: z.input<typeof KeyFile> = {
    version: 1,
    tenant,
    keys: [
      {
        id: `k${bytes.toString('hex', 0, 3)}`,
        state: 'live',
        created: new Date(now).toISOString(),
        master: bytes.toString('base64', 6)
      }
    ]
  }
  const draft = `${path}.${bytes.toString('hex', 3, 6)}.new`
  try {
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeSync(file, `${JSON.stringify(content, null, 2)}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    try {
      // A link fails if the name is taken: whoever comes second reads the keys of the first.
      linkSync(draft, path)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
    } finally {
      unlinkSync(draft)
    }
  } catch {
    throw new KeywatchError('KW_CONFIG_UNREADABLE', 'The fingerprint key file cannot be created.')
  }
  const made = readKeys(path)
  if (!made) throw new KeywatchError('KW_CONFIG_UNREADABLE', 'The fingerprint key file cannot be read.')
  return { ...made, created: true }
}
