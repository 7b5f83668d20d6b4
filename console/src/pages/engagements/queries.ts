import { infiniteQueryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'

export const engagementsQuery = infiniteQueryOptions({
  queryKey: ['engagements'],
  queryFn: ({ pageParam, signal }) => client.call('listEngagements', { query: { ...(pageParam !== null && { cursor: pageParam }) } }, { signal }),
  initialPageParam: null as string | null,
  getNextPageParam: (last) => last.next_cursor,
})
