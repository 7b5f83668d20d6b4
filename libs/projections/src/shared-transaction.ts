// The projections of one subscription are given the same events at the same moment: what they write goes into one transaction. Where
// that fails each tries alone, so that who cannot go on stops alone.
import { setImmediate } from 'node:timers/promises'
import type { Database, Tx } from '@loomworks/sql'

interface Job {
  readonly name: string
  readonly work: (tx: Tx) => Promise<void>
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

export class SharedTransaction {
  readonly #db: Database
  #waiting: Job[] = []
  #gathering: Promise<void> | undefined

  constructor(db: Database) {
    this.#db = db
  }

  /** Runs the work in a transaction, together with what comes in the same turn. It may run twice: what it does outside of the
   *  transaction must bear that, as after any rollback. */
  run(name: string, work: (tx: Tx) => Promise<void>): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ name, work, done, failed })
      this.#gathering ??= this.#gather()
    })
  }

  async #gather(): Promise<void> {
    await setImmediate()
    this.#gathering = undefined
    // One order everywhere: two instances that lock the same checkpoints wait for each other in no circle.
    const jobs = this.#waiting.splice(0).sort((a, b) => (a.name < b.name ? -1 : 1))
    await this.#commit(jobs).catch((error: unknown) => this.#alone(jobs, error))
  }

  async #commit(jobs: readonly Job[]): Promise<void> {
    await this.#db.transaction(async (tx) => {
      for (const { work } of jobs) await work(tx)
    })
    for (const { done } of jobs) done()
  }

  async #alone(jobs: readonly Job[], error: unknown): Promise<void> {
    const [only] = jobs
    if (jobs.length === 1) return only?.failed(error)
    for (const job of jobs) await this.#commit([job]).catch(job.failed)
  }
}
