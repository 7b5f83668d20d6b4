import { infiniteQueryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { behind, paged } from '../../app/queries.ts'

/** Newest first, a page at a time. */
export const activityQuery = infiniteQueryOptions({
  ...paged,
  queryKey: ['activity'],
  queryFn: ({ pageParam, signal }) => client.call('myActivity', { query: behind(pageParam) }, { signal }),
})
