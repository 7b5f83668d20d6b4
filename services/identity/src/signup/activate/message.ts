// The pivot: what was drafted becomes true, all of it in one transaction, and from here the signup only goes forward. It refuses
// nothing and touches no constraint that foreign data could break.
import { activatePerson, CredentialAdded, MembershipGranted, PersonActivated } from '@loomworks/contracts'
import { actorFromService, derivedId, idOf, type PersonId, timeOf } from '@loomworks/kernel'
import { sagaStep } from '@loomworks/sagas'
import { type Db, one, prepared, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { fact, statePersonFacts, statingForSignup } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { firstAdminFacts } from '../../roles.ts'

export const activateStep = sagaStep<typeof activatePerson, IdentityParts, Tx>(activatePerson, {
  async do(tx, { personId, engagementId, referredBy, claimed }, { sagaId, clock, parts, ...command }) {
    const activatedAt = timeOf(clock.now())
    const { referrer, credentials, memberships } = await activate(tx, { personId, engagementId, referredBy, claimed, activatedAt })
    const roles = parts.config.firstPersonIsAdmin ? await firstAdminFacts(tx, personId) : []
    if (roles.length > 0) parts.log.info({ personId }, 'the first person of this deployment has the roles admin and ops')
    const facts = [
      fact(PersonActivated, { personId, personalEngagementId: engagementId, sagaId, claimed, ...(referrer !== null && { referredBy: referrer }) }),
      ...credentials.map((each) => fact(CredentialAdded, { personId, ...each })),
      ...memberships.map((each) => fact(MembershipGranted, { principal: { kind: 'person', id: personId }, by: actorFromService('signup'), ...each })),
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

const Activated = z.object({
  referrer: idOf<'person'>().nullable(),
  credentials: z.array(CredentialAdded.schema.omit({ personId: true })),
  memberships: z.array(MembershipGranted.schema.omit({ principal: true, by: true })),
})

/** Turns the drafts on, in one statement. A referrer who is not there (any more) is none; a claim token has proven the address.
 *  Gives what there is to tell. */
function activate(tx: Db, { personId, engagementId, referredBy, claimed, activatedAt }: Activation): Promise<z.output<typeof Activated>> {
  return one(
    tx,
    Activated,
    prepared(
      'activate',
      sql`with person as (
            update identity.persons
               set state = 'active', activated_at = ${activatedAt}, personal_engagement_id = ${engagementId},
                   email_verified_at = case when ${claimed} then ${activatedAt}::timestamptz else email_verified_at end,
                   referred_by = (select r.id from identity.persons r where r.id = ${referredBy ?? null}::uuid and r.id <> ${personId} and r.state <> 'pending')
             where id = ${personId}
            returning referred_by
          ), membership as (
            update identity.memberships set active = true where principal_id = ${personId} and ended_at is null returning *
          )
          select person.referred_by as referrer,
                 (select jsonb_agg(told order by place)
                    from (select 1 as place, jsonb_build_object('kind', 'passkey', 'credentialRef', id, 'aaguid', aaguid, 'backedUp', backup_state) as told
                            from identity.webauthn_credentials where person_id = ${personId}
                           union all
                          select 2, jsonb_build_object('kind', 'totp', 'credentialRef', ${derivedId(personId, 'totp')}::text)
                           union all
                          select distinct 3, jsonb_build_object('kind', 'recovery_codes', 'credentialRef', set_id)
                            from identity.recovery_codes where person_id = ${personId}) as credential) as credentials,
                 (select jsonb_agg(jsonb_build_object('membershipId', m.id, 'engagementId', m.engagement_id, 'commitAuthority', m.commit_authority,
                                                      'operatorSequenceNumber', m.operator_sequence_number, 'revision', m.revision,
                                                      'designations', array(select d.designation from identity.membership_designations d
                                                                             where d.membership_id = m.id and d.active order by d.designation))
                                   order by m.operator_sequence_number)
                    from membership m) as memberships
            from person`,
    ),
  )
}
