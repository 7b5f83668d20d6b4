// From an address and a caller to an engagement and what they may do there: the same first step of every operation.
import { Scope } from '@loomworks/contracts'
import { type Actor, type Caller, type EngagementId, idOf } from '@loomworks/kernel'
import { type Itk, scopesOf, shared } from '@loomworks/service-kit'
import { personaOf } from './engagement/evolve.ts'
import type { Rights } from './engagement/state.ts'
import { engagementNumbered, engagementOwnedBy } from './engagement-card/queries.ts'
import { refuse } from './errors.ts'
import { numberOf } from './identifiers.ts'
import type { Standing } from './membership/queries.ts'
import type { MemoryParts } from './parts.ts'
import { ownEngagementAsked, standingNow } from './standings.ts'

export interface Access {
  readonly engagement: EngagementId
  readonly rights: Rights
  readonly standing: Standing
}

export interface Asking {
  readonly caller: Caller
  readonly token: Itk
}

type AccessParts = Pick<MemoryParts, 'db' | 'client' | 'feed'>

const Id = idOf<'engagement'>()

/** Throws 422 `address_malformed`, and 404 `engagement_not_found` for what is not there and for what is not the caller's. */
export async function accessTo(address: string, { caller, token }: Asking, parts: AccessParts): Promise<Access> {
  const { actor } = caller
  const persona = personaOf(actor)
  if (persona === undefined) throw shared.actor_refused()
  const engagement = await engagementAt(address, persona.id, parts)
  const standing = await standingNow(parts, persona, engagement)
  if (standing === undefined) throw refuse.engagement_not_found()
  requireCapability(actor, standing)
  return { engagement, standing, rights: { persona, commit: mayCommit(actor, standing, token), personally: isPersonal(actor) } }
}

async function engagementAt(address: string, principalId: string, parts: AccessParts): Promise<EngagementId> {
  if (address === 'me') return ownEngagement(principalId, parts)
  const id = Id.safeParse(address)
  if (id.success) return id.data
  const number = numberOf(address)
  if (number === undefined) throw refuse.address_malformed()
  const found = await engagementNumbered(parts.db, number)
  if (found === undefined) throw refuse.engagement_not_found()
  return found
}

async function ownEngagement(principalId: string, parts: AccessParts): Promise<EngagementId> {
  const own = (await engagementOwnedBy(parts.db, principalId)) ?? (await ownEngagementAsked(parts, principalId))
  if (own === undefined) throw refuse.engagement_not_found()
  return own
}

/** What acts on a right given beforehand must name the right it has. */
function requireCapability(actor: Actor, { membership }: Standing): void {
  if (actor.kind === 'companion' && actor.approvalMode === 'pre_authorized' && actor.capabilityRef !== `membership:${membership}`) throw shared.actor_refused()
}

function isPersonal(actor: Actor): boolean {
  return actor.kind === 'person' || (actor.kind === 'companion' && actor.approvalMode === 'explicit')
}

/** For an agent its scope alone counts; for all others the membership, in person. */
function mayCommit(actor: Actor, { designations, commit_authority }: Standing, token: Itk): boolean {
  if (actor.kind === 'agent') return scopesOf(token).has(Scope.enum['memory.commit'])
  return isPersonal(actor) && (commit_authority || designations.includes('operator'))
}
