import { queryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'

export const creditQuery = queryOptions({ queryKey: ['credit'], queryFn: ({ signal }) => client.call('myCredit', {}, { signal }) })
