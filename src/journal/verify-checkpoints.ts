/**
 * The verifier's own reading of signed checkpoints (docs/journal-format.md, "Checkpoints"): C2SP signed
 * notes with an Ed25519 signature.
 */
import { createPublicKey, verify as verifySignature } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { CHECKPOINT_FILE } from './constants.ts'

export interface Problem {
  /** File name within the journal's folder. */
  readonly file: string
  /** Offset in the uncompressed segment, or in the file for damage of the compressed form. */
  readonly offset: number
  /** The last sequence that is proven before this place; -1 if none. */
  readonly lastGood: number
  readonly what: string
}

export interface Anchor {
  readonly size: number
  readonly hash: string
  readonly segment: number
  readonly offset: number
  readonly line: number
  readonly id: string
}

/** Strict: base64 that decodes but is not how anyone would encode it has been changed. */
function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/** Parses one signed note and checks its signature. Undefined with a reason if it is no anchor. */
function readNote(note: string, line: number, publicKey: string | undefined): Anchor | string {
  const [text, signatures] = note.split('\n\n')
  const body = (text ?? '').split('\n')
  const place = /^segment (\d+) offset (\d+)$/.exec(body[3] ?? '')
  const origin = /^keywatch\/([0-9a-f-]+)\//.exec(body[0] ?? '')
  if (place === null || origin === null || !/^\d+$/.test(body[1] ?? '')) return 'is not a checkpoint'
  if (publicKey !== undefined) {
    const [name, id, ...key] = publicKey.trim().split('+')
    const der = Buffer.concat([
      Buffer.from('302a300506032b6570032100', 'hex'),
      Buffer.from(key.join('+'), 'base64').subarray(1)
    ])
    const good = (signatures ?? '').split('\n').some(row => {
      const match = /^— (\S+) (\S+)$/.exec(row)
      if (match?.[1] !== name) return false
      const bytes = fromBase64(match?.[2] ?? '')
      if (bytes === undefined || bytes.toString('hex', 0, 4) !== id) return false
      const signature = bytes.subarray(4)
      return verifySignature(
        null,
        Buffer.from(`${text}\n`),
        createPublicKey({ key: der, format: 'der', type: 'spki' }),
        signature
      )
    })
    if (!good) return 'has no good signature under the given key'
  }
  return {
    size: Number(body[1]),
    hash: Buffer.from(body[2] ?? '', 'base64').toString('hex'),
    segment: Number(place[1]),
    offset: Number(place[2]),
    line,
    id: origin[1] ?? ''
  }
}

/** A crash leaves the beginning of the last line and nothing after its end; a changed newline leaves more. */
const isTorn = (line: string): boolean =>
  line.startsWith('{"note":"'.slice(0, line.length)) && !line.includes('"}')

/** All notes of a folder. Those that are no good are problems. */
export async function readAnchors(
  folder: string,
  publicKey: string | undefined
): Promise<{ anchors: Anchor[]; problems: Problem[] }> {
  const anchors: Anchor[] = []
  const problems: Problem[] = []
  const file = await open(join(folder, CHECKPOINT_FILE), 'r').catch(() => undefined)
  if (file === undefined) return { anchors, problems }
  const lines = (await file.readFile('utf8').finally(() => file.close())).split('\n')
  let offset = 0
  lines.forEach((line, i) => {
    if (line !== '' && !(i === lines.length - 1 && isTorn(line))) {
      let result: Anchor | string
      try {
        result = readNote(String((JSON.parse(line) as { note?: unknown }).note), i, publicKey)
      } catch {
        result = 'is not readable'
      }
      if (typeof result === 'string')
        problems.push({ file: CHECKPOINT_FILE, offset, lastGood: -1, what: `checkpoint ${i + 1} ${result}` })
      else anchors.push(result)
    }
    offset += Buffer.byteLength(line) + 1
  })
  return { anchors, problems }
}
