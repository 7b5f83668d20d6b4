import { infiniteQueryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { behind, paged } from '../../app/queries.ts'

export const engagementsQuery = infiniteQueryOptions({
  ...paged,
  queryKey: ['engagements'],
  queryFn: ({ pageParam, signal }) => client.call('listEngagements', { query: behind(pageParam) }, { signal }),
})
