import { isRefused } from '@loomworks/client'
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { behind, paged } from '../../app/queries.ts'

export const sessionsQuery = infiniteQueryOptions({
  ...paged,
  queryKey: ['sessions'],
  queryFn: ({ pageParam, signal }) => client.call('listSessions', { query: behind(pageParam) }, { signal }),
})
export const credentialsQuery = queryOptions({ queryKey: ['credentials'], queryFn: ({ signal }) => client.call('listCredentials', {}, { signal }) })
export const secretsQuery = queryOptions({ queryKey: ['secrets'], queryFn: ({ signal }) => client.call('listMySecrets', {}, { signal }) })

/** The token with which somebody can make this person's factors anew; null where there is none, which is told by a refusal. */
export const enrolmentQuery = queryOptions({
  queryKey: ['enrolment'],
  queryFn: async ({ signal }) => {
    try {
      return await client.call('showEnrolment', {}, { signal })
    } catch (error) {
      if (isRefused(error, 'enrolment.unknown')) return null
      throw error
    }
  },
})
