import type { Operations } from '@loomworks/client'
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { behind, paged } from '../../app/queries.ts'

type Listing = NonNullable<Operations['listSagas']['input']['query']>

/** The questions an operator asks again and again. */
export const SAVED = {
  open: { name: 'Open', query: { open: 'true' }, empty: 'No saga is under way. One that is will stand here until it has ended.' },
  retrying: { name: 'Retrying', query: { retrying: 'true' }, empty: 'No step had to be sent twice.' },
  stalled: { name: 'Stalled', query: { stalled: 'true' }, empty: 'Nothing waits for an operator.' },
  undone: { name: 'Undone', query: { state: 'aborted' }, empty: 'No saga was undone.' },
  oldest: { name: 'Oldest', query: { open: 'true', sort: 'duration' }, empty: 'No saga is under way.' },
  slowest: { name: 'Slowest', query: { sort: 'duration' }, empty: 'No saga has begun yet.' },
  all: { name: 'All', query: {}, empty: 'No saga has begun yet. A signup is the first of them.' },
} as const satisfies Readonly<Record<string, { readonly name: string; readonly query: Listing; readonly empty: string }>>
export type Saved = keyof typeof SAVED

export function savedIn(text: string | null): Saved {
  return Object.keys(SAVED).find((each): each is Saved => each === text) ?? 'open'
}

export const DEFINITIONS = ['signup', 'claim', 'erasure', 'adopt'] as const
type Definition = (typeof DEFINITIONS)[number]

export function definitionIn(text: string | null): Definition | undefined {
  return DEFINITIONS.find((each) => each === text)
}

const SOON_MS = 5000

/** A page at a time; looked at anew while it is open. */
export const sagasQuery = (saved: Saved, definition: Definition | undefined) =>
  infiniteQueryOptions({
    ...paged,
    queryKey: ['sagas', saved, definition],
    queryFn: ({ pageParam, signal }) =>
      client.call('listSagas', { query: { ...SAVED[saved].query, ...(definition !== undefined && { definition }), ...behind(pageParam) } }, { signal }),
    refetchInterval: SOON_MS,
  })

export const figuresQuery = queryOptions({
  queryKey: ['sagas', 'figures'],
  queryFn: ({ signal }) => client.call('sagaStats', {}, { signal }),
  refetchInterval: SOON_MS,
})
