import { infiniteQueryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { behind, paged } from '../../app/queries.ts'
import { soon } from '../engagement/queries.ts'

export const agentsQuery = (engagement: string) =>
  infiniteQueryOptions({
    ...paged,
    ...soon,
    queryKey: ['agents', engagement],
    queryFn: ({ pageParam, signal }) => client.call('listAgents', { params: { engagement }, query: behind(pageParam) }, { signal }),
  })

export const tokensQuery = (agent: string) =>
  infiniteQueryOptions({
    ...paged,
    queryKey: ['agent-tokens', agent],
    queryFn: ({ pageParam, signal }) => client.call('listAgentTokens', { params: { agent }, query: behind(pageParam) }, { signal }),
  })
