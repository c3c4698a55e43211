/** The lines of a file with their byte offsets, read in bounded pieces. A last line without newline is torn: left out. */
import type { Disk } from '../core/ports.ts'

const PIECE_BYTES = 1024 * 1024
const NEWLINE = 10

export interface Line {
  readonly offset: number
  /** Bytes, without the newline. */
  readonly length: number
  readonly text: string
}

/** Yields every whole line. Memory: one piece and the longest line. */
export async function* linesOf(disk: Disk, path: string): AsyncGenerator<Line> {
  const file = await disk.open(path, 'read')
  try {
    let at = 0
    // Pieces of a line that has not ended yet; joined once, when it does.
    let parts: Buffer[] = []
    let start = 0
    for (;;) {
      const piece = await file.read(PIECE_BYTES, at)
      if (piece.length === 0) return
      let from = 0
      for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, from)) {
        const rest = piece.subarray(from, end)
        const bytes = parts.length === 0 ? rest : Buffer.concat([...parts, rest])
        parts = []
        yield { offset: start, length: bytes.length, text: bytes.toString('utf8') }
        from = end + 1
        start = at + from
      }
      if (from < piece.length) parts.push(piece.subarray(from))
      at += piece.length
    }
  } finally {
    await file.close()
  }
}
