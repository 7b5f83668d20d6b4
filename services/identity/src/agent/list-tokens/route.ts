import { operation, page, paged, placeOf } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { AgentParams, agentFor, REFUSED } from '../changing.ts'
import { AgentToken, tokensOf } from '../queries.ts'

export const listAgentTokensRoute = operation({
  get: '/agents/:agent/tokens',
  id: 'listAgentTokens',
  summary: 'The tokens an agent was given, newest first; never what they are',
  authz: { actors: ['person'], scope: 'engagement.manage', object: 'agent', idFrom: 'params.agent', relation: 'operator', hide: true },
  params: AgentParams,
  query: z.strictObject(page),
  reply: z.object({ items: z.array(AgentToken), next_cursor: z.string().nullable() }),
  refuses: REFUSED,

  async answer({ params, query, caller }, { db }: IdentityParts) {
    const { id } = await agentFor(db, params.agent, selfOf(caller))
    const found = await tokensOf(db, id, { before: placeOf(query.cursor), limit: query.limit + 1 })
    const { rows, next } = paged(found, query.limit, (token) => ({ at: token.created_at, id: token.id }))
    return { items: [...rows], next_cursor: next }
  },
})
