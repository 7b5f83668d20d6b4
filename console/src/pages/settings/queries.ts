import { queryOptions } from '@tanstack/react-query'
import { client } from '../../app/client.ts'

export const sessionsQuery = queryOptions({ queryKey: ['sessions'], queryFn: ({ signal }) => client.call('listSessions', {}, { signal }) })
export const credentialsQuery = queryOptions({ queryKey: ['credentials'], queryFn: ({ signal }) => client.call('listCredentials', {}, { signal }) })
export const secretsQuery = queryOptions({ queryKey: ['secrets'], queryFn: ({ signal }) => client.call('listMySecrets', {}, { signal }) })
