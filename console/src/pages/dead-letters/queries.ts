import { infiniteQueryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'

/** Oldest first, a page at a time. */
export const lettersQuery = infiniteQueryOptions({
  queryKey: ['dead-letters'],
  queryFn: ({ pageParam, signal }) => client.call('listDeadLetters', { query: { ...(pageParam !== null && { cursor: pageParam }) } }, { signal }),
  initialPageParam: null as string | null,
  getNextPageParam: (last) => last.next_cursor,
})
