import { infiniteQueryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { soon } from '../engagement/queries.ts'

export const agentsQuery = (engagement: string) =>
  infiniteQueryOptions({
    ...soon,
    queryKey: ['agents', engagement],
    queryFn: ({ pageParam, signal }) =>
      client.call('listAgents', { params: { engagement }, query: { ...(pageParam !== null && { cursor: pageParam }) } }, { signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  })

export const tokensQuery = (agent: string) =>
  infiniteQueryOptions({
    queryKey: ['agent-tokens', agent],
    queryFn: ({ pageParam, signal }) =>
      client.call('listAgentTokens', { params: { agent }, query: { ...(pageParam !== null && { cursor: pageParam }) } }, { signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  })
