import { queryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'

const SHOWN = 5

export const needsYouQuery = queryOptions({
  queryKey: ['dashboard', 'needs_you'],
  queryFn: ({ signal }) => client.call('needsYouDashboard', { query: { limit: SHOWN } }, { signal }),
})
export const recentQuery = queryOptions({
  queryKey: ['dashboard', 'recent'],
  queryFn: ({ signal }) => client.call('recentDashboard', { query: { limit: SHOWN } }, { signal }),
})
export const activeQuery = queryOptions({
  queryKey: ['dashboard', 'active'],
  queryFn: ({ signal }) => client.call('activeDashboard', { query: { limit: SHOWN } }, { signal }),
})
