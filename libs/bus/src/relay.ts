// Publishes outbox rows in the order of their numbers. Any instance of a service may run it; the lease row lets one at a time.
import { setTimeout as delay } from 'node:timers/promises'
import { type Database, exec, ident, many, maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import type { Bus } from './port.ts'

const HolderRow = z.object({ holder: z.string() })

export interface RelayOptions {
  readonly service: string
  readonly db: Database
  readonly bus: Bus
  readonly instance: string
  readonly onTrouble: (error: unknown) => void
  /** Runs before a batch is published, in order: identity appends the facts of a person to `person-<uuid>` here. */
  readonly before?: (rows: readonly OutgoingRow[]) => Promise<void>
}

export const OutgoingRow = z.object({
  seq: z.bigint(),
  id: z.string(),
  entity_id: z.string(),
  revision: z.bigint().nullable(),
  stream: z.string().nullable(),
  subject: z.string(),
  headers: z.record(z.string(), z.string()),
  data: z.string(),
})
export type OutgoingRow = z.output<typeof OutgoingRow>

const POLL_MS = 250
const BATCH = 256
const LEASE_MS = 10_000
const KEPT_DAYS = 7
const PRUNE_EVERY_MS = 3_600_000
const PRUNE_BATCH = 10_000

export class OutboxRelay {
  readonly #options: RelayOptions
  readonly #table: ReturnType<typeof ident>
  readonly #lease: ReturnType<typeof ident>
  #wakeUp: () => void = () => undefined
  #leasedUntil = 0

  constructor(options: RelayOptions) {
    this.#options = options
    this.#table = ident(`${options.service}.outbox`)
    this.#lease = ident(`${options.service}.outbox_lease`)
  }

  /** Call after a commit that wrote rows: they leave at once instead of at the next poll. */
  wake(): void {
    this.#wakeUp()
  }

  /** Wakes the relay once this transaction has committed. */
  wakeAfter(tx: Tx): void {
    tx.afterCommit(() => this.wake())
  }

  async run(signal: AbortSignal): Promise<void> {
    let pruneAt = 0
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wakeUp = resolve
      })
      const sent = await this.#tried(() => this.#round())
      if (Date.now() >= pruneAt) {
        pruneAt = Date.now() + PRUNE_EVERY_MS
        await this.#tried(() => this.prune())
      }
      if (sent < BATCH) await Promise.race([woken, delay(POLL_MS, undefined, { signal, ref: false }).catch(() => undefined)])
    }
  }

  async #tried(work: () => Promise<number>): Promise<number> {
    try {
      return await work()
    } catch (error) {
      this.#options.onTrouble(error)
      return 0
    }
  }

  /** Publishes what stands there until nothing is left and lets the lease go, so that another instance need not wait for its end;
   *  for a drain. */
  async flush(): Promise<void> {
    while ((await this.#round()) > 0);
    this.#leasedUntil = 0
    await exec(this.#options.db, sql`delete from ${this.#lease} where holder = ${this.#options.instance}`)
  }

  async #round(): Promise<number> {
    if (!(await this.#holdsLease())) return 0
    const rows = await many(
      this.#options.db,
      OutgoingRow,
      sql`select seq, id, entity_id, revision, stream, subject, headers, data
            from ${this.#table}
           where published_at is null
           order by seq
           limit ${BATCH}`,
    )
    if (rows.length === 0) return 0
    await this.#options.before?.(rows)
    // That may have taken long. Nothing is awaited between this and the handing over, so a relay that was frozen anywhere before
    // does not publish what its successor has long published.
    if (!(await this.#holdsLease())) return 0
    return this.#publish(rows)
  }

  /** Handed over in order, all before the first acknowledgement is awaited: one bus keeps the order in which it is given, and takes
   *  nothing after the end of the lease. A row that is refused stays and is told of; it holds up no other. */
  async #publish(rows: readonly OutgoingRow[]): Promise<number> {
    const deadlineMs = this.#leasedUntil - Date.now()
    if (deadlineMs <= 0) return 0
    const outcomes = await Promise.allSettled(
      rows.map(({ seq, subject, id, headers, data }) =>
        this.#options.bus.publish({ subject, id, headers: { ...headers, 'outbox-seq': String(seq), 'message-id': id }, data }, { deadlineMs }),
      ),
    )
    const sent = rows.filter((_, index) => outcomes[index]?.status === 'fulfilled').map(({ seq }) => seq)
    if (sent.length > 0) await exec(this.#options.db, sql`update ${this.#table} set published_at = now() where seq = any(${sent}::bigint[])`)
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) this.#options.onTrouble(failed.reason)
    return sent.length
  }

  async #holdsLease(): Promise<boolean> {
    const now = Date.now()
    if (now < this.#leasedUntil - LEASE_MS / 2) return true
    const held = await maybe(
      this.#options.db,
      HolderRow,
      sql`insert into ${this.#lease} as l (holder, until)
          values (${this.#options.instance}, now() + make_interval(secs => ${LEASE_MS / 1000}))
          on conflict on constraint outbox_lease_pkey do update set holder = excluded.holder, until = excluded.until
            where l.holder = excluded.holder or l.until < now()
          returning l.holder`,
    )
    this.#leasedUntil = held === undefined ? 0 : now + LEASE_MS
    return held !== undefined
  }

  /** Drops rows that were published more than 7 days ago. `run` does so at its start and every hour. */
  async prune(): Promise<number> {
    let gone = 0
    for (;;) {
      const dropped = await exec(
        this.#options.db,
        sql`delete from ${this.#table}
             where seq in (select seq from ${this.#table} where published_at < now() - make_interval(days => ${KEPT_DAYS}) limit ${PRUNE_BATCH})`,
      )
      gone += dropped
      if (dropped < PRUNE_BATCH) return gone
    }
  }
}
