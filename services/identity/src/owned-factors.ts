// What a person owns to prove themselves by, as it changes. Each change is made under the person's lock, so that parallel ones count
// right, and tells its facts in the same transaction.
import { CredentialAdded, CredentialRemoved } from '@loomworks/contracts'
import { derivedId, type Id, idOf, newId, type PersonId, timeOf } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, exec, many, maybe, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { credential as refuse } from './errors.ts'
import type { CodeSet } from './factors.ts'
import { fact, type PersonFact } from './facts.ts'
import { heldState } from './held-person.ts'
import type { Keyring } from './keyring.ts'
import type { NewPasskey } from './passkeys.ts'
import { totpBinding } from './sealings.ts'

/** Passkeys of one person that count: those in use and those set aside. */
const PASSKEYS_MAX = 20

const Counted = z.object({ live: z.int() })
const IdRow = z.object({ id: idOf<'credential'>() })

/** Nobody else changes what the person owns until the transaction ends. Refuses `token_refused` where they are no longer active. */
export async function lockOwner(tx: Db, personId: PersonId): Promise<void> {
  if ((await heldState(tx, personId)) !== 'active') throw shared.token_refused()
}

export async function requireRoom(db: Db, personId: PersonId): Promise<void> {
  const { live } = await one(
    db,
    Counted,
    sql`select count(*)::integer as live
          from identity.webauthn_credentials
         where person_id = ${personId} and state <> 'removed'`,
  )
  if (live >= PASSKEYS_MAX) throw refuse.limit()
}

export interface Kept {
  readonly passkey: NewPasskey
  readonly name: string
  readonly nowMs: number
}

export interface AddedPasskey {
  readonly id: Id<'credential'>
  readonly fact: PersonFact
}

/** Adds a proven passkey. Refuses `credential.limit`, and `credential.taken` where anybody has it or had it. */
export async function addPasskey(tx: Db, personId: PersonId, { passkey, name, nowMs }: Kept): Promise<AddedPasskey> {
  await requireRoom(tx, personId)
  const { aaguid, backupState } = passkey
  const added = await maybe(
    tx,
    IdRow,
    sql`insert into identity.webauthn_credentials (id, person_id, credential_id, public_key, alg, sign_count, transports, aaguid, backup_eligible,
                                                   backup_state, display_name, state, created_at)
        values (${newId(nowMs)}, ${personId}, ${Buffer.from(passkey.credentialId, 'base64url')}, ${Buffer.from(passkey.publicKey, 'base64url')},
                ${passkey.alg}, ${passkey.signCount}, ${JSON.stringify(passkey.transports)}, ${aaguid}, ${passkey.backupEligible}, ${backupState}, ${name},
                'active', ${timeOf(nowMs)})
        on conflict (credential_id) do nothing
        returning id`,
  )
  if (added === undefined) throw refuse.taken()
  return { id: added.id, fact: fact(CredentialAdded, { personId, credentialRef: added.id, kind: 'passkey', aaguid, backedUp: backupState }) }
}

const SetRow = z.object({ set_id: idOf<'credential'>() })

/** A new set of recovery codes; the one before it is void. */
export async function replaceCodes(tx: Db, personId: PersonId, { digests, setId, keyId }: Omit<CodeSet, 'shown'>): Promise<readonly PersonFact[]> {
  const former = await many(
    tx,
    SetRow,
    sql`with gone as (delete from identity.recovery_codes where person_id = ${personId} returning set_id)
        select distinct set_id from gone`,
  )
  await exec(
    tx,
    sql`insert into identity.recovery_codes (person_id, digest, key_id, set_id)
        select ${personId}, digest, ${keyId}, ${setId} from unnest(${[...digests]}::text[]) as digest`,
  )
  return [
    ...former.map(({ set_id }) => fact(CredentialRemoved, { personId, credentialRef: set_id, kind: 'recovery_codes', reason: 'replaced' })),
    fact(CredentialAdded, { personId, credentialRef: setId, kind: 'recovery_codes' }),
  ]
}

const ReplacedRow = z.object({ replaced: z.boolean() })

export interface ConfirmedTotp {
  readonly secret: Uint8Array
  /** The step of the code it was confirmed by: that code opens nothing else. */
  readonly step: number
  readonly nowMs: number
}

/** The factor takes the place of the one before. A person has one, so its reference stays the same. */
export async function replaceTotp(tx: Db, keyring: Keyring, personId: PersonId, { secret, step, nowMs }: ConfirmedTotp): Promise<readonly PersonFact[]> {
  const sealed = keyring.seal('totp', secret, totpBinding('person', personId))
  const { replaced } = await one(
    tx,
    ReplacedRow,
    sql`with former as (
          select person_id from identity.totp_factors where person_id = ${personId}
        ), kept as (
          insert into identity.totp_factors (person_id, secret_sealed, key_id, last_step, confirmed_at)
          values (${personId}, ${sealed}, ${keyring.keyId}, ${step}, ${timeOf(nowMs)})
          on conflict (person_id) do update
            set secret_sealed = excluded.secret_sealed, key_id = excluded.key_id, last_step = excluded.last_step, confirmed_at = excluded.confirmed_at
        )
        select exists (select from former) as replaced`,
  )
  const about = { personId, credentialRef: derivedId<'credential'>(personId, 'totp'), kind: 'totp' } as const
  return [...(replaced ? [fact(CredentialRemoved, { ...about, reason: 'replaced' })] : []), fact(CredentialAdded, about)]
}

/** Forgets secrets that were offered and never confirmed. */
export function sweepOffers(db: Db, nowMs: number): Promise<number> {
  return exec(db, sql`delete from identity.totp_offers where expires_at < ${timeOf(nowMs)}`)
}
