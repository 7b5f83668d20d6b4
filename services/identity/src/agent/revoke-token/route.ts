import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { revokeToken } from '../../agent-tokens.ts'
import type { IdentityParts } from '../../parts.ts'
import { AgentParams, changingAgent, REFUSED } from '../changing.ts'

const Params = AgentParams.extend({ token: idOf<'agent_token'>() })
const Found = z.object({ id: idOf<'agent_token'>() })

export const revokeAgentTokenRoute = operation({
  delete: '/agents/:agent/tokens/:token',
  id: 'revokeAgentToken',
  summary: 'End a token: it opens nothing within a second',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'agent', idFrom: 'params.agent', relation: 'operator', hide: true },
  params: Params,
  reply: z.undefined(),
  status: 204,
  refuses: REFUSED,

  /** Ended twice it ended once. */
  answer(request, parts: IdentityParts) {
    return changingAgent(request, parts, async ({ tx, agent, stating }) => {
      const { token } = request.params
      const found = await maybe(tx, Found, sql`select id from identity.agent_tokens where id = ${token} and agent_id = ${agent.id}`)
      if (found === undefined) throw shared.not_found()
      await revokeToken(tx, agent.id, token, stating)
      return undefined
    })
  },
})
