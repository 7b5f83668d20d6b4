import { useQuery } from '@tanstack/react-query'
import { meQuery } from '../../app/queries.ts'
import { EngagementFrame } from './frame.tsx'
import { Invitations } from './invitations.tsx'
import { Members } from './members.tsx'

export function Page() {
  const { data: me } = useQuery(meQuery)
  return (
    <EngagementFrame>
      {({ id, state, visibility }, isOperator) => (
        <>
          <Members engagement={id} me={me?.id ?? ''} isOperator={isOperator} isChosen={visibility !== 'automatic' && visibility !== 'personal'} />
          {isOperator && state !== 'archived' ? <Invitations engagement={id} /> : null}
        </>
      )}
    </EngagementFrame>
  )
}
