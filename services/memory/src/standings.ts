// What somebody is in an engagement, as of now. What identity told is believed while it can be heard; on a miss it is asked once, so that a
// grant counts at once. While it is silent it is asked every time, and where it does not answer nobody gets in: a revocation may be under way.
import { Designation } from '@loomworks/contracts'
import { type EngagementId, idOf } from '@loomworks/kernel'
import { exec, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { Rights } from './engagement/state.ts'
import { keepStanding, type Standing, standingOf } from './membership/queries.ts'
import type { MemoryParts } from './parts.ts'

type Asking = Pick<MemoryParts, 'db' | 'client' | 'feed'>
type Persona = Rights['persona']

const Checked = z
  .object({
    personalEngagementId: idOf<'engagement'>().nullable(),
    membershipId: idOf<'membership'>(),
    designations: z.array(Designation),
    commitAuthority: z.boolean(),
    revision: z.int(),
  })
  .nullable()
const ASK_WITHIN_MS = 1000

/** Undefined for who is no member; Transient where identity would have to say so and does not answer. */
export async function standingNow(parts: Asking, persona: Persona, engagement: EngagementId): Promise<Standing | undefined> {
  const known = await standingOf(parts.db, persona.id, engagement)
  if (known !== undefined && !(await parts.feed.isSilent())) return known
  return askedStanding(parts, persona, { engagement, known })
}

const Believed = z.object({ engagement: idOf<'engagement'>() })

/** Before a list that shows all of somebody's engagements: none of them is believed unasked while identity is silent. */
export async function confirmStandings(parts: Asking, persona: Persona): Promise<void> {
  if (!(await parts.feed.isSilent())) return
  const believed = await many(parts.db, Believed, sql`select engagement from memory.membership_v1 where principal_id = ${persona.id} and active`)
  for (const { engagement } of believed) await standingNow(parts, persona, engagement)
}

/** The personal engagement of a principal, as identity knows it. */
export async function ownEngagementAsked(parts: Pick<Asking, 'client'>, principalId: string): Promise<EngagementId | undefined> {
  return (await checked(parts, principalId, 'own'))?.personalEngagementId ?? undefined
}

function checked({ client }: Pick<Asking, 'client'>, principalId: string, engagementId: EngagementId | 'own') {
  const body = { principalId, engagementId }
  return client.call('identity', Checked, { method: 'POST', path: '/internal/memberships:check', body, timeoutMs: ASK_WITHIN_MS })
}

interface Asked {
  readonly engagement: EngagementId
  /** What was believed before identity was asked. */
  readonly known: Standing | undefined
}

async function askedStanding(parts: Asking, persona: Persona, { engagement, known }: Asked): Promise<Standing | undefined> {
  const told = await checked(parts, persona.id, engagement)
  if (told === null) {
    // What was believed is over. What was told since is newer than the answer and stays.
    if (known !== undefined)
      await exec(parts.db, sql`update memory.membership_v1 set active = false where membership = ${known.membership} and revision <= ${known.revision}`)
    return undefined
  }
  const { membershipId, designations, commitAuthority, revision } = told
  const standing: Standing = {
    membership: membershipId,
    engagement,
    principal_kind: persona.kind,
    principal_id: persona.id,
    designations,
    commit_authority: commitAuthority,
    active: true,
    revision: BigInt(revision),
  }
  await keepStanding(parts.db, standing)
  return standing
}
