// The keyring: one key per object, wrapped under its holder's, that under the master key. Data keys are made ahead, so that an append
// pays no second commit; an event names the key that seals it. Destroying a wrap is how a text is forgotten.
import { newKey, openJson, Sealed, sealJson, unwrapKey, wrapKey } from '@loomworks/event-store'
import { hmac256, type JsonObject, newId, type PersonId } from '@loomworks/kernel'
import type { Database, Db } from '@loomworks/sql'
import { Kept } from '../kept.ts'
import type { KeyHolder } from '../vocabulary.ts'
import { endHolder, type HolderRow, KeyRows } from './rows.ts'

export interface DataKey {
  readonly id: string
  readonly key: Buffer
}

/** A sealed text and what it belongs to. */
export interface Belongs {
  readonly engagement: string
  readonly object: string
  readonly eventId: string
  readonly sealed: unknown
}

type Holder = DataKey

/** Keys made ahead for one whose, and the batch that is on its way. */
interface Ahead {
  readonly keys: DataKey[]
  making: Promise<boolean> | undefined
  batch: number
}

const FIRST_BATCH = 2
const LARGEST_BATCH = 128
const LOW = 1
const SWEPT_AT_ONCE = 256
/** A destroyed key opens nothing any more after this long. */
const REMEMBERED_MS = 30_000

export class Keyring {
  readonly #master: Buffer
  readonly #rows: KeyRows
  readonly #holders = new Kept<Holder>(1000, REMEMBERED_MS)
  readonly #opened = new Kept<Buffer>(10_000, REMEMBERED_MS)
  readonly #handed = new Kept<DataKey>(1000, REMEMBERED_MS)
  readonly #ahead = new Kept<Ahead>(500)
  readonly #unused: DataKey[] = []

  constructor(db: Database, master: Buffer) {
    this.#rows = new KeyRows(db)
    this.#master = master
    this.#ahead.onDropped = ({ keys }) => this.#discard(keys)
  }

  /** A key that no event has been given, for this holder. The same event asks again: the same key. */
  async keyFor(whose: KeyHolder, eventId: string): Promise<DataKey> {
    const known = this.#handed.get(eventId)
    if (known !== undefined) return known
    const ahead = this.#ahead.get(keyOf(whose)) ?? this.#ahead.set(keyOf(whose), { keys: [], making: undefined, batch: FIRST_BATCH })
    while (ahead.keys.length === 0) {
      if (await this.#make(whose, ahead)) continue
      // The person's signup was undone: an append to its stream can only conflict, so no key is kept for what it would have held.
      return { id: newId(), key: newKey() }
    }
    const taken = this.#handed.set(eventId, ahead.keys.shift() as DataKey)
    this.#opened.set(taken.id, taken.key)
    if (ahead.keys.length < LOW && ahead.batch > FIRST_BATCH) this.#makeBeside(whose, ahead)
    return taken
  }

  async seal(whose: KeyHolder, { engagement, object, eventId }: Omit<Belongs, 'sealed'>, clear: JsonObject): Promise<JsonObject> {
    const { id, key } = await this.keyFor(whose, eventId)
    return { ...sealJson(key, [engagement, object, eventId], clear, id) }
  }

  /** The clear text of each; undefined where its key was destroyed. */
  async open(texts: readonly Belongs[]): Promise<readonly (JsonObject | undefined)[]> {
    const ids = texts.map(({ sealed }) => Sealed.parse(sealed).kid ?? '')
    const keys = await this.#keys(ids)
    return texts.map(({ engagement, object, eventId, sealed }, n) => {
      const key = keys.get(ids[n] ?? '')
      return key === undefined ? undefined : openJson(key, [engagement, object, eventId], sealed)
    })
  }

  /** What an exact duplicate is known by: an HMAC under the holder's key. Undefined for a holder that has no key (any more). */
  async markOf(whose: KeyHolder, type: string, text: string): Promise<string | undefined> {
    const holder = await this.#holder(whose)
    return holder && hmac256(Buffer.from(hmac256(holder.key, 'duplicate mark'), 'hex'), JSON.stringify([type, text]))
  }

  /** Destroys every key of a person whose signup was undone, inside the caller's transaction; none is ever kept for them again. */
  async end(tx: Db, person: PersonId): Promise<void> {
    await endHolder(tx, person)
    const whose = { kind: 'person', id: person } as const
    this.#holders.drop(keyOf(whose))
    this.#ahead.drop(keyOf(whose))
  }

  /** Drops the keys that were made ahead and handed to nobody; a key that was handed out stays, its append may still be stored. */
  async close(): Promise<void> {
    for (const { keys } of this.#ahead.values()) this.#unused.push(...keys.splice(0))
    await this.#sweep()
  }

  /** Takes the keys out of the list, so that nobody is given one of them any more, and drops many at once. */
  #discard(keys: DataKey[]): void {
    this.#unused.push(...keys.splice(0))
    if (this.#unused.length >= SWEPT_AT_ONCE) void this.#sweep().catch(() => undefined)
  }

  async #sweep(): Promise<void> {
    const ids = this.#unused.splice(0).map(({ id }) => id)
    if (ids.length > 0) await this.#rows.drop(ids)
  }

  #makeBeside(whose: KeyHolder, ahead: Ahead): void {
    void this.#make(whose, ahead).catch(() => undefined)
  }

