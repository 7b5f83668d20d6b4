// How many sagas are open, known well enough to refuse one too many without asking the database at each start.

/** A start is in the rows a moment after it was let in. Until then it counts beside them; twice rather than not at all. */
const UNSEEN_MS = 1000

export class Room {
  readonly #most: number
  readonly #countOpen: () => Promise<number>
  readonly #now: () => number
  #counted = 0
  #starts: number[] = []

  constructor(most: number, countOpen: () => Promise<number>, now: () => number = () => performance.now()) {
    this.#most = most
    this.#countOpen = countOpen
    this.#now = now
  }

  isFree(): boolean {
    const since = this.#now() - UNSEEN_MS
    const seen = this.#starts.findIndex((at) => at > since)
    this.#starts = seen < 0 ? [] : this.#starts.slice(seen)
    return this.#counted + this.#starts.length < this.#most
  }

  taken(): void {
    this.#starts.push(this.#now())
  }

  async count(): Promise<void> {
    this.#counted = await this.#countOpen()
  }
}
