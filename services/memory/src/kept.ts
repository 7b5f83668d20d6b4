/** Things kept in memory by a key: the oldest goes when there are too many, and, where a time is given, what is older than that. */
export class Kept<V> {
  readonly #most: number
  readonly #ms: number
  readonly #kept = new Map<string, { readonly value: V; readonly until: number }>()
  /** Told of what had to make room. */
  onDropped: (value: V) => void = () => undefined

  constructor(most: number, ms: number = Number.POSITIVE_INFINITY) {
    this.#most = most
    this.#ms = ms
  }

  get(key: string): V | undefined {
    const found = this.#kept.get(key)
    return found !== undefined && found.until > performance.now() ? found.value : undefined
  }

  set(key: string, value: V): V {
    this.#kept.delete(key)
    this.#kept.set(key, { value, until: performance.now() + this.#ms })
    for (const [oldest, dropped] of this.#kept) {
      if (this.#kept.size <= this.#most) break
      this.#kept.delete(oldest)
      this.onDropped(dropped.value)
    }
    return value
  }

  drop(key: string): void {
    this.#kept.delete(key)
  }

  *values(): Iterable<V> {
    for (const { value } of this.#kept.values()) yield value
  }
}
