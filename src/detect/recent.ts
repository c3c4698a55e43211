/**
 * A map that knows which entry was touched longest ago, at constant cost.
 *
 * The order of a JavaScript Map could say so too, but finding its first entry walks over every deleted one.
 * Entries that were not touched for `idleMs` of our clock are dropped as new ones come; beyond `max` the one
 * touched longest ago is evicted and counted.
 */

interface Node<V> {
  readonly key: string
  readonly value: V
  touched: number
  older: Node<V> | undefined
  newer: Node<V> | undefined
}

export class Recent<V> {
  readonly #max: number
  readonly #idleMs: number
  readonly #nodes = new Map<string, Node<V>>()
  #oldest: Node<V> | undefined
  #newest: Node<V> | undefined
  /** Entries dropped because there were too many. */
  evicted = 0

  constructor(max: number, idleMs: number) {
    this.#max = max
    this.#idleMs = idleMs
  }

  get size(): number {
    return this.#nodes.size
  }

  /** The value of a key, touched now; undefined if it is not there. */
  touch(key: string, now: number): V | undefined {
    const node = this.#nodes.get(key)
    if (node === undefined) return undefined
    node.touched = now
    if (node !== this.#newest) {
      this.#unlink(node)
      this.#append(node)
    }
    return node.value
  }

  /** Adds a key that is not there, after making room for it. Returns the value. */
  add(key: string, value: V, now: number): V {
    // Two at a time: idle ones go faster than new ones come, and no single event pays for all of them.
    for (let step = 0; step < 2; step++) {
      if (this.#oldest !== undefined && this.#oldest.touched < now - this.#idleMs) this.#drop(this.#oldest)
    }
    while (this.#oldest !== undefined && this.#nodes.size >= this.#max) {
      this.#drop(this.#oldest)
      this.evicted++
    }
    this.put(key, value, now)
    return value
  }

  /** Adds a key that is not there as the newest, and drops nothing: to take back what `entries` gave. */
  put(key: string, value: V, touched: number): void {
    const node: Node<V> = { key, value, touched, older: undefined, newer: undefined }
    this.#nodes.set(key, node)
    this.#append(node)
  }

  clear(): void {
    this.#nodes.clear()
    this.#oldest = undefined
    this.#newest = undefined
    this.evicted = 0
  }

  /** All entries, the one touched longest ago first. */
  *entries(): Generator<readonly [key: string, value: V, touched: number]> {
    for (let node = this.#oldest; node !== undefined; node = node.newer) {
      yield [node.key, node.value, node.touched]
    }
  }

  #drop(node: Node<V>): void {
    this.#nodes.delete(node.key)
    this.#unlink(node)
  }

  #unlink(node: Node<V>): void {
    if (node.older === undefined) this.#oldest = node.newer
    else node.older.newer = node.newer
    if (node.newer === undefined) this.#newest = node.older
    else node.newer.older = node.older
  }

  #append(node: Node<V>): void {
    node.older = this.#newest
    node.newer = undefined
    if (this.#newest === undefined) this.#oldest = node
    else this.#newest.newer = node
    this.#newest = node
  }
}
