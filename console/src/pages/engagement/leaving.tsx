import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from 'react-router'
import { client } from '../../app/client.ts'
import { Sure } from '../../parts/sure.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { engagementsQuery } from '../engagements/queries.ts'
import { type Member, membersQuery } from './queries.ts'

interface Props {
  readonly engagement: string
  readonly member: Member
  readonly isMe: boolean
}

/** Ends a membership. Who left has nothing more to see there. */
export function Leaving({ engagement, member: { id: member, name }, isMe }: Props) {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const leaving = useMutation({
    mutationFn: () => client.call('removeMember', { params: { engagement, member } }),
    onSuccess: async () => {
      if (!isMe) return queries.invalidateQueries(membersQuery(engagement))
      await queries.invalidateQueries(engagementsQuery)
      await navigate('/console/engagements')
    },
  })
  return (
    <>
      {isMe ? (
        <Sure
          act="Leave"
          to="this engagement"
          means="You see nothing of it any more, until you are invited again."
          busy={leaving.isPending}
          onSure={leaving.mutate}
        />
      ) : (
        <Sure
          act="Remove"
          to={name ?? 'this member'}
          means={`${name ?? 'This member'} sees nothing of it any more; what they wrote stays.`}
          busy={leaving.isPending}
          onSure={leaving.mutate}
        />
      )}
      {leaving.isError ? <Trouble error={leaving.error} /> : null}
    </>
  )
}
