/** How do event lines become the bytes of a commit, without holding their text and without a new buffer each time? */
const NEWLINE = 10
/** A buffer that one huge commit made larger than this is given back afterwards. */
const KEPT_BYTES_MAX = 8 * 1024 * 1024
const FIRST_BYTES = 1024 * 1024

export interface Encoder {
  /** Bytes taken in so far. */
  readonly used: number
  /** Takes one line in and returns its length in bytes, without the newline that is added. */
  add(line: string): number
  /** What was taken in. Valid until `add` or `clear`. */
  bytes(): Buffer
  /** What was taken in and this after it, as one piece. */
  bytesWith(end: Buffer): Buffer
  clear(): void
}

/**
 * Lines to bytes in one growing buffer. A line is encoded as soon as it is made: its text then dies young, and
 * encoding in place costs a tenth of joining strings (measured: 0.2 against 2.5 µs for 2.5 KB).
 */
export function createEncoder(): Encoder {
  let buffer = Buffer.alloc(0)
  let used = 0
  const room = (bytes: number) => {
    if (buffer.length - used >= bytes) return
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, buffer.length * 2, used + bytes))
    buffer.copy(grown, 0, 0, used)
    buffer = grown
  }
  return {
    get used() {
      return used
    },
    add(line) {
      // UTF-8 takes at most three bytes per UTF-16 unit.
      room(line.length * 3 + 1)
      const length = buffer.write(line, used, 'utf8')
      used += length
      buffer[used++] = NEWLINE
      return length
    },
    bytes: () => buffer.subarray(0, used),
    bytesWith(end) {
      room(end.length)
      end.copy(buffer, used)
      return buffer.subarray(0, used + end.length)
    },
    clear() {
      used = 0
      if (buffer.length > KEPT_BYTES_MAX) buffer = Buffer.alloc(0)
    }
  }
}
