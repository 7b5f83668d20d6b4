import { isRefused } from '@loomworks/client'
import { QueryClient, queryOptions } from '@tanstack/react-query'
import { client } from './client.ts'
import { mayBeSignedIn } from './signed-in.ts'

/** What is not going to be another answer the next time is not asked again. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { retry: (count, error) => count < 2 && !isRefused(error), staleTime: 5000 },
    mutations: { retry: false },
  },
})

/** Who is logged in; null where nobody is. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: async ({ signal }) => {
    if (!mayBeSignedIn()) return null
    try {
      return await client.call('showMe', {}, { signal })
    } catch (error) {
      if (isRefused(error, 'unauthenticated', 'session_expired', 'token_refused')) return null
      throw error
    }
  },
})
