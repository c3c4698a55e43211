/**
 * Signed checkpoints: what the chain was at a moment, under an Ed25519 key, as a signed note
 * (C2SP signed-note, https://c2sp.org/signed-note; the first three lines as in https://c2sp.org/tlog-checkpoint,
 * with our chain's hash in the place of a tree's root). A copy kept elsewhere shows a cut-off end, which
 * no chain can show by itself.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign
} from 'node:crypto'
import { join } from 'node:path'
import type { Disk } from '../core/ports.ts'
import { CHECKPOINT_FILE } from './constants.ts'
import type { Head } from './writer.ts'

const ALGORITHM_ED25519 = 1

/** Raw 32-byte public key of an Ed25519 key. */
const rawPublic = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' }).subarray(-32)

/** C2SP signed-note key id: the first four bytes of SHA-256(name ‖ 0x0A ‖ algorithm ‖ public key). */
const keyHash = (name: string, publicKey: Buffer): Buffer =>
  createHash('sha256')
    .update(name)
    .update(Buffer.from([0x0a, ALGORITHM_ED25519]))
    .update(publicKey)
    .digest()
    .subarray(0, 4)

export interface Signer {
  /** `<name>+<key id in hex>+<base64>`: the verifier key, as C2SP writes it. */
  readonly verifierKey: string
  sign(text: string): string
}

/** Loads `checkpoint.key` (PKCS #8 PEM, 0600) from a folder, or makes it and `checkpoint.pub` beside it. */
export async function loadSigner(disk: Disk, folder: string, name: string): Promise<Signer> {
  const path = join(folder, 'checkpoint.key')
  let key: KeyObject
  if (await disk.exists(path)) {
    const file = await disk.open(path, 'read')
    const pem = await file.read(await file.size(), 0).finally(() => file.close())
    key = createPrivateKey(pem)
  } else {
    await disk.makeFolder(folder)
    key = generateKeyPairSync('ed25519').privateKey
    await writeWhole(disk, path, key.export({ format: 'pem', type: 'pkcs8' }).toString())
  }
  const publicKey = rawPublic(createPublicKey(key))
  const id = keyHash(name, publicKey)
  const verifierKey = `${name}+${id.toString('hex')}+${Buffer.concat([Buffer.from([ALGORITHM_ED25519]), publicKey]).toString('base64')}`
  const publicPath = join(folder, 'checkpoint.pub')
  if (!(await disk.exists(publicPath))) await writeWhole(disk, publicPath, `${verifierKey}\n`)
  await disk.syncFolder(folder)
  return {
    verifierKey,
    sign: text =>
      `${text}\n— ${name} ${Buffer.concat([id, sign(null, Buffer.from(text), key)]).toString('base64')}\n`
  }
}

async function writeWhole(disk: Disk, path: string, text: string): Promise<void> {
  const file = await disk.open(path, 'write')
  try {
    await file.truncate(0)
    await file.write(Buffer.from(text), 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The text that is signed: origin, size, hash, and where in the files that is. */
export const checkpointText = (
  journal: { id: string; name: string },
  tip: Readonly<Head>,
  now: number
): string =>
  `keywatch/${journal.id}/${journal.name}\n${tip.sequence}\n${Buffer.from(tip.hash, 'hex').toString('base64')}\n` +
  `segment ${tip.segment} offset ${tip.offset}\ntime ${new Date(now).toISOString()}\n`

/** Appends a note, durable, to `checkpoints.ndjson` in the journal's folder. */
export async function saveCheckpoint(disk: Disk, folder: string, note: string): Promise<void> {
  const file = await disk.open(join(folder, CHECKPOINT_FILE), 'write')
  try {
    await file.write(Buffer.from(`${JSON.stringify({ note })}\n`), await file.size())
    await file.sync()
  } finally {
    await file.close()
  }
}
