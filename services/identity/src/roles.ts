// Roles of the deployment. They open no engagement, no memory and no secret.
import { type Role, RoleGranted, RoleRevoked } from '@loomworks/contracts'
import { type Actor, actorFromService, emailLookup, idOf, newId, type PersonId, timeOf } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import { type Database, type Db, exec, many, maybe, one, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import { role } from './errors.ts'
import { fact, type PersonFact, statePersonFacts } from './facts.ts'

const TakenRow = z.object({ taken: z.boolean() })
const IdRow = z.object({ id: idOf<'person'>() })
const RoleRow = z.object({ role: z.string() })

const FIRST_ADMIN_LOCK = 7_430_002
const LAST_ADMIN_LOCK = 7_430_003
const ADMIN_ROLES: readonly Role[] = ['admin', 'ops']

/** The first activated person of an embedded deployment gets admin and ops: facts about it, or none where anybody has a role. Of
 *  two persons activated at once one is the first. */
export async function firstAdminFacts(tx: Db, personId: PersonId): Promise<readonly PersonFact[]> {
  // Roles stay once they are there, so all but the first need no lock, which would make them wait for each other's commit.
  if (await anybodyHasRole(tx)) return []
  await tx.query(sql`select pg_advisory_xact_lock(${FIRST_ADMIN_LOCK})`)
  return (await anybodyHasRole(tx)) ? [] : grantRoles(tx, personId, ADMIN_ROLES, actorFromService('signup'))
}

async function anybodyHasRole(tx: Db): Promise<boolean> {
  const { taken } = await one(tx, TakenRow, prepared('anybody_has_role', sql`select exists (select from identity.person_roles) as taken`))
  return taken
}

/** Grants roles; facts about those that were not there. */
export async function grantRoles(tx: Db, personId: PersonId, roles: readonly Role[], by: Actor): Promise<readonly PersonFact[]> {
  const facts: PersonFact[] = []
  for (const each of roles) {
    const granted = await exec(
      tx,
      sql`insert into identity.person_roles as r (person_id, role, granted_by)
          values (${personId}, ${each}, ${JSON.stringify(by)})
          on conflict (person_id, role) do update set active = true, granted_by = excluded.granted_by, granted_at = now() where not r.active`,
    )
    if (granted === 1) facts.push(fact(RoleGranted, { personId, by, role: each }))
  }
  return facts
}

/** Takes a role of a person whose row is locked; facts about it, none where it was not there. Refuses `role.last_admin`. */
export async function takeRole(tx: Db, personId: PersonId, taking: Role, by: Actor): Promise<readonly PersonFact[]> {
  if (taking === 'admin') await requireAnotherAdmin(tx, personId)
  const taken = await exec(tx, sql`update identity.person_roles set active = false where person_id = ${personId} and role = ${taking} and active`)
  return taken === 0 ? [] : [fact(RoleRevoked, { personId, by, role: taking })]
}

const Admins = z.object({ is_admin: z.boolean(), others: z.boolean() })

/** Where the person is an administrator who can act, there must be another one: refuses `role.last_admin`. One at a time asks, until
 *  its transaction ends, so that of two who go at once one stays. The person's row is locked already. */
export async function requireAnotherAdmin(tx: Db, personId: PersonId): Promise<void> {
  await tx.query(sql`select pg_advisory_xact_lock(${LAST_ADMIN_LOCK})`)
  const { is_admin, others } = await one(
    tx,
    Admins,
    sql`with admin as (
          select r.person_id
            from identity.person_roles r
            join identity.persons p on p.id = r.person_id
           where r.role = 'admin' and r.active and p.state = 'active'
        )
        select exists (select from admin where person_id = ${personId}) as is_admin, exists (select from admin where person_id <> ${personId}) as others`,
  )
  if (is_admin && !others) throw role.last_admin()
}

export interface AdminGrant {
  readonly personId: PersonId
  /** All roles the person has now. */
  readonly roles: readonly string[]
}

/** Makes the person with this address an administrator: roles admin and ops. For who holds the database's URL (`loom admin
 *  grant`). Undefined where nobody active has the address. */
export async function adminGrant(db: Database, email: string): Promise<AdminGrant | undefined> {
  return db.transaction(async (tx) => {
    const person = await maybe(tx, IdRow, sql`select id from identity.persons where email_lookup = ${emailLookup(email)} and state = 'active' for update`)
    if (person === undefined) return undefined
    const actor = actorFromService('operator')
    const facts = await grantRoles(tx, person.id, ADMIN_ROLES, actor)
    const cause = newId()
    await statePersonFacts(tx, person.id, facts, { at: timeOf(Date.now()), actor, correlationId: cause, causationId: cause, traceparent: childTrace() })
    const roles = await many(tx, RoleRow, sql`select role from identity.person_roles where person_id = ${person.id} and active order by role`)
    return { personId: person.id, roles: roles.map((row) => row.role) }
  })
}
