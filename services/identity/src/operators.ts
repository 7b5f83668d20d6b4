// Operators of the engagements that run the deployment: made by who holds the database's URL (`loom admin operator`), and by nobody
// over HTTP.
import { type Designation, WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { actorFromService, type EngagementId, emailLookup, idOf, newId, type PersonId, timeOf } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import { type Database, type Db, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { addDesignation, grantMembership, type Membership, membershipOf, membershipToChange } from './memberships.ts'

const OPERATOR: Designation = 'operator'
const IdRow = z.object({ id: idOf<'person'>() })
const Uuid = idOf<'person'>()

export interface OperatorGrant {
  readonly personId: PersonId
  readonly engagement: EngagementId
  readonly designations: readonly Designation[]
}

/** Makes a person, named by id or by address, an operator of E0001 or E0002; undefined where nobody active is called so, or the
 *  engagement is another one. */
export async function operatorGrant(db: Database, address: string, person: string): Promise<OperatorGrant | undefined> {
  const engagement = runningEngagement(address)
  if (engagement === undefined) return undefined
  return db.transaction(async (tx) => {
    const personId = await activePerson(tx, person)
    if (personId === undefined) return undefined
    const { designations } = await made(tx, engagement, personId)
    return { personId, engagement, designations }
  })
}

async function made(tx: Db, engagement: EngagementId, personId: PersonId): Promise<Membership> {
  const cause = newId()
  const stating = { at: timeOf(Date.now()), actor: actorFromService('operator'), correlationId: cause, causationId: cause, traceparent: childTrace() }
  const granted = await grantMembership(tx, { engagement, principal: { kind: 'person', id: personId }, designations: [OPERATOR] }, stating)
  if (granted !== undefined) return granted
  const known = await membershipOf(tx, engagement, personId)
  const member = known && (await membershipToChange(tx, engagement, known.id))
  if (member === undefined) throw new Error(`${personId} is no member and cannot become one`)
  return addDesignation(tx, member, OPERATOR, stating)
}

function runningEngagement(address: string): EngagementId | undefined {
  const { administrative, commons } = WELL_KNOWN_ENGAGEMENTS
  const wanted = address.toLowerCase()
  return [administrative, commons].find(({ id, number }) => wanted === id || wanted.replace(/^e0*/, 'e') === `e${number}`)?.id
}

async function activePerson(tx: Db, named: string): Promise<PersonId | undefined> {
  const id = Uuid.safeParse(named)
  const who = id.success ? sql`id = ${id.data}` : sql`email_lookup = ${emailLookup(named)}`
  return (await maybe(tx, IdRow, sql`select id from identity.persons where ${who} and state = 'active'`))?.id
}
