// Acting for a person (identity page §12): a service that was asked by a person, or let by them beforehand, gets a token for another
// service that says so. It is exchanged for each audience and lives as long as every internal token.
import { HexHash } from '@loomworks/contracts'
import { actorFromCompanion, CapabilityRef, idOf, ServiceName } from '@loomworks/kernel'
import { operation, ServiceToken, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import type { Claims } from '../../signing.ts'
import { companionScopes, sessionScopes } from '../rights.ts'
import { askedInPerson, askedOnCard, letBeforehand, systemAgent } from './proving.ts'

const Explicit = z.strictObject({ as: z.literal('companion'), approvalMode: z.literal('explicit'), audience: ServiceName, token: z.string().min(1).max(8192) })
const OnCard = z.strictObject({
  as: z.literal('companion'),
  approvalMode: z.literal('explicit'),
  audience: ServiceName,
  personId: idOf<'person'>(),
  operationHash: HexHash,
  actionId: idOf<'action'>(),
  actionVersion: z.int().min(1),
})
const Beforehand = z.strictObject({
  as: z.literal('companion'),
  approvalMode: z.literal('pre_authorized'),
  audience: ServiceName,
  personId: idOf<'person'>(),
  capabilityRef: CapabilityRef,
})
const Agent = z.strictObject({ as: z.literal('agent'), audience: ServiceName, agentId: idOf<'agent'>(), instructionVersion: z.int().min(1) })
const Exchange = z.union([Explicit, OnCard, Beforehand, Agent])
type Exchange = z.output<typeof Exchange>

export const exchangeTokenRoute = operation({
  post: '/internal/tokens/exchange',
  id: 'exchangeToken',
  summary: 'A token with which a service acts as the Companion of a person, or as an agent of the system',
  internal: { auth: 'token' },
  body: Exchange,
  reply: ServiceToken,
  refuses: [shared.internal_token_invalid, shared.actor_refused, shared.token_refused, shared.invalid_body],

  async answer({ body, from }, parts: IdentityParts) {
    const azp = ServiceName.parse(from)
    if (body.as === 'companion' && azp !== 'companion') throw shared.actor_refused()
    return parts.signing.mint({ ...(await claimsFor(body, azp, parts)), aud: body.audience, azp })
  },
})

/** No proof, role or restriction of a session is handed on: what it let its holder do, it does not let a Companion do. */
async function claimsFor(body: Exchange, azp: ServiceName, parts: IdentityParts): Promise<Omit<Claims, 'aud' | 'azp'>> {
  if (body.as === 'agent') {
    const act = await systemAgent(parts.db, body, azp)
    return { sub: act.id, act, scope: '' }
  }
  if ('token' in body) {
    const { personId, sessionId, scope, account } = await askedInPerson(parts, body.token)
    const act = actorFromCompanion(personId, { approvalMode: 'explicit' })
    return { sub: personId, sid: sessionId, act, scope: companionScopes(scope), account }
  }
  const { personId } = body
  const { account } = 'operationHash' in body ? await askedOnCard(parts, body) : await letBeforehand(parts, body)
  const { approvalMode } = body
  const act = actorFromCompanion(personId, 'capabilityRef' in body ? { approvalMode, capabilityRef: body.capabilityRef } : { approvalMode })
  return { sub: personId, act, scope: companionScopes(sessionScopes([])), account }
}
