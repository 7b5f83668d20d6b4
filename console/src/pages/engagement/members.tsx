import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { membersQuery } from './queries.ts'

interface Props {
  readonly engagement: string
  readonly me: string
  readonly isOperator: boolean
}

export function Members({ engagement, me, isOperator }: Props) {
  const members = useQuery(membersQuery(engagement))
  const queries = useQueryClient()
  const removing = useMutation({
    mutationFn: (member: string) => client.call('removeMember', { params: { engagement, member } }),
    onSettled: () => queries.invalidateQueries(membersQuery(engagement)),
  })
  if (members.isPending) return <Waiting />
  if (members.isError) return <Trouble error={members.error} onRetry={() => void members.refetch()} />
  return (
    <Card title="Members">
      <ul className={rows.rows}>
        {members.data.items.map(({ id, principal, name, designations, commit_authority, since }) => {
          const isMe = principal.id === me
          return (
            <li key={id} className={rows.row}>
              <div>
                <p className={rows.name}>
                  {name ?? 'Somebody'} {isMe ? '(you)' : ''} {principal.kind === 'agent' ? '· agent' : ''}
                </p>
                <p className={rows.soft}>
                  {designations.join(', ')}
                  {commit_authority ? ', may commit' : ''}, since <Time at={since} />
                </p>
              </div>
              {isMe || isOperator ? (
                <Button
                  look={isMe ? 'second' : 'danger'}
                  busy={removing.isPending && removing.variables === id}
                  onPress={() => removing.mutate(id)}
                  aria-label={isMe ? 'Leave this engagement' : `Remove ${name ?? 'this member'}`}
                >
                  {isMe ? 'Leave' : 'Remove'}
                </Button>
              ) : null}
            </li>
          )
        })}
      </ul>
      {removing.isError ? <Trouble error={removing.error} /> : null}
    </Card>
  )
}
