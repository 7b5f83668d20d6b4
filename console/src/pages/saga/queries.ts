import type { Operations } from '@loomworks/client'
import { queryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'

export const sagaQuery = (id: string) =>
  queryOptions({ queryKey: ['saga', id], queryFn: ({ signal }) => client.call('showSaga', { params: { id } }, { signal }) })

export const timelineQuery = (id: string) =>
  queryOptions({ queryKey: ['saga', id, 'timeline'], queryFn: ({ signal }) => client.call('sagaTimeline', { params: { id } }, { signal }) })

/** How it stood after one of its events, and what that event changed. Neither is ever another. */
export const momentQuery = (id: string, at: number) =>
  queryOptions({
    queryKey: ['saga-moment', id, at],
    queryFn: async ({ signal }) => {
      const [moment, { differences }] = await Promise.all([
        client.call('sagaState', { params: { id }, query: { at } }, { signal }),
        at === 0 ? { differences: [] } : client.call('sagaDiff', { params: { id }, query: { a: at - 1, b: at } }, { signal }),
      ])
      return { ...moment, differences }
    },
    staleTime: Number.POSITIVE_INFINITY,
  })

export type Comparison = NonNullable<Operations['sagaDiff']['input']['query']>

export const comparisonQuery = (id: string, comparison: Comparison) =>
  queryOptions({
    queryKey: ['saga', id, 'compared', comparison],
    queryFn: ({ signal }) => client.call('sagaDiff', { params: { id }, query: comparison }, { signal }),
  })
