import { passkeys } from '@loomworks/client/browser'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { proven } from '../../app/prove.ts'
import { Answered } from '../../parts/answered.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import rows from '../../parts/rows.module.css'
import { Trouble } from '../../parts/trouble.tsx'
import { Passkey } from './passkey.tsx'
import { credentialsQuery } from './queries.ts'

export function Passkeys() {
  const credentials = useQuery(credentialsQuery)
  const queries = useQueryClient()
  const adding = useMutation({ mutationFn: addPasskey, onSettled: () => queries.invalidateQueries(credentialsQuery) })
  return (
    <Card title="Passkeys">
      <Answered result={credentials}>
        {({ passkeys: kept }) => (
          <>
            <ul className={rows.rows} aria-label="Passkeys">
              {kept.map((passkey) => (
                <Passkey key={passkey.id} passkey={passkey} isOnly={kept.length === 1} />
              ))}
            </ul>
            {kept.length === 1 ? (
              <p className={rows.soft}>Your only one cannot be removed. A second one, on another device, keeps you from being locked out.</p>
            ) : null}
          </>
        )}
      </Answered>
      {adding.isError ? <Trouble error={adding.error} says={saysOf(adding.error)} /> : null}
      <div>
        <Button look="second" busy={adding.isPending} onPress={() => adding.mutate()}>
          Add a passkey
        </Button>
      </div>
    </Card>
  )
}

async function addPasskey() {
  const { challenge_id, options } = await proven(() => client.call('beginAddPasskey', { body: {} }))
  return client.call('finishAddPasskey', { body: { challenge_id, credential: await passkeys.register(options) } })
}

function saysOf(error: unknown) {
  if (error instanceof Error && (error.name === 'NotAllowedError' || error.name === 'InvalidStateError'))
    return {
      title: 'No passkey was added.',
      detail: 'This device has one of yours already, did not answer, or you said no. Try again, or with another device.',
    }
  return undefined
}
