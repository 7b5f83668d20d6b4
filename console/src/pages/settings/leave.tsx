import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from 'react-router'
import { client } from '../../app/client.ts'
import { signedOut } from '../../app/signed-in.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { Trouble } from '../../parts/trouble.tsx'

export function Leave() {
  const navigate = useNavigate()
  const queries = useQueryClient()
  const leaving = useMutation({
    mutationFn: () => client.call('logOut'),
    onSuccess: () => {
      signedOut(queries)
      void navigate('/console/welcome')
    },
  })
  return (
    <Card title="Sign out">
      <p>Ends the session of this browser.</p>
      {leaving.isError ? <Trouble error={leaving.error} /> : null}
      <div>
        <Button look="second" busy={leaving.isPending} onPress={() => leaving.mutate()}>
          Sign out
        </Button>
      </div>
    </Card>
  )
}
