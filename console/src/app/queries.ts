import { isRefused } from '@loomworks/client'
import { MutationCache, QueryCache, QueryClient, queryOptions } from '@tanstack/react-query'
import { client } from './client.ts'
import { mayBeSignedIn } from './signed-in.ts'

const ME = ['me'] as const

/** Does it say that nobody is logged in, or nobody any more? */
export function isSessionOver(error: unknown): boolean {
  return isRefused(error, 'unauthenticated', 'session_expired', 'token_refused')
}

/** Whoever is told so has it looked up whether they are still here; that look itself has not. */
export function onSessionOver(error: unknown, queryKey: readonly unknown[] = []): void {
  if (isSessionOver(error) && queryKey[0] !== ME[0]) void queryClient.invalidateQueries({ queryKey: ME }, { cancelRefetch: false })
}

/** What is not going to be another answer the next time is not asked again. */
export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: (error, { queryKey }) => onSessionOver(error, queryKey) }),
  mutationCache: new MutationCache({ onError: (error) => onSessionOver(error) }),
  defaultOptions: {
    queries: { retry: (count, error) => count < 2 && !isRefused(error), staleTime: 5000 },
    mutations: { retry: false },
  },
})

/** Who is logged in; null where nobody is. Whose session ended while they were here is still told, and beside it the error that says so. */
export const meQuery = queryOptions({
  queryKey: ME,
  queryFn: async ({ signal }) => {
    if (!mayBeSignedIn()) return null
    try {
      return await client.call('showMe', {}, { signal })
    } catch (error) {
      const wasHere = Boolean(queryClient.getQueryData(ME))
      if (isSessionOver(error) && !wasHere) return null
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
