/**
 * Where does chance come from in made-up traffic? From a seed alone: sfc32 (Chris Doty-Humphrey's Small Fast Counting
 * generator, 128 bits of state) whose state is SHA-256 of the seed and a label. Because each stream has its label,
 * a change in one part of the model does not shift the numbers of another.
 */
import { createHash } from 'node:crypto'

export const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const HEX = '0123456789abcdef'
const DIGITS = '0123456789'
/** The first numbers depend on the seed too plainly; the author's advice is to drop a dozen. */
const WARM_UP = 12

export class Random {
  readonly #seed: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: string) {
    this.#seed = seed
    const digest = createHash('sha256').update(seed).digest()
    this.#a = digest.readUInt32LE(0)
    this.#b = digest.readUInt32LE(4)
    this.#c = digest.readUInt32LE(8)
    for (let i = 0; i < WARM_UP; i++) this.next()
  }

  /** An independent stream; the same for the same label, however much was drawn from this one. */
  fork(label: string): Random {
    return new Random(`${this.#seed}/${label}`)
  }

  /** Uniform in [0, 1), 32 bits. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter++) >>> 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) >>> 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0
    return sum / 4_294_967_296
  }

  /** An integer from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.next() * count)
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** One of a list that is not empty; throws RangeError for an empty one. */
  pick<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)]
    if (found === undefined) throw new RangeError('nothing to pick from')
    return found
  }

  /** `count` characters of an alphabet, default letters and digits. */
  text(count: number, alphabet = BASE62): string {
    let text = ''
    for (let i = 0; i < count; i++) text += alphabet.charAt(this.below(alphabet.length))
    return text
  }

  /** `count` lower-case hex digits. */
  hex(count: number): string {
    return this.text(count, HEX)
  }

  digits(count: number): string {
    return this.text(count, DIGITS)
  }

  uuid(): string {
    return `${this.hex(8)}-${this.hex(4)}-4${this.hex(3)}-8${this.hex(3)}-${this.hex(12)}`
  }
}
