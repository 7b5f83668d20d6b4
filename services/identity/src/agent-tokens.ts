// Tokens of agents as they end: one by one, all of an agent's, or all of those whom somebody answered for and can no longer.
import type { Stating } from '@loomworks/bus'
import { type AgentTokenEnd, AgentTokenRevoked, Scope } from '@loomworks/contracts'
import { derivedId, type EngagementId, idOf } from '@loomworks/kernel'
import { type Db, many, type Sql, sql } from '@loomworks/sql'
import { z } from 'zod'
import { fact, stateFacts } from './facts.ts'

const Ended = z.object({ id: idOf<'agent_token'>(), agent_id: idOf<'agent'>(), scopes: z.array(Scope), expires_at: z.string() })
type Reason = z.output<typeof AgentTokenEnd>

export function revokeToken(tx: Db, agentId: string, tokenId: string, stating: Stating): Promise<number> {
  return revoked(tx, sql`t.id = ${tokenId} and t.agent_id = ${agentId}`, 'revoked', stating)
}

export function revokeTokensOf(tx: Db, agentId: string, reason: Reason, stating: Stating): Promise<number> {
  return revoked(tx, sql`t.agent_id = ${agentId}`, reason, stating)
}

/** Somebody who is no operator any more answers for no agent: whoever does next gives it new tokens. */
export function revokeSponsored(tx: Db, engagement: EngagementId, personId: string, stating: Stating): Promise<number> {
  const theirs = sql`t.agent_id in (select a.id from identity.agents a where a.engagement_id = ${engagement} and a.sponsor_person_id = ${personId})`
  return revoked(tx, theirs, 'sponsor_gone', stating)
}

/** Each ends once, and is told once; gives how many ended. */
async function revoked(tx: Db, which: Sql, reason: Reason, stating: Stating): Promise<number> {
  const ended = await many(
    tx,
    Ended,
    sql`update identity.agent_tokens t
           set revoked_at = ${stating.at}
         where ${which} and t.revoked_at is null
        returning t.id, t.agent_id, t.scopes, t.expires_at`,
  )
  for (const { id, agent_id: agentId, scopes, expires_at: expiresAt } of ended)
    await stateFacts(tx, derivedId(id, 'end'), [fact(AgentTokenRevoked, { agentId, tokenId: id, scopes, expiresAt, reason })], stating)
  return ended.length
}
