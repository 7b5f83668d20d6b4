// What everything about one agent begins with: an operator of its engagement, and the agent, locked where it changes.
import type { Stating } from '@loomworks/bus'
import { AgentChanged } from '@loomworks/contracts'
import { type Caller, derivedId, idOf, type PersonId, timeOf } from '@loomworks/kernel'
import { type Answered, type Once, shared } from '@loomworks/service-kit'
import { brokenConstraint, type Db, exec, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { heldStandingAt, requireOperator, standingAt } from '../engagements.ts'
import { membership, agent as refusals } from '../errors.ts'
import { fact, stateFacts, statingFor } from '../facts.ts'
import type { IdentityParts } from '../parts.ts'
import { selfOf } from '../self.ts'
import { type Agent, agentOf, agentToChange } from './queries.ts'

export const AgentParams = z.object({ agent: idOf<'agent'>() })

/** What all of them refuse. */
export const REFUSED = [shared.not_found, shared.invalid_body, membership.operator_required] as const

/** The agent, for an operator of its engagement. What is of the system is nobody's to see here. */
export async function agentFor(db: Db, id: string, personId: PersonId): Promise<Agent> {
  const agent = await agentOf(db, id)
  if (agent?.engagement_id == null) throw shared.not_found()
  requireOperator(await standingAt(db, agent.engagement_id, personId))
  return agent
}

interface Asked {
  readonly params: { readonly agent: string }
  readonly caller: Caller
  readonly once: Once
}

export interface ChangingAgent {
  readonly tx: Tx
  readonly agent: Agent
  readonly personId: PersonId
  readonly stating: Stating
}

/** Runs a change of an agent in one transaction, once for its Idempotency-Key where it takes one. */
export async function changingAgent<T>(
  { params, caller, once }: Asked,
  { db, clock, relay }: IdentityParts,
  change: (changing: ChangingAgent) => Promise<T>,
): Promise<T | Answered> {
  const personId = selfOf(caller)
  await agentFor(db, params.agent, personId)
  const stating = statingFor(caller, timeOf(clock.now()))
  return named(
    once(db, async (tx) => {
      const { engagement_id: engagement } = (await agentOf(tx, params.agent)) ?? {}
      if (engagement == null) throw shared.not_found()
      requireOperator(await heldStandingAt(tx, engagement, personId))
      const agent = await agentToChange(tx, params.agent)
      if (agent === undefined) throw shared.not_found()
      const done = await change({ tx, agent, personId, stating })
      relay.wakeAfter(tx)
      return done
    }),
  )
}

/** Two agents of one engagement are never called the same. */
export async function named<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (brokenConstraint(error) === 'agent_name') throw refusals.name_taken()
    throw error
  }
}

type Columns = Pick<Agent, 'name' | 'purpose' | 'instruction_version' | 'state' | 'sponsor_person_id'>

/** Writes an agent as it is from now on. A new state, instruction or sponsor is told; a name is not. */
export async function writeAgent(tx: Db, before: Agent, now: Partial<Columns>, stating: Stating): Promise<Agent> {
  const agent = { ...before, ...now, revision: before.revision + 1 }
  await exec(
    tx,
    sql`update identity.agents
           set name = ${agent.name}, purpose = ${agent.purpose}, instruction_version = ${agent.instruction_version}, state = ${agent.state},
               sponsor_person_id = ${agent.sponsor_person_id}, revision = ${agent.revision}
         where id = ${agent.id}`,
  )
  const isTold =
    agent.state !== before.state || agent.instruction_version !== before.instruction_version || agent.sponsor_person_id !== before.sponsor_person_id
  if (isTold) await stateAgent(tx, agent, stating)
  return agent
}

export async function stateAgent(tx: Db, agent: Agent, stating: Stating): Promise<void> {
  const { id: agentId, engagement_id, instruction_version: instructionVersion, sponsor_person_id, state, revision } = agent
  const data = {
    agentId,
    instructionVersion,
    state,
    ...(engagement_id !== null && { engagementId: engagement_id }),
    ...(sponsor_person_id !== null && { sponsorId: sponsor_person_id }),
  }
  await stateFacts(tx, derivedId(agentId, 'change', revision), [fact(AgentChanged, data)], stating)
}
