import { useQuery } from '@tanstack/react-query'
import { useParams } from 'react-router'
import { meQuery } from '../../app/queries.ts'
import { PageFrame } from '../../parts/page.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { Invitations } from './invitations.tsx'
import { Members } from './members.tsx'
import { engagementQuery } from './queries.ts'

export function Page() {
  const { engagement = '' } = useParams()
  const { data: me } = useQuery(meQuery)
  const shown = useQuery(engagementQuery(engagement))
  if (shown.isPending) return <Waiting />
  if (shown.isError) return <Trouble error={shown.error} onRetry={() => void shown.refetch()} />
  const { id, title, display_identifier, state, my } = shown.data
  const isOperator = my.designations.includes('operator')
  return (
    <PageFrame title={title ?? 'Untitled engagement'} lead={`${display_identifier ?? ''} · ${state} · you are ${my.designations.join(', ')}`}>
      <Members engagement={id} me={me?.id ?? ''} isOperator={isOperator} />
      {isOperator && state !== 'archived' ? <Invitations engagement={id} /> : null}
    </PageFrame>
  )
}
