// Sequences as soon as something arrived, and signs when the most urgent record's time has come; whatever waits is signed with it, so
// there is one log and one order.
import { setTimeout as delay } from 'node:timers/promises'
import type { Priority } from '@loomworks/contracts'
import type { NoteSigner } from '@loomworks/foray'
import { type Clock, Terminal, timeOf } from '@loomworks/kernel'
import type { Log } from '@loomworks/service-kit'
import type { Database } from '@loomworks/sql'
import { BATCH, logState, overdueOrReady, sequenceBatch } from './sequence.ts'
import { signCheckpoint } from './sign.ts'

/** From the commit of a record to the signed checkpoint over it, at most. */
const WITHIN_MS: Readonly<Record<Priority, number>> = { critical: 50, high: 1000, standard: 10_000, low: 60_000 }
const POLL_MS = 1000
const GATHER_MS = 10

export interface SequencerOptions {
  readonly db: Database
  readonly signer: NoteSigner
  readonly clock: Clock
  readonly log: Log
}

export class Sequencer {
  readonly #options: SequencerOptions
  #wake: () => void = () => undefined
  #awake = true
  #signAt = Number.POSITIVE_INFINITY
  #inconsistent: Terminal | undefined

  constructor(options: SequencerOptions) {
    this.#options = options
  }

  /** Records of these priorities were committed just now. */
  arrived(priorities: readonly Priority[]): void {
    if (priorities.length === 0) return
    const now = this.#options.clock.now()
    for (const priority of priorities) this.#signAt = Math.min(this.#signAt, now + WITHIN_MS[priority])
    this.#awake = true
    this.#wake()
  }

  /** Throws when the log does not begin with what was signed: it may not be trusted until somebody has looked. */
  async health(): Promise<void> {
    if (this.#inconsistent !== undefined) throw this.#inconsistent
  }

  async run(signal: AbortSignal): Promise<void> {
    const { db, log } = this.#options
    // What an instance before this one left unsigned is overdue.
    if (await unsigned(db)) this.#signAt = 0
    while (!signal.aborted) {
      await this.#round().catch((error: unknown) => log.warn({ err: error }, 'the log waits'))
      await this.#rest(signal)
    }
    await this.#round().catch((error: unknown) => log.warn({ err: error }, 'the log was not closed'))
    await this.#sign('close')
  }

  async #round(): Promise<void> {
    const { db, clock } = this.#options
    const arrived = this.#awake
    this.#awake = false
    // What arrives within a moment goes in together.
    if (arrived) await delay(GATHER_MS)
    if (arrived || (await overdueOrReady(db, timeOf(clock.now())))) while ((await sequenceBatch(db)) === BATCH);
    if (clock.now() >= this.#signAt) await this.#sign('flush')
  }

  async #sign(kind: 'flush' | 'close'): Promise<void> {
    const { db, signer, clock, log } = this.#options
    if (this.#inconsistent !== undefined) return
    this.#signAt = Number.POSITIVE_INFINITY
    try {
      await signCheckpoint(db, signer, { at: timeOf(clock.now()), kind })
    } catch (error) {
      if (error instanceof Terminal && error.code === 'audit.log_inconsistent') this.#inconsistent = error
      else this.#signAt = clock.now() + POLL_MS
      log.error({ err: error }, 'no checkpoint was signed')
    }
  }

  /** Until something arrives, the next signature is due, or a second has passed: another instance may have stored records. */
  async #rest(signal: AbortSignal): Promise<void> {
    if (this.#awake) return
    const untilMs = Math.max(0, Math.min(POLL_MS, this.#signAt - this.#options.clock.now()))
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    await Promise.race([woken, delay(untilMs, undefined, { signal, ref: false }).catch(() => undefined)])
  }
}

async function unsigned(db: Database): Promise<boolean> {
  const { size, signed_size } = await logState(db)
  return size > signed_size
}
