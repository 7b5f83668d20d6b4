import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { client } from '../../app/client.ts'
import { proven } from '../../app/prove.ts'
import { Button } from '../../parts/button.tsx'
import rows from '../../parts/rows.module.css'
import { Tick } from '../../parts/tick.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { DESIGNATIONS, type Designation } from '../engagements/words.ts'
import { Leaving } from './leaving.tsx'
import styles from './page.module.css'
import { type Member, membersQuery } from './queries.ts'

interface Props {
  readonly engagement: string
  readonly member: Member
  readonly isMe: boolean
}

type Change = { readonly designation: Designation; readonly has: boolean } | { readonly mayCommit: boolean }

/** What an operator makes of a member: each tick counts at once. */
export function Changing({ engagement, member, isMe }: Props) {
  const [isOpen, setOpen] = useState(false)
  const queries = useQueryClient()
  const params = { engagement, member: member.id }
  const changing = useMutation({
    mutationFn: async (change: Change): Promise<unknown> => {
      if ('mayCommit' in change) return proven(() => client.call('setCommitAuthority', { params, body: { value: change.mayCommit } }))
      const operation = change.has ? 'designateMember' : 'undesignateMember'
      return proven(() => client.call(operation, { params: { ...params, designation: change.designation } }))
    },
    onSettled: () => Promise.all([queries.invalidateQueries(membersQuery(engagement)), isMe && queries.invalidateQueries({ queryKey: ['engagement'] })]),
  })
  const name = isMe ? 'your part' : (member.name ?? 'this member')
  const isCommitting = member.designations.includes('operator')
  return (
    <>
      <Button look="second" onPress={() => setOpen(!isOpen)} aria-expanded={isOpen} aria-label={`Change ${name}`}>
        Change
      </Button>
      {isOpen ? (
        <fieldset className={styles.changing} disabled={changing.isPending}>
          <legend>What {isMe ? 'you are' : `${name} is`} here</legend>
          {DESIGNATIONS.map(([designation, word, means]) => (
            <Tick
              key={designation}
              isDisabled={changing.isPending}
              isSelected={member.designations.includes(designation)}
              onChange={(has) => changing.mutate({ designation, has })}
            >
              <span>
                {word} <span className={rows.soft}>{means}</span>
              </span>
            </Tick>
          ))}
          <Tick isDisabled={changing.isPending || isCommitting} isSelected={member.commit_authority} onChange={(mayCommit) => changing.mutate({ mayCommit })}>
            <span>
              May commit <span className={rows.soft}>{isCommitting ? 'as every operator does' : 'makes drafts part of what is held true'}</span>
            </span>
          </Tick>
          {changing.isError ? <Trouble error={changing.error} /> : null}
          <Leaving engagement={engagement} member={member} isMe={isMe} />
        </fieldset>
      ) : null}
    </>
  )
}
