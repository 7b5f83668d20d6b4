// The keyring: one key per object, wrapped under its holder's, that under the master key. Data keys are made ahead, so that an append
// pays no second commit; an event names the key that seals it. Destroying a wrap is how a text is forgotten.
import { newKey, openJson, Sealed, sealJson, unwrapKey, wrapKey } from '@loomworks/event-store'
import { hmac256, type JsonObject, newId, type PersonId } from '@loomworks/kernel'
import type { Database, Db } from '@loomworks/sql'
import { Kept } from '../kept.ts'
import type { Persona } from '../vocabulary.ts'
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

/** Keys made ahead for one persona, and the batch that is on its way. */
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

  /** A key that no event has been given, for the persona. The same event asks again: the same key. */
  async keyFor(persona: Persona, eventId: string): Promise<DataKey> {
    const known = this.#handed.get(eventId)
    if (known !== undefined) return known
    const ahead = this.#ahead.get(keyOf(persona)) ?? this.#ahead.set(keyOf(persona), { keys: [], making: undefined, batch: FIRST_BATCH })
    while (ahead.keys.length === 0) {
      if (await this.#make(persona, ahead)) continue
      // The persona's signup was undone: an append to its stream can only conflict, so no key is kept for what it would have held.
      return { id: newId(), key: newKey() }
    }
    const taken = this.#handed.set(eventId, ahead.keys.shift() as DataKey)
    this.#opened.set(taken.id, taken.key)
    if (ahead.keys.length < LOW && ahead.batch > FIRST_BATCH) this.#makeBeside(persona, ahead)
    return taken
  }

  async seal(persona: Persona, { engagement, object, eventId }: Omit<Belongs, 'sealed'>, clear: JsonObject): Promise<JsonObject> {
    const { id, key } = await this.keyFor(persona, eventId)
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

  /** What an exact duplicate is known by: an HMAC under the persona's key. Undefined for a persona that has no key (any more). */
  async markOf(persona: Persona, type: string, text: string): Promise<string | undefined> {
    const holder = await this.#holder(persona)
    return holder && hmac256(Buffer.from(hmac256(holder.key, 'duplicate mark'), 'hex'), JSON.stringify([type, text]))
  }

  /** Destroys every key of a person whose signup was undone, inside the caller's transaction; none is ever kept for them again. */
  async end(tx: Db, person: PersonId): Promise<void> {
    await endHolder(tx, person)
    const persona = { kind: 'person', id: person } as const
    this.#holders.drop(keyOf(persona))
    this.#ahead.drop(keyOf(persona))
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

  #makeBeside(persona: Persona, ahead: Ahead): void {
    void this.#make(persona, ahead).catch(() => undefined)
  }

  /** One batch at a time for a persona; false where no key may be made for it. */
  #make(persona: Persona, ahead: Ahead): Promise<boolean> {
    ahead.making ??= this.#batch(persona, ahead).finally(() => {
      ahead.making = undefined
    })
    return ahead.making
  }

  /** One round trip for a persona that is new, and for one that is known. */
  async #batch(persona: Persona, ahead: Ahead): Promise<boolean> {
    const known = this.#holders.get(keyOf(persona))
    const holder = known ?? { id: newId(), key: newKey() }
    const fresh = Array.from({ length: ahead.batch }, (): DataKey => ({ id: newId(), key: newKey() }))
    const wraps = fresh.map(({ id, key }) => ({ id, wrapped: wrapKey(holder.key, ['data', id], key) }))
    const wrapped = wrapKey(this.#master, belongingOf(persona, holder.id), holder.key)
    const made = known === undefined ? await this.#rows.addHolder(persona, { id: holder.id, wrapped }, wraps) : await this.#rows.add(holder.id, wraps)
    if (made) {
      this.#holders.set(keyOf(persona), holder)
      ahead.keys.push(...fresh)
      ahead.batch = Math.min(2 * ahead.batch, LARGEST_BATCH)
      return true
    }
    this.#holders.drop(keyOf(persona))
    return (await this.#holder(persona)) === undefined ? false : this.#batch(persona, ahead)
  }

  async #holder(persona: Persona): Promise<Holder | undefined> {
    const known = this.#holders.get(keyOf(persona))
    if (known !== undefined) return known
    const row = await this.#rows.holderOf(persona)
    return row && this.#holders.set(keyOf(persona), { id: row.key_id, key: this.#unwrapHolder(row) })
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
    return unwrapKey(this.#master, belongingOf({ kind: holder_kind, id: holder_id as Persona['id'] }, key_id), wrapped)
  }
}

function keyOf({ kind, id }: Persona): string {
  return `${kind}/${id}`
}

function belongingOf({ kind, id }: Persona, keyId: string): readonly string[] {
  return ['holder', kind, id, keyId]
}
