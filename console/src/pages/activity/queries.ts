import { infiniteQueryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'

/** Newest first, a page at a time. */
export const activityQuery = infiniteQueryOptions({
  queryKey: ['activity'],
  queryFn: ({ pageParam, signal }) => client.call('myActivity', { query: { ...(pageParam !== null && { cursor: pageParam }) } }, { signal }),
  initialPageParam: null as string | null,
  getNextPageParam: (last) => last.next_cursor,
})
