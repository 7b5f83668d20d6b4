import { newId, timeOf } from '@loomworks/kernel'
import { operation } from '@loomworks/service-kit'
import { type Db, exec, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { heldStandingAt, requireChosen, requireOperator, standingAt } from '../../engagements.ts'
import { membership, agent as refusals } from '../../errors.ts'
import { statingFor } from '../../facts.ts'
import { grantMembership } from '../../memberships.ts'
import { DisplayName, Purpose } from '../../names.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { named, REFUSED, stateAgent } from '../changing.ts'
import type { Agent } from '../queries.ts'
import { ShownAgent, shownAgent } from '../shown.ts'

const AGENTS_MAX = 100

export const createAgentRoute = operation({
  post: '/engagements/:engagement/agents',
  id: 'createAgent',
  summary: 'Let an agent take part in an engagement; I answer for it',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'engagement', idFrom: 'params.engagement', relation: 'operator', hide: true },
  limits: { idempotency: 'optional' },
  params: z.object({ engagement: z.string() }),
  body: z.strictObject({ name: DisplayName, purpose: Purpose, instruction_version: z.int().min(1).max(1_000_000).default(1) }),
  reply: ShownAgent,
  status: 201,
  refuses: [...REFUSED, membership.personal_fixed, membership.automatic, refusals.name_taken, refusals.limit],

  async answer({ params, body, caller, once }, { db, clock, relay }: IdentityParts) {
    const personId = selfOf(caller)
    const standing = await standingAt(db, params.engagement, personId)
    requireChosen(standing)
    requireOperator(standing)
    const at = timeOf(clock.now())
    const agent: Agent = { id: newId(), engagement_id: standing.id, ...body, state: 'active', sponsor_person_id: personId, revision: 1, created_at: at }
    const stating = statingFor(caller, at)
    return named(
      once(db, async (tx) => {
        requireOperator(await heldStandingAt(tx, standing.id, personId))
        await inserted(tx, agent)
        await stateAgent(tx, agent, stating)
        await grantMembership(tx, { engagement: standing.id, principal: { kind: 'agent', id: agent.id }, designations: ['contributor'] }, stating)
        relay.wakeAfter(tx)
        return shownAgent(agent)
      }),
    )
  },
})

const Count = z.object({ there: z.int() })

async function inserted(tx: Db, { id, engagement_id, name, purpose, instruction_version, sponsor_person_id, created_at }: Agent): Promise<void> {
  const { there } = await one(
    tx,
    Count,
    sql`select count(*)::integer as there from identity.agents where engagement_id = ${engagement_id} and state <> 'retired'`,
  )
  if (there >= AGENTS_MAX) throw refusals.limit()
  await exec(
    tx,
    sql`insert into identity.agents (id, engagement_id, name, purpose, instruction_version, state, sponsor_person_id, created_at)
        values (${id}, ${engagement_id}, ${name}, ${purpose}, ${instruction_version}, 'active', ${sponsor_person_id}, ${created_at})`,
  )
}
