// The vault: secrets that the deployment keeps for a person, an engagement or itself. A value goes in and comes out to the service that uses it, and
// is in no answer, event or log. Each is sealed under a key of its own, bound to scope, name and id, so that rows that changed places fail.
import { randomBytes } from 'node:crypto'
import { KeyProvided, KeyRemoved, SecretKind, SettingScope } from '@loomworks/contracts'
import { type Caller, derivedId, idOf, newId, timeOf } from '@loomworks/kernel'
import { type Db, exec, many, maybe, one, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { vault as refuse } from './errors.ts'
import { fact, stateFacts, statingFor } from './facts.ts'
import { type Keyring, sealed, unsealed } from './keyring.ts'
import type { IdentityParts } from './parts.ts'
import type { PlaceRef } from './places.ts'
import { dekBinding } from './sealings.ts'

const PER_SCOPE = 50
const KEY_BYTES = 32
const LAST = 4

/** All that is ever shown of a secret. */
export const SecretShown = z.object({
  name: z.string(),
  kind: SecretKind,
  label: z.string().nullable(),
  last4: z.string(),
  created_at: z.string(),
  rotated_at: z.string().nullable(),
  last_used_at: z.string().nullable(),
})

export function secretsAt(db: Db, { scope, scopeId }: PlaceRef): Promise<readonly z.output<typeof SecretShown>[]> {
  return many(
    db,
    SecretShown,
    sql`select name, kind, label, last4, created_at, rotated_at, last_used_at
          from identity.secrets
         where scope = ${scope} and scope_id = ${scopeId}
         order by name`,
  )
}

export interface Keeping {
  readonly name: string
  readonly kind: SecretKind
  readonly label: string | undefined
  readonly value: string
  readonly caller: Caller
}

const KeptRow = z.object({ id: idOf<'secret'>() })
const CountRow = z.object({ count: z.int() })

/** Keeps a secret under a name, in place of the one before. Refuses `vault.limit` beyond fifty at a place. */
export async function keepSecret(tx: Tx, { clock, keyring }: IdentityParts, place: PlaceRef, keeping: Keeping): Promise<void> {
  await lockPlace(tx, place)
  const former = await maybe(tx, KeptRow, sql`select id from identity.secrets where ${at(place, keeping.name)}`)
  if (former === undefined) await requireRoom(tx, place)
  const id = former?.id ?? newId<'secret'>(clock.now())
  const now = timeOf(clock.now())
  const { ciphertext, wrappedDek } = closed(keyring, { ...place, name: keeping.name, id }, keeping.value)
  await exec(
    tx,
    sql`insert into identity.secrets (id, scope, scope_id, name, kind, ciphertext, wrapped_dek, last4, label, created_by, created_at)
        values (${id}, ${place.scope}, ${place.scopeId}, ${keeping.name}, ${keeping.kind}, ${ciphertext}, ${wrappedDek}, ${lastOf(keeping.value)},
                ${keeping.label ?? null}, ${JSON.stringify(keeping.caller.actor)}::jsonb, ${now})
        on conflict (scope, scope_id, name) do update
          set kind = excluded.kind, ciphertext = excluded.ciphertext, wrapped_dek = excluded.wrapped_dek, last4 = excluded.last4,
              label = excluded.label, rotated_at = ${now}`,
  )
  const { name, kind } = keeping
  const provided = fact(KeyProvided, { ...place, secretId: id, name, kind, rotation: former !== undefined })
  await stateFacts(tx, newId(clock.now()), [provided], statingFor(keeping.caller, now))
}

const RemovedRow = z.object({ id: idOf<'secret'>(), kind: SecretKind })

/** Removes a secret for good. Refuses `vault.unknown` where there is none. */
export async function removeSecret(tx: Tx, { clock }: IdentityParts, place: PlaceRef, { name, caller }: Pick<Keeping, 'name' | 'caller'>): Promise<void> {
  const gone = await maybe(tx, RemovedRow, sql`delete from identity.secrets where ${at(place, name)} returning id, kind`)
  if (gone === undefined) throw refuse.unknown()
  const removed = fact(KeyRemoved, { ...place, secretId: gone.id, name, kind: gone.kind })
  await stateFacts(tx, derivedId(gone.id, 'removed'), [removed], statingFor(caller, timeOf(clock.now())))
}

const SealedRow = z.object({
  id: idOf<'secret'>(),
  scope: SettingScope,
  scope_id: idOf(),
  name: z.string(),
  ciphertext: z.instanceof(Buffer),
  wrapped_dek: z.instanceof(Buffer),
})

export interface Used {
  readonly secretId: string
  readonly value: string
}

const SEEN_EVERY_MS = 60_000

/** The value of a secret, for the service that uses it; undefined where there is none of this name and kind. */
export async function useSecret({ db, clock, keyring }: IdentityParts, place: PlaceRef, name: string, kind: SecretKind): Promise<Used | undefined> {
  const row = await maybe(
    db,
    SealedRow,
    sql`select id, scope, scope_id, name, ciphertext, wrapped_dek from identity.secrets where ${at(place, name)} and kind = ${kind}`,
  )
  if (row === undefined) return undefined
  await exec(
    db,
    sql`update identity.secrets
           set last_used_at = ${timeOf(clock.now())}
         where id = ${row.id} and (last_used_at is null or last_used_at < ${timeOf(clock.now() - SEEN_EVERY_MS)})`,
  )
  const dek = keyring.open('vault', row.wrapped_dek, dekBinding(row.id))
  return {
    secretId: row.id,
    value: unsealed(dek, row.ciphertext, bindingOf({ scope: row.scope, scopeId: row.scope_id, name: row.name, id: row.id })).toString(),
  }
}

interface Named extends PlaceRef {
  readonly name: string
  readonly id: string
}

function closed(keyring: Keyring, named: Named, value: string): { readonly ciphertext: Buffer; readonly wrappedDek: Buffer } {
  const dek = randomBytes(KEY_BYTES)
  return { ciphertext: sealed(dek, Buffer.from(value), bindingOf(named)), wrappedDek: keyring.seal('vault', dek, dekBinding(named.id)) }
}

function bindingOf({ scope, scopeId, name, id }: Named): string {
  return `secret/${scope}/${scopeId}/${name}/${id}`
}

/** Enough to tell two keys apart, and nothing of a short one. */
function lastOf(value: string): string {
  return value.length >= 4 * LAST ? value.slice(-LAST) : ''
}

function at({ scope, scopeId }: PlaceRef, name: string) {
  return sql`scope = ${scope} and scope_id = ${scopeId} and name = ${name}`
}

async function lockPlace(tx: Tx, { scope, scopeId }: PlaceRef): Promise<void> {
  await exec(tx, sql`select pg_advisory_xact_lock(hashtextextended(${`vault/${scope}/${scopeId}`}, 0))`)
}

async function requireRoom(tx: Tx, { scope, scopeId }: PlaceRef): Promise<void> {
  const { count } = await one(tx, CountRow, sql`select count(*)::int as count from identity.secrets where scope = ${scope} and scope_id = ${scopeId}`)
  if (count >= PER_SCOPE) throw refuse.limit()
}
