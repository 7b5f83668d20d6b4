import { operation } from '@loomworks/service-kit'
import { z } from 'zod'
import { revokeTokensOf } from '../../agent-tokens.ts'
import { endMembership, membershipOf } from '../../memberships.ts'
import type { IdentityParts } from '../../parts.ts'
import { AgentParams, changingAgent, REFUSED, writeAgent } from '../changing.ts'

export const retireAgentRoute = operation({
  delete: '/agents/:agent',
  id: 'retireAgent',
  summary: 'End an agent for ever: its tokens open nothing, what it wrote stays',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'agent', idFrom: 'params.agent', relation: 'operator', hide: true },
  params: AgentParams,
  reply: z.undefined(),
  status: 204,
  refuses: REFUSED,

  /** Ended twice it ended once. */
  answer(request, parts: IdentityParts) {
    return changingAgent(request, parts, async ({ tx, agent, stating }) => {
      if (agent.state === 'retired') return undefined
      await revokeTokensOf(tx, agent.id, 'agent_retired', stating)
      await writeAgent(tx, agent, { state: 'retired' }, stating)
      const member = agent.engagement_id === null ? undefined : await membershipOf(tx, agent.engagement_id, agent.id)
      if (member !== undefined) await endMembership(tx, member, 'agent_retired', stating)
      return undefined
    })
  },
})
