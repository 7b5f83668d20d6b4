import { isRefused } from '@loomworks/client'
import { queryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'

export const engagementQuery = (engagement: string) =>
  queryOptions({ queryKey: ['engagement', engagement], queryFn: ({ signal }) => client.call('showEngagement', { params: { engagement } }, { signal }) })
/** Who belongs to an engagement is known a moment after it was opened. */
const soon = { retry: (count: number, error: unknown) => count < 30 && isRefused(error, 'not_found'), retryDelay: 300 } as const

export const membersQuery = (engagement: string) =>
  queryOptions({ ...soon, queryKey: ['members', engagement], queryFn: ({ signal }) => client.call('listMembers', { params: { engagement } }, { signal }) })
export const invitationsQuery = (engagement: string) =>
  queryOptions({
    ...soon,
    queryKey: ['invitations', engagement],
    queryFn: ({ signal }) => client.call('listInvitations', { params: { engagement } }, { signal }),
  })
