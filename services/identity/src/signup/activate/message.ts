// The pivot: what was drafted becomes true, all of it in one transaction, and from here the signup only goes forward. It refuses
// nothing and touches no constraint that foreign data could break.
import { activatePerson, CredentialAdded, Designation, MembershipGranted, PersonActivated } from '@loomworks/contracts'
import { actorFromService, derivedId, idOf, type PersonId, timeOf } from '@loomworks/kernel'
import { sagaStep } from '@loomworks/sagas'
import { type Db, exec, many, one, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { fact, type PersonFact, statePersonFacts, statingForSignup } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { firstAdminFacts } from '../../roles.ts'

export const activateStep = sagaStep<typeof activatePerson, IdentityParts, Tx>(activatePerson, {
  async do(tx, { personId, engagementId, referredBy, claimed }, { sagaId, clock, parts, ...command }) {
    const activatedAt = timeOf(clock.now())
    const referrer = await activate(tx, { personId, engagementId, referredBy, claimed, activatedAt })
    await exec(tx, sql`update identity.memberships set active = true where principal_id = ${personId} and ended_at is null`)
    const roles = parts.config.firstPersonIsAdmin ? await firstAdminFacts(tx, personId) : []
    if (roles.length > 0) parts.log.info({ personId }, 'the first person of this deployment has the roles admin and ops')
    const facts = [
      fact(PersonActivated, { personId, personalEngagementId: engagementId, sagaId, claimed, ...(referrer !== null && { referredBy: referrer }) }),
      ...(await credentialFacts(tx, personId)),
      ...(await membershipFacts(tx, personId)),
      ...roles,
    ]
    await statePersonFacts(tx, personId, facts, statingForSignup(command, activatedAt))
    parts.relay.wakeAfter(tx)
    return { activatedAt }
  },
})

interface Activation {
  readonly personId: PersonId
  readonly engagementId: string
  readonly referredBy: PersonId | undefined
  readonly claimed: boolean
  readonly activatedAt: string
}

/** Gives the referrer that was kept: one who is not there (any more) is none. A claim token has proven the address. */
async function activate(tx: Db, { personId, engagementId, referredBy, claimed, activatedAt }: Activation): Promise<PersonId | null> {
  const { referred_by } = await one(
    tx,
    z.object({ referred_by: idOf<'person'>().nullable() }),
    sql`update identity.persons
           set state = 'active', activated_at = ${activatedAt}, personal_engagement_id = ${engagementId},
               email_verified_at = case when ${claimed} then ${activatedAt}::timestamptz end,
               referred_by = (select r.id from identity.persons r where r.id = ${referredBy ?? null}::uuid and r.id <> ${personId} and r.state <> 'pending')
         where id = ${personId}
        returning referred_by`,
  )
  return referred_by
}

const PasskeyRow = z.object({ id: idOf<'credential'>(), aaguid: z.guid(), backup_state: z.boolean() })
const SetRow = z.object({ set_id: idOf<'credential'>() })

async function credentialFacts(tx: Db, personId: PersonId): Promise<readonly PersonFact[]> {
  const passkeys = await many(tx, PasskeyRow, sql`select id, aaguid, backup_state from identity.webauthn_credentials where person_id = ${personId}`)
  const sets = await many(tx, SetRow, sql`select distinct set_id from identity.recovery_codes where person_id = ${personId}`)
  return [
    ...passkeys.map(({ id, aaguid, backup_state }) => fact(CredentialAdded, { personId, credentialRef: id, kind: 'passkey', aaguid, backedUp: backup_state })),
    fact(CredentialAdded, { personId, credentialRef: derivedId(personId, 'totp'), kind: 'totp' }),
    ...sets.map(({ set_id }) => fact(CredentialAdded, { personId, credentialRef: set_id, kind: 'recovery_codes' })),
  ]
}

const MembershipRow = z.object({
  id: idOf<'membership'>(),
  engagement_id: idOf<'engagement'>(),
  designations: z.array(Designation),
  commit_authority: z.boolean(),
  operator_sequence_number: z.int(),
  revision: z.bigint(),
})

async function membershipFacts(tx: Db, personId: PersonId): Promise<readonly PersonFact[]> {
  const rows = await many(
    tx,
    MembershipRow,
    sql`select m.id, m.engagement_id, m.commit_authority, m.operator_sequence_number, m.revision,
               array(select d.designation from identity.membership_designations d where d.membership_id = m.id and d.active order by d.designation) as designations
          from identity.memberships m
         where m.principal_id = ${personId} and m.active
         order by m.operator_sequence_number`,
  )
  return rows.map((row) =>
    fact(MembershipGranted, {
      membershipId: row.id,
      principal: { kind: 'person', id: personId },
      engagementId: row.engagement_id,
      designations: row.designations,
      commitAuthority: row.commit_authority,
      operatorSequenceNumber: row.operator_sequence_number,
      by: actorFromService('signup'),
      revision: Number(row.revision),
    }),
  )
}