  /** One batch at a time for a holder; false where no key may be made for it. */
  #make(whose: KeyHolder, ahead: Ahead): Promise<boolean> {
    ahead.making ??= this.#batch(whose, ahead).finally(() => {
      ahead.making = undefined
    })
    return ahead.making
  }

  /** One round trip for a holder that is new, and for one that is known. */
  async #batch(whose: KeyHolder, ahead: Ahead): Promise<boolean> {
    const known = this.#holders.get(keyOf(whose))
    const holder = known ?? { id: newId(), key: newKey() }
    const fresh = Array.from({ length: ahead.batch }, (): DataKey => ({ id: newId(), key: newKey() }))
    const wraps = fresh.map(({ id, key }) => ({ id, wrapped: wrapKey(holder.key, ['data', id], key) }))
    const wrapped = wrapKey(this.#master, belongingOf(whose, holder.id), holder.key)
    const made = known === undefined ? await this.#rows.addHolder(whose, { id: holder.id, wrapped }, wraps) : await this.#rows.add(holder.id, wraps)
    if (made) {
      this.#holders.set(keyOf(whose), holder)
      ahead.keys.push(...fresh)
      ahead.batch = Math.min(2 * ahead.batch, LARGEST_BATCH)
      return true
    }
    this.#holders.drop(keyOf(whose))
    return (await this.#holder(whose)) === undefined ? false : this.#batch(whose, ahead)
  }

  async #holder(whose: KeyHolder): Promise<Holder | undefined> {
    const known = this.#holders.get(keyOf(whose))
    if (known !== undefined) return known
    const row = await this.#rows.holderOf(whose)
    return row && this.#holders.set(keyOf(whose), { id: row.key_id, key: this.#unwrapHolder(row) })
  }

  async #keys(ids: readonly string[]): Promise<ReadonlyMap<string, Buffer>> {
    const known = new Map(ids.flatMap((id) => (this.#opened.get(id) === undefined ? [] : [[id, this.#opened.get(id) as Buffer] as const])))
    const missing = ids.filter((id) => !known.has(id))
    if (missing.length === 0) return known
    for (const row of await this.#rows.keys(missing)) {
      const holder = this.#unwrapHolder(row)
      known.set(row.data_key, this.#opened.set(row.data_key, unwrapKey(holder, ['data', row.data_key], row.data_wrapped)))
    }
    return known
  }

  #unwrapHolder({ key_id, holder_kind, holder_id, wrapped }: HolderRow): Buffer {
    return unwrapKey(this.#master, belongingOf({ kind: holder_kind, id: holder_id }, key_id), wrapped)
  }
}

function keyOf({ kind, id }: KeyHolder): string {
  return `${kind}/${id}`
}

function belongingOf({ kind, id }: KeyHolder, keyId: string): readonly string[] {
  return ['holder', kind, id, keyId]
}
