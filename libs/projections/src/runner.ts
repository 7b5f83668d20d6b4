// Runs the projections of a service that this instance holds the leases of: one subscription per set of stream prefixes, fanned out to
// them.
import { setTimeout as delay } from 'node:timers/promises'
import { comparePositions, type EventStore, type Position } from '@loomworks/event-store'
import { Transient } from '@loomworks/kernel'
import type { Database } from '@loomworks/sql'
import { Lane, type LaneParts, type Standing } from './lane.ts'
import { Leases } from './leases.ts'
import type { Projection } from './projection.ts'
import { SharedTransaction } from './shared-transaction.ts'

export interface RunnerOptions {
  readonly eventStore: EventStore
  readonly db: Database
  /** Holds the rows and `projection_checkpoint`. */
  readonly schema: string
  readonly projections: readonly Projection[]
  /** Names this process among the instances of the service. */
  readonly instance: string
  /** Told of trouble that passes; the runner goes on by itself. */
  readonly onTrouble: (error: unknown) => void
  readonly log: { error(fields: object, fact: string): void }
}

const RETRY_MS = 500

export class ProjectionRunner {
  readonly #options: RunnerOptions
  readonly #groups: readonly (readonly Lane[])[]
  readonly #leases: Leases

  constructor(options: RunnerOptions) {
    this.#options = options
    const { eventStore, db, schema, instance, onTrouble } = options
    const parts: Omit<LaneParts, 'transactions'> = { eventStore, db, schema, instance, onTrouble, onStopped: (standing) => this.#tellStopped(standing) }
    this.#leases = new Leases({ db, schema, instance, names: options.projections.map(({ name }) => name), onTrouble })
    const sets = Map.groupBy(options.projections, ({ streams }) => JSON.stringify(streams.toSorted()))
    this.#groups = [...sets.values()].map((set) => {
      const transactions = new SharedTransaction(db)
      return set.map((projection) => new Lane(projection, { ...parts, transactions }))
    })
  }

  /** How each projection stands. */
  lag(): readonly Standing[] {
    return this.#groups.flat().map((lane) => lane.standing)
  }

  /** Follows the log until the signal aborts, and ends when what is under way is committed. */
  async run(signal: AbortSignal): Promise<void> {
    // The leases are given up last: whoever takes over finds the checkpoints where we left them.
    const over = new AbortController()
    const keeping = this.#leases.keep(over.signal)
    await Promise.all(this.#groups.map((lanes) => this.#runGroup(lanes, signal))).finally(() => over.abort())
    await keeping
  }

  async #runGroup(lanes: readonly Lane[], signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    while (!signal.aborted) {
      const changed = this.#leases.changed()
      const held = lanes.filter(({ projection }) => this.#leases.holds(projection.name))
      if (held.length === 0) await Promise.race([changed, aborted])
      else await this.#runHeld(held, AbortSignal.any([signal, abortedBy(changed)]))
    }
  }

  async #runHeld(lanes: readonly Lane[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(lanes, signal)
      } catch (error) {
        this.#options.onTrouble(error)
        if (!(error instanceof Transient)) throw error
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  /** Ends with the signal, or when a checkpoint was set back and the log has to be read again from there. */
  async #follow(lanes: readonly Lane[], signal: AbortSignal): Promise<void> {
    const rewound = new AbortController()
    const over = AbortSignal.any([signal, rewound.signal])
    const positions = await Promise.all(lanes.map((lane) => lane.begin(over, () => rewound.abort())))
    const from = positions.toSorted(comparePositions)[0] ?? BEGINNING
    const filter = { prefixes: lanes[0]?.projection.streams ?? [] }
    for await (const delivery of this.#options.eventStore.subscribe(filter, { ...(from !== BEGINNING && { from }), signal: over })) {
      if (delivery.kind === 'event') for (const lane of lanes) lane.offer(delivery.event)
      else await Promise.all(lanes.map((lane) => lane.caughtUp(delivery.position)))
      for (const lane of lanes) await lane.room()
    }
    await Promise.all(lanes.map((lane) => lane.idle()))
  }

  #tellStopped({ name, position, stopped }: Standing): void {
    this.#options.log.error(
      { projection: name, position, stream: stopped?.stream, revision: String(stopped?.revision), err: stopped?.error },
      'projection stopped',
    )
  }
}

function abortedBy(event: Promise<void>): AbortSignal {
  const controller = new AbortController()
  void event.then(() => controller.abort())
  return controller.signal
}

const BEGINNING: Position = '0'
