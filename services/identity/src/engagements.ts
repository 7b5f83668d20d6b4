// From an address and a caller to an engagement and what they are there: the first step of everything about who belongs where.
// Engagements are memory's; identity knows of the shared ones what it was told, and whose the personal ones are.
import { Designation, EngagementState, Visibility, WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { type EngagementId, type Id, idOf, type PersonId } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { type Db, exec, maybe, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { membership } from './errors.ts'

const Row = z.object({
  id: idOf<'engagement'>(),
  display_identifier: z.string().nullable(),
  visibility: Visibility,
  state: EngagementState,
  membership: idOf<'membership'>(),
  designations: z.array(Designation),
})

/** An engagement as one of its members stands there. */
export type Standing = Readonly<z.output<typeof Row>>

/** Throws 422 `invalid_body` for what is no address, 404 `not_found` for what is not there and for what is not the caller's. */
export async function standingAt(db: Db, address: string, personId: PersonId): Promise<Standing> {
  const found = await maybe(
    db,
    Row,
    sql`select e.id, e.display_identifier, e.visibility, e.state, m.id as membership,
               array(select d.designation from identity.membership_designations d where d.membership_id = m.id and d.active order by d.designation) as designations
          from (select engagement_id as id, display_identifier, visibility, state from identity.engagement_ref
                 union all
                select personal_engagement_id, null, 'personal', 'active' from identity.persons where id = ${personId} and personal_engagement_id is not null) as e
          join identity.memberships m on m.engagement_id = e.id and m.principal_id = ${personId} and m.active
         where ${named(address, personId)}`,
  )
  if (found === undefined) throw shared.not_found()
  return found
}

/** The same under the engagement's lock: what it says holds until the transaction ends. */
export async function heldStandingAt(tx: Tx, address: string, personId: PersonId): Promise<Standing> {
  const { id } = await standingAt(tx, address, personId)
  await lockEngagement(tx, id)
  return standingAt(tx, id, personId)
}

const Uuid = idOf<'engagement'>()

function named(address: string, personId: PersonId) {
  if (address === 'me') return sql`e.id = (select personal_engagement_id from identity.persons where id = ${personId})`
  const id = Uuid.safeParse(address)
  if (id.success) return sql`e.id = ${id.data}`
  const digits = /^e0*([1-9][0-9]{0,8})$/i.exec(address)?.[1]
  if (digits === undefined) throw malformed()
  return sql`e.display_identifier = ${`E${digits.padStart(4, '0')}`}`
}

function malformed() {
  return shared.invalid_body({ errors: [{ pointer: '/params/engagement', code: 'custom', message: 'a UUID, E and a number, or me' }] })
}

function isOperator({ designations }: Pick<Standing, 'designations'>): boolean {
  return designations.includes('operator')
}

/** Throws 403 `membership.operator_required`: who is a member may know that this is there. */
export function requireOperator(standing: Standing): void {
  if (!isOperator(standing)) throw membership.operator_required()
}

/** Nobody joins or leaves a personal engagement, and everybody is in an automatic one. */
export function requireChosen({ visibility }: Standing): void {
  if (visibility === 'personal') throw membership.personal_fixed()
  if (visibility === 'automatic') throw membership.automatic()
}

/** Operators of the engagements that run the deployment are made by who holds its database, and by nobody else. */
export function requireOwnOperators({ id }: Pick<Standing, 'id'>, designations: readonly Designation[]): void {
  if (id === WELL_KNOWN_ENGAGEMENTS.administrative.id && designations.includes('operator')) throw membership.automatic()
}

/** Who belongs to an engagement changes under this lock, one change after the other. */
export async function lockEngagement(tx: Db, engagement: EngagementId | Id): Promise<void> {
  await exec(tx, sql`select pg_advisory_xact_lock(hashtextextended(${`members of ${engagement}`}, 0))`)
}
