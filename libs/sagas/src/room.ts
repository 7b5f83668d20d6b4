// How many sagas are open, known well enough to refuse one too many without asking the database at each start.

export class Room {
  readonly #most: number
  readonly #countOpen: () => Promise<number>
  #counted = 0
  #started = 0
  /** Starts before the count before last began are in its rows; those since may be in none yet. */
  #startedBefore = 0
  #startedAtLastCount = 0

  constructor(most: number, countOpen: () => Promise<number>) {
    this.#most = most
    this.#countOpen = countOpen
  }

  isFree(): boolean {
    return this.#counted + this.#started - this.#startedBefore < this.#most
  }

  taken(): void {
    this.#started++
  }

  /** A start is listed a moment after it was let in, so it counts twice until the next count rather than not at all. */
  async count(): Promise<void> {
    const began = this.#started
    this.#counted = await this.#countOpen()
    this.#startedBefore = this.#startedAtLastCount
    this.#startedAtLastCount = began
  }
}
