import { type Item, isRefused } from '@loomworks/client'
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { behind, paged } from '../../app/queries.ts'

export const engagementQuery = (engagement: string) =>
  queryOptions({ queryKey: ['engagement', engagement], queryFn: ({ signal }) => client.call('showEngagement', { params: { engagement } }, { signal }) })

export type Member = Item<'listMembers'>

/** Who belongs to an engagement is known a moment after it was opened. */
export const soon = { retry: (count: number, error: unknown) => count < 30 && isRefused(error, 'not_found'), retryDelay: 300 } as const

export const membersQuery = (engagement: string) =>
  infiniteQueryOptions({
    ...paged,
    ...soon,
    queryKey: ['members', engagement],
    queryFn: ({ pageParam, signal }) => client.call('listMembers', { params: { engagement }, query: behind(pageParam) }, { signal }),
  })

export const invitationsQuery = (engagement: string) =>
  infiniteQueryOptions({
    ...paged,
    ...soon,
    queryKey: ['invitations', engagement],
    queryFn: ({ pageParam, signal }) => client.call('listInvitations', { params: { engagement }, query: behind(pageParam) }, { signal }),
  })
