import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate, useSearchParams } from 'react-router'
import { client } from '../../app/client.ts'
import { Button } from '../../parts/button.tsx'
import { PageFrame } from '../../parts/page.tsx'
import rows from '../../parts/rows.module.css'
import { Trouble } from '../../parts/trouble.tsx'
import { engagementsQuery } from '../engagements/queries.ts'

/** Yes or no to an invitation; whoever has the link and is signed in. */
export function Page() {
  const [query] = useSearchParams()
  const token = query.get('token') ?? ''
  const navigate = useNavigate()
  const queries = useQueryClient()
  const accepting = useMutation({
    mutationFn: () => client.call('acceptInvitation', { body: { token } }),
    onSuccess: async ({ engagement }) => {
      await queries.invalidateQueries(engagementsQuery)
      void navigate(`/console/engagements/${engagement}`)
    },
  })
  const declining = useMutation({ mutationFn: () => client.call('declineInvitation', { body: { token } }) })
  const error = accepting.error ?? declining.error
  if (token === '')
    return (
      <PageFrame title="You are invited">
        <p>This address holds no invitation. Open the whole link that you were sent, or ask for another one.</p>
      </PageFrame>
    )
  return (
    <PageFrame title="You are invited" lead="Somebody wants to share an engagement with you: its memory, and what comes of it.">
      {declining.isSuccess ? (
        <p role="status">
          You said no, and nothing was shared. <Link to="/console/">Go home</Link>
        </p>
      ) : (
        <div className={rows.acts}>
          <Button busy={accepting.isPending} isDisabled={declining.isPending} onPress={() => accepting.mutate()}>
            Join
          </Button>
          <Button look="second" busy={declining.isPending} isDisabled={accepting.isPending} onPress={() => declining.mutate()}>
            Decline
          </Button>
        </div>
      )}
      {error === null ? null : <Trouble error={error} />}
    </PageFrame>
  )
}
