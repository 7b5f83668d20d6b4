// How processes on one bus wake each other: by a NOTIFY after the commit, on a connection of its own, many publishes in one. Every
// process says now and then that it is there; who has heard nobody lately is alone, as in embedded mode, and spares the word.
import { newId } from '@loomworks/kernel'
import { type Database, type Dedicated, exec, sql } from '@loomworks/sql'

const CHANNEL = 'loom_bus'
const HERE_EVERY_MS = 5000
const ALONE_AFTER_MS = 15_000
const MOST_KNOWN = 1000

export class Wakeups {
  readonly #db: Database
  readonly #onWake: () => void
  readonly #onTrouble: (error: unknown) => void
  readonly #name = newId()
  readonly #known = new Set<string>()
  #listener: Dedicated | undefined
  #heardAt = Number.NEGATIVE_INFINITY
  #saidAt = Number.NEGATIVE_INFINITY
  #unsaid = false
  #telling: Promise<void> | undefined

  constructor(db: Database, means: { readonly onWake: () => void; readonly onTrouble: (error: unknown) => void }) {
    this.#db = db
    this.#onWake = means.onWake
    this.#onTrouble = means.onTrouble
  }

  /** Something was published: others hear of it as soon as the word before this is out. */
  tell(): void {
    if (this.#listener === undefined || performance.now() - this.#heardAt > ALONE_AFTER_MS) return
    this.#unsaid = true
    this.#telling ??= this.#tellAll()
  }

  /** To be called at every poll: listens again when the connection was lost, and says that this process is there. */
  async beat(): Promise<void> {
    const listener = await this.#listening()
    if (performance.now() - this.#saidAt > HERE_EVERY_MS) await this.#say(listener)
  }

  async close(): Promise<void> {
    await this.#telling
    await this.#listener?.[Symbol.asyncDispose]()
  }

  async #tellAll(): Promise<void> {
    while (this.#unsaid && this.#listener !== undefined) {
      this.#unsaid = false
      await this.#say(this.#listener).catch(this.#onTrouble)
    }
    this.#telling = undefined
  }

  async #say(listener: Dedicated): Promise<void> {
    this.#saidAt = performance.now()
    await exec(listener, sql`select pg_notify(${CHANNEL}, ${this.#name})`)
  }

  async #listening(): Promise<Dedicated> {
    if (this.#listener !== undefined) return this.#listener
    const listener = await this.#db.dedicated()
    listener.onClosed(() => {
      if (this.#listener === listener) this.#listener = undefined
    })
    listener.onNotification((_, from) => this.#heard(from))
    try {
      // A word that is lost with the server wakes nobody too late: the poll finds what it spoke of.
      await exec(listener, sql`set synchronous_commit = off`)
      await exec(listener, sql`listen loom_bus`)
      await this.#say(listener)
    } catch (error) {
      await listener[Symbol.asyncDispose]()
      throw error
    }
    this.#listener = listener
    return listener
  }

  #heard(from: string): void {
    if (from === this.#name) return
    this.#heardAt = performance.now()
    if (!this.#known.has(from)) this.#meet(from)
    this.#onWake()
  }

  /** A newcomer has not heard of this process yet: it is told at the next poll. */
  #meet(newcomer: string): void {
    if (this.#known.size >= MOST_KNOWN) this.#known.clear()
    this.#known.add(newcomer)
    this.#saidAt = Number.NEGATIVE_INFINITY
  }
}
