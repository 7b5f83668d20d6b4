// What an agent's token opens: the agent alone, in its one engagement, with the scopes the token was given, and only while somebody
// answers for it.
import { Scope } from '@loomworks/contracts'
import { idOf, timeOf } from '@loomworks/kernel'
import { type Db, exec, maybe, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { Claims } from '../signing.ts'

const Row = z.object({
  id: idOf<'agent_token'>(),
  scopes: z.array(Scope),
  expires_at: z.string(),
  last_used_at: z.string().nullable(),
  agent: idOf<'agent'>(),
  instruction_version: z.int(),
  engagement: idOf<'engagement'>(),
  sponsor: idOf<'person'>(),
})

const USED_EVERY_MS = 60_000

export interface OpenedByAgent {
  readonly claims: Omit<Claims, 'aud' | 'azp'>
  readonly rateClass: 'agent'
  readonly endsAtMs: number
}

/** Undefined for what is unknown, over or revoked, for an agent that rests or has ended, and where who answers for it is locked,
 *  suspended, leaving, gone, or no operator there any more. */
export async function openedByAgent(db: Db, credentialHash: string, nowMs: number): Promise<OpenedByAgent | undefined> {
  const row = await maybe(
    db,
    Row,
    prepared(
      'agent_of_token',
      sql`select t.id, t.scopes, t.expires_at, t.last_used_at, a.id as agent, a.instruction_version, a.engagement_id as engagement, a.sponsor_person_id as sponsor
            from identity.agent_tokens t
            join identity.agents a on a.id = t.agent_id and a.state = 'active'
            join identity.persons p on p.id = a.sponsor_person_id and p.state = 'active' and p.account_status not in ('suspended', 'deleted')
            join identity.memberships m on m.engagement_id = a.engagement_id and m.principal_id = p.id and m.active
            join identity.membership_designations d on d.membership_id = m.id and d.designation = 'operator' and d.active
           where t.token_hash = ${credentialHash} and t.revoked_at is null and t.expires_at > ${timeOf(nowMs)}`,
    ),
  )
  if (row === undefined) return undefined
  if (row.last_used_at === null || nowMs - Date.parse(row.last_used_at) >= USED_EVERY_MS)
    await exec(db, sql`update identity.agent_tokens set last_used_at = ${timeOf(nowMs)} where id = ${row.id}`)
  const { agent, instruction_version: instructionVersion, engagement, sponsor, scopes } = row
  const act = { kind: 'agent', id: agent, instructionVersion } as const
  return { claims: { sub: agent, act, scope: scopes.join(' '), engagement, sponsor }, rateClass: 'agent', endsAtMs: Date.parse(row.expires_at) }
}
