import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from 'react-router'
import { client } from '../../app/client.ts'
import { signedOut } from '../../app/signed-in.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import rows from '../../parts/rows.module.css'
import { Trouble } from '../../parts/trouble.tsx'

export function Leave() {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const leaving = useMutation({
    mutationFn: (everywhere: boolean): Promise<unknown> => client.call(everywhere ? 'revokeAllSessions' : 'logOut'),
    onSuccess: () => {
      signedOut(queries)
      void navigate('/console/welcome')
    },
  })
  return (
    <Card title="Sign out">
      <p>Ends the session of this browser, or every session you have.</p>
      {leaving.isError ? <Trouble error={leaving.error} /> : null}
      <div className={rows.acts}>
        <Button look="second" busy={leaving.isPending && !leaving.variables} isDisabled={leaving.isPending} onPress={() => leaving.mutate(false)}>
          Sign out
        </Button>
        <Button look="second" busy={leaving.isPending && leaving.variables} isDisabled={leaving.isPending} onPress={() => leaving.mutate(true)}>
          Sign out everywhere
        </Button>
      </div>
    </Card>
  )
}
