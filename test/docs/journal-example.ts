/**
 * The small journal that docs/journal-format.md explains byte by byte. It lies in test/fixtures/journal/example,
 * was written by the real writer, and is made anew only if the format changes.
 */
import { createHash } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { zstdDecompressSync } from 'node:zlib'
import type { OcsfEvent } from '../../src/core/event.ts'
import { checkpointText, loadSigner, saveCheckpoint } from '../../src/journal/checkpoint.ts'
import { openFileJournal } from '../../src/journal/file.ts'
import { realDisk } from '../../src/lib/disk.ts'
import { fakeClock } from '../fakes/clock.ts'
import { fakeLog } from '../fakes/log.ts'

export const EXAMPLE = fileURLToPath(new URL('../fixtures/journal/example/', import.meta.url))
const START = Date.UTC(2026, 10, 22, 9)

/** An event cut down to what fits a line of a page. The journal itself does not look inside. */
const short = (time: number, message: string) =>
  // Boundary: only the tests of the documentation write such events.
  ({ class_uid: 6003, time, message }) as unknown as OcsfEvent

/** Writes the example with today's writer: two commits, a sealed segment, a third commit, a checkpoint. */
export async function writeExample(folder: string): Promise<void> {
  const clock = fakeClock(START)
  const journal = await openFileJournal({
    disk: realDisk,
    clock,
    log: fakeLog(),
    folder,
    name: 'events',
    segmentBytes: 700,
    segmentAgeMs: 3_600_000,
    pendingBytesMax: 1 << 20,
    marksMax: 100,
    compressLevel: 1,
    tailBytes: 1 << 16
  })
  await journal.append([short(START, 'first'), short(START + 1, 'second')])
  await clock.advance(1000)
  await journal.append([short(START + 1000, 'third')], [{ key: 's:edge:tail:/var/log/a.log', value: '120' }])
  await journal.idle()
  await clock.advance(1000)
  await journal.append([short(START + 2000, 'fourth: ünïcödé')])
  const signer = await loadSigner(realDisk, folder, 'keywatch')
  await saveCheckpoint(realDisk, folder, signer.sign(checkpointText(journal, journal.tip(), clock.now())))
  await journal.close()
  // Nobody needs the private half again.
  rmSync(join(folder, 'checkpoint.key'))
}

const read = (name: string) => readFileSync(join(EXAMPLE, name))
const block = (text: string) => `\`\`\`text\n${text.trimEnd()}\n\`\`\``

/** `offset: 16 bytes in hex`, as xxd shows them. */
function hexLines(bytes: Buffer, from: number): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16)
    lines.push(
      `${(from + at).toString(16).padStart(8, '0')}: ${bytes
        .subarray(at, at + 16)
        .toString('hex')
        .replaceAll(/(..)(?=.)/g, '$1 ')}`
    )
  return lines.join('\n')
}

/** The first commit's hash, computed here from nothing but the formula in the document. */
function worked(segment: string): string {
  const lines = segment.split('\n')
  const header = JSON.parse(lines[0] ?? '') as { hash: string }
  const control = lines[3] ?? ''
  const covered = control.slice(0, control.lastIndexOf(',"hash":"') + ',"hash":"'.length)
  const events = `${lines[1]}\n${lines[2]}\n`
  const digest = createHash('sha256')
    .update(Buffer.from(header.hash, 'hex'))
    .update(events)
    .update(covered)
    .digest('hex')
  return [
    `previous   32 bytes  ${header.hash}`,
    `events    ${Buffer.byteLength(events)} bytes  lines 2 and 3, each with its newline`,
    `prefix    ${Buffer.byteLength(covered)} bytes  ${covered.slice(0, 32)} … ${covered.slice(-24)}`,
    `SHA-256             ${digest}`
  ].join('\n')
}

export function exampleBlocks(): Record<string, string> {
  const sealed = read('0000000000.ndjson.zst')
  // Node inflates the first frame and stops; the example has one.
  const first = zstdDecompressSync(sealed.subarray(0, sealed.length - 40 - 8 - 8 - 9)).toString('utf8')
  const note = (JSON.parse(read('checkpoints.ndjson').toString('utf8')) as { note: string }).note
  return {
    'segment 0': block(first),
    'segment 1': block(read('0000000001.ndjson').toString('utf8')),
    worked: block(worked(first)),
    'sealed end': block(hexLines(sealed.subarray(-65), sealed.length - 65)),
    checkpoint: block(`${read('checkpoints.ndjson').toString('utf8')}\n${note}`),
    'public key': block(read('checkpoint.pub').toString('utf8'))
  }
}
