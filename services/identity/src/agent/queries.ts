import { AgentState, Scope } from '@loomworks/contracts'
import { type EngagementId, idOf } from '@loomworks/kernel'
import type { Before } from '@loomworks/service-kit'
import { type Db, many, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'

export const Agent = z.object({
  id: idOf<'agent'>(),
  engagement_id: idOf<'engagement'>().nullable(),
  name: z.string(),
  purpose: z.string(),
  instruction_version: z.int(),
  state: AgentState,
  sponsor_person_id: idOf<'person'>().nullable(),
  revision: z.coerce.number().int(),
  created_at: z.string(),
})
export type Agent = Readonly<z.output<typeof Agent>>

const columns = sql`a.id, a.engagement_id, a.name, a.purpose, a.instruction_version, a.state, a.sponsor_person_id, a.revision, a.created_at`

interface Paging {
  readonly before: Before | undefined
  readonly limit: number
}

/** The agents of an engagement, retired ones too, newest first. */
export function agentsIn(db: Db, engagement: EngagementId, { before, limit }: Paging): Promise<readonly Agent[]> {
  return many(
    db,
    Agent,
    sql`select ${columns}
          from identity.agents a
         where a.engagement_id = ${engagement}
           and (${before?.at ?? null}::timestamptz is null or (a.created_at, a.id) < (${before?.at ?? null}::timestamptz, ${before?.id ?? null}::uuid))
         order by a.created_at desc, a.id desc
         limit ${limit}`,
  )
}

export function agentOf(db: Db, id: string): Promise<Agent | undefined> {
  return maybe(db, Agent, sql`select ${columns} from identity.agents a where a.id = ${id}`)
}

/** An agent that is about to change. */
export function agentToChange(tx: Db, id: string): Promise<Agent | undefined> {
  return maybe(tx, Agent, sql`select ${columns} from identity.agents a where a.id = ${id} for update`)
}

export const AgentToken = z.object({
  id: idOf<'agent_token'>(),
  prefix: z.string(),
  scopes: z.array(Scope),
  created_by: idOf<'person'>(),
  created_at: z.string(),
  expires_at: z.string(),
  last_used_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
})
export type AgentToken = Readonly<z.output<typeof AgentToken>>

/** The tokens an agent was given, newest first. */
export function tokensOf(db: Db, agentId: string, { before, limit }: Paging): Promise<readonly AgentToken[]> {
  return many(
    db,
    AgentToken,
    sql`select id, prefix, scopes, created_by, created_at, expires_at, last_used_at, revoked_at
          from identity.agent_tokens
         where agent_id = ${agentId}
           and (${before?.at ?? null}::timestamptz is null or (created_at, id) < (${before?.at ?? null}::timestamptz, ${before?.id ?? null}::uuid))
         order by created_at desc, id desc
         limit ${limit}`,
  )
}
