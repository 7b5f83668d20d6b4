// What a person is made of: all of it or nothing, once, and followed by everybody who must hear of it.
import { many, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { SagaWorld, World } from './world.ts'

type Violation = string
const INDUCTION = ['EngagementOpened', 'MemoryRecorded', 'MemoryRecorded']

const Person = z.object({
  state: z.string(),
  personal_engagement_id: z.string().nullable(),
  credentials: z.int(),
  factors: z.int(),
  codes: z.int(),
  own: z.boolean(),
  commons: z.boolean(),
})

async function personOf({ db }: World, { personId, engagementId }: SagaWorld) {
  const rows = await many(
    db,
    Person,
    sql`select p.state, p.personal_engagement_id,
               (select count(*)::int from identity.webauthn_credentials c where c.person_id = p.id) as credentials,
               (select count(*)::int from identity.totp_factors t where t.person_id = p.id) as factors,
               (select count(*)::int from identity.recovery_codes r where r.person_id = p.id) as codes,
               exists (select from identity.memberships m join identity.membership_designations d on d.membership_id = m.id and d.active and d.designation = 'operator'
                        where m.principal_id = p.id and m.engagement_id = ${engagementId} and m.active and m.operator_sequence_number = 1) as own,
               exists (select from identity.memberships m where m.principal_id = p.id and m.engagement_id = '00000000-0000-0000-0000-000000000002' and m.active) as commons
          from identity.persons p where p.id = ${personId}`,
  )
  return rows[0]
}

/** S-INV-1: completed means the whole person, and with a token exactly one issuance. */
export async function completedIsComplete(world: World): Promise<Violation[]> {
  const found: Violation[] = []
  for (const saga of world.sagas.filter(({ state }) => state === 'completed')) {
    const person = await personOf(world, saga)
    const expected = { state: 'active', personal_engagement_id: saga.engagementId, credentials: 1, factors: 1, codes: 10, own: true, commons: true }
    if (JSON.stringify(person) !== JSON.stringify(expected)) found.push(`S-INV-1 ${saga.id}: the person is ${JSON.stringify(person)}`)
    const types = saga.engagement.map(({ type }) => type)
    if (JSON.stringify(types.slice(0, 3)) !== JSON.stringify(INDUCTION) || types.includes('EngagementVoided'))
      found.push(`S-INV-1 ${saga.id}: the engagement begins with ${types.slice(0, 4)}`)
    if (saga.tokenHash !== undefined && (await issuances(world, saga)) !== 1)
      found.push(`S-INV-1 ${saga.id}: the grant was issued ${await issuances(world, saga)} times`)
  }
  return found
}

async function issuances({ db }: World, { tokenHash, personId }: SagaWorld): Promise<number> {
  const { n } = await one(
    db,
    z.object({ n: z.int() }),
    sql`select count(*)::int as n from credit."grant" g join credit.tx t on t.id = g.id and t.kind = 'issuance' and t.person_id = ${personId}
         where g.claim_token_hash = ${tokenHash} and g.status = 'claimed' and g.claimed_by_person_id = ${personId}`,
  )
  return n
}

/** S-INV-2: aborted means that nothing of it is left. */
export async function abortedLeftNothing({ db, sagas }: World): Promise<Violation[]> {
  const found: Violation[] = []
  for (const { id, personId, engagement } of sagas.filter(({ state }) => state === 'aborted')) {
    const { left } = await one(
      db,
      z.object({ left: z.int() }),
      sql`select ((select count(*) from identity.persons where id = ${personId}) + (select count(*) from identity.memberships where principal_id = ${personId})
                  + (select count(*) from identity.sessions where person_id = ${personId}) + (select count(*) from credit."grant" where reserved_by = ${id})
                  + (select count(*) from credit.account where person_id = ${personId}) + (select count(*) from memory.engagement where owner = ${personId}))::int as left`,
    )
    if (left !== 0) found.push(`S-INV-2 ${id}: ${left} rows are left`)
    if (engagement.length > 0 && !engagement.some(({ type }) => type === 'EngagementVoided')) found.push(`S-INV-2 ${id}: its engagement stands`)
  }
  return found
}

/** S-INV-3: whoever is visible is whole: active persons come from a saga beyond its pivot, others have no session and are in no event. */
export async function noHalfPerson({ db, made }: World): Promise<Violation[]> {
  const active = await many(db, z.object({ id: z.string() }), sql`select id from identity.persons where state = 'active'`)
  const told = await many(
    db,
    z.object({ id: z.string() }),
    sql`select distinct entity_id as id from identity.outbox where subject like '%.PersonActivated'
        union select p.id::text from identity.sessions s join identity.persons p on p.id = s.person_id where p.state = 'pending'`,
  )
  return [...active, ...told].filter(({ id }) => !made.has(id)).map(({ id }) => `S-INV-3 ${id}: visible, and no saga made it`)
}

/** S-INV-4: one grant has one holder, and the ledger sums to zero. */
export async function oneWinner({ db }: World): Promise<Violation[]> {
  const assets = await many(db, z.object({ asset: z.string() }), sql`select asset from credit.asset_balances group by asset having sum(balance) <> 0`)
  const twice = await many(
    db,
    z.object({ id: z.string() }),
    sql`select person_id as id from credit.tx where kind = 'issuance' group by person_id, meta having count(*) > 1`,
  )
  return [...assets.map(({ asset }) => `S-INV-4 ${asset} does not sum to zero`), ...twice.map(({ id }) => `S-INV-4 ${id} was issued one grant twice`)]
}

/** S-INV-5: an effect happens once: one person, one opening, one activation for each saga. */
export async function once({ db, sagas }: World): Promise<Violation[]> {
  const activations = await many(
    db,
    z.object({ id: z.string(), n: z.int() }),
    sql`select entity_id as id, count(*)::int as n from identity.outbox where subject like '%.PersonActivated' group by 1 having count(*) > 1`,
  )
  const opened = sagas.filter(({ engagement }) => engagement.filter(({ type }) => type === 'EngagementOpened').length > 1)
  return [
    ...activations.map(({ id }) => `S-INV-5 ${id} was activated more than once`),
    ...opened.map(({ id }) => `S-INV-5 ${id} opened its engagement more than once`),
  ]
}

/** S-INV-6: once undone, no later do took effect. */
export function undoIsFinal({ sagas }: World): Violation[] {
  return sagas
    .filter(({ fences, engagement }) => ['undone', 'tombstone'].includes(fences.get('induct') ?? '') && engagement.at(-1)?.type !== 'EngagementVoided')
    .map(({ id }) => `S-INV-6 ${id}: something was appended behind the void`)
}

const MUST_BE_RECORDED = [
  'person_activated',
  'credential_added',
  'credential_added',
  'credential_added',
  'membership_granted',
  'membership_granted',
  'engagement_opened',
  'memory_recorded',
  'memory_recorded',
]

/** S-INV-13: every activated person has a profile, an account, memory's membership rows and every record; nobody else has any. */
export async function followed({ db }: World): Promise<Violation[]> {
  const Row = z.object({ id: z.string(), profile: z.boolean(), account: z.boolean(), unheard: z.int(), facts: z.array(z.string()) })
  const people = await many(
    db,
    Row,
    sql`select p.id, exists (select from companion.profile c where c.person_id = p.id) as profile, exists (select from credit.account a where a.person_id = p.id) as account,
               (select count(*)::int
                  from (select id, revision, active from identity.memberships where principal_id = p.id) i
                  full join (select membership, revision, active from memory.membership_v1 where principal_id = p.id) m on m.membership = i.id
                 where (i.id, i.revision, i.active) is distinct from (m.membership, m.revision, m.active)) as unheard,
               array(select r.fact from audit.record r join audit.part t on t.record_id = r.id and t.role is not null
                      where t.owner_kind = 'person' and t.owner_id = p.id and r.fact = any(${[...new Set(MUST_BE_RECORDED)]}) order by r.arrival) as facts
          from identity.persons p where p.state = 'active'`,
  )
  const strangers = await many(
    db,
    z.object({ id: z.string() }),
    sql`select person_id as id from companion.profile union select person_id from credit.account except select id from identity.persons where state = 'active'`,
  )
  const missing = people.flatMap(({ id, profile, account, unheard, facts }) => [
    ...(profile ? [] : [`S-INV-13 ${id} has no profile`]),
    ...(account ? [] : [`S-INV-13 ${id} has no account`]),
    ...(unheard === 0 ? [] : [`S-INV-13 ${id} has ${unheard} memberships that memory does not know as they are`]),
    ...lacking(facts).map((fact) => `S-INV-13 ${id} lacks a record of ${fact}`),
  ])
  return [...missing, ...strangers.map(({ id }) => `S-INV-13 ${id} is no active person and has rows`)]
}

function lacking(facts: readonly string[]): readonly string[] {
  const left = [...facts]
  return MUST_BE_RECORDED.filter((fact) => {
    const at = left.indexOf(fact)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}
