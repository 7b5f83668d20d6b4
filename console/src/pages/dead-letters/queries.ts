import { infiniteQueryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { behind, paged } from '../../app/queries.ts'

/** Oldest first, a page at a time. */
export const lettersQuery = infiniteQueryOptions({
  ...paged,
  queryKey: ['dead-letters'],
  queryFn: ({ pageParam, signal }) => client.call('listDeadLetters', { query: behind(pageParam) }, { signal }),
})
