// Which instance runs which projection: a lease for each, and a fair share for every instance that has shown itself lately. Truth stays the
// checkpoint, which only moves from where it stood; a lease only keeps two instances from doing the same work.
import { setTimeout as delay } from 'node:timers/promises'
import { type Database, exec, ident, many, one, type Sql, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'

const ROUND_MS = 1000
const LEASE_MS = 4000
const Live = z.object({ live: z.coerce.number() })
const Named = z.object({ name: z.string() })

export interface LeaseOptions {
  readonly db: Database
  readonly schema: string
  readonly instance: string
  readonly names: readonly string[]
  readonly onTrouble: (error: unknown) => void
}

export class Leases {
  readonly #options: LeaseOptions
  readonly #leases: Sql
  readonly #instances: Sql
  #held: ReadonlySet<string> = new Set()
  #heldUntil = 0
  #changed = Promise.withResolvers<void>()

  constructor(options: LeaseOptions) {
    this.#options = options
    this.#leases = ident(`${options.schema}.projection_lease`)
    this.#instances = ident(`${options.schema}.projection_instance`)
  }

  holds(name: string): boolean {
    return this.#held.has(name)
  }

  /** Resolves at the next change of what is held here. */
  changed(): Promise<void> {
    return this.#changed.promise
  }

  /** Takes, renews and gives up leases until the signal aborts; then gives all of them up. */
  async keep(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#round().catch((error: unknown) => this.#troubled(error))
      await delay(ROUND_MS, undefined, { signal }).catch(() => undefined)
    }
    await this.#leave().catch((error: unknown) => this.#options.onTrouble(error))
  }

  async #round(): Promise<void> {
    const asked = Date.now()
    const held = await this.#options.db.transaction((tx) => this.#share(tx))
    this.#heldUntil = asked + LEASE_MS
    this.#set(held)
  }

  async #share(tx: Tx): Promise<readonly string[]> {
    const { instance, names } = this.#options
    const [leases, instances] = [this.#leases, this.#instances]
    await exec(tx, sql`select set_config('synchronous_commit', 'off', true)`)
    await exec(tx, sql`insert into ${leases} (name) select unnest(${names}::text[]) order by 1 on conflict do nothing`)
    await exec(
      tx,
      sql`insert into ${instances} (instance, seen_at) values (${instance}, clock_timestamp()) on conflict (instance) do update set seen_at = excluded.seen_at`,
    )
    const { live } = await one(
      tx,
      Live,
      sql`select count(*) as live from ${instances} where seen_at > clock_timestamp() - make_interval(secs => ${LEASE_MS / 1000})`,
    )
    const share = Math.ceil(names.length / live)
    const until = sql`clock_timestamp() + make_interval(secs => ${LEASE_MS / 1000})`
    const kept = await many(
      tx,
      Named,
      sql`update ${leases} set until = ${until}
           where name in (select name from ${leases} where holder = ${instance} and name = any(${names}::text[]) order by name limit ${share} for update)
          returning name`,
    )
    await exec(tx, sql`update ${leases} set holder = null where holder = ${instance} and name <> all(${kept.map(({ name }) => name)}::text[])`)
    const taken = await many(
      tx,
      Named,
      sql`update ${leases} set holder = ${instance}, until = ${until}
           where name in (select name from ${leases}
                           where name = any(${names}::text[]) and holder is distinct from ${instance} and (holder is null or until < clock_timestamp())
                           order by name limit ${share - kept.length} for update skip locked)
          returning name`,
    )
    return [...kept, ...taken].map(({ name }) => name)
  }

  /** A lease that could not be renewed belongs to somebody else by now. */
  #troubled(error: unknown): void {
    this.#options.onTrouble(error)
    if (Date.now() > this.#heldUntil) this.#set([])
  }

  async #leave(): Promise<void> {
    const { db, instance } = this.#options
    this.#set([])
    await exec(db, sql`update ${this.#leases} set holder = null where holder = ${instance}`)
    await exec(db, sql`delete from ${this.#instances} where instance = ${instance} or seen_at < clock_timestamp() - interval '1 day'`)
  }

  #set(names: readonly string[]): void {
    const held = new Set(names)
    if (held.size === this.#held.size && names.every((name) => this.#held.has(name))) return
    this.#held = held
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

/** Forgets every instance of a service, for one that knows that none runs. */
export async function releaseProjections(db: Database, schema: string): Promise<void> {
  await exec(db, sql`update ${ident(`${schema}.projection_lease`)} set holder = null`)
  await exec(db, sql`delete from ${ident(`${schema}.projection_instance`)}`)
}
