import { operation } from '@loomworks/service-kit'
import { agent as refusals } from '../../errors.ts'
import type { IdentityParts } from '../../parts.ts'
import { AgentParams, changingAgent, REFUSED, writeAgent } from '../changing.ts'
import { ShownAgent, shownAgent } from '../shown.ts'

export const sponsorAgentRoute = operation({
  post: '/agents/:agent/sponsor',
  id: 'sponsorAgent',
  summary: 'Answer for an agent from now on, as an operator',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'agent', idFrom: 'params.agent', relation: 'operator', hide: true },
  params: AgentParams,
  reply: ShownAgent,
  refuses: [...REFUSED, refusals.retired],

  /** Nobody is made to answer for an agent: who asks does. */
  answer(request, parts: IdentityParts) {
    return changingAgent(request, parts, async ({ tx, agent, personId, stating }) => {
      if (agent.state === 'retired') throw refusals.retired()
      if (agent.sponsor_person_id === personId) return shownAgent(agent)
      return shownAgent(await writeAgent(tx, agent, { sponsor_person_id: personId }, stating))
    })
  },
})
