import { queryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'

export const letterQuery = (id: string) =>
  queryOptions({ queryKey: ['dead-letter', id], queryFn: ({ signal }) => client.call('showDeadLetter', { params: { id } }, { signal }) })
