import { isRefused } from '@loomworks/client'
import { QueryCache, QueryClient, queryOptions } from '@tanstack/react-query'
import { client } from './client.ts'
import { mayBeSignedIn } from './signed-in.ts'

const NOBODY = ['unauthenticated', 'session_expired', 'token_refused'] as const

/** What is not going to be another answer the next time is not asked again; whose session ended is nobody from then on. */
export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: (error) => void (isRefused(error, ...NOBODY) && queryClient.setQueryData(meQuery.queryKey, null)) }),
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
      if (isRefused(error, ...NOBODY)) return null
      throw error
    }
  },
})

/** Of a list that is asked for page by page: each from behind the last. */
export const paged = {
  initialPageParam: null as string | null,
  getNextPageParam: (last: { readonly next_cursor: string | null }) => last.next_cursor,
}

/** The part of a list's query that says where its page begins. */
export const behind = (cursor: string | null) => (cursor === null ? {} : { cursor })
