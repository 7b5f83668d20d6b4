import { passkeys } from '@loomworks/client/browser'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { proven } from '../../app/prove.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { credentialsQuery, sessionsQuery } from './queries.ts'

export function Passkeys() {
  const credentials = useQuery(credentialsQuery)
  const queries = useQueryClient()
  const again = () => Promise.all([queries.invalidateQueries(credentialsQuery), queries.invalidateQueries(sessionsQuery)])
  const adding = useMutation({ mutationFn: addPasskey, onSettled: again })
  const removing = useMutation({ mutationFn: (id: string) => proven(() => client.call('removePasskey', { params: { id } })), onSettled: again })
  if (credentials.isPending) return <Waiting />
  if (credentials.isError) return <Trouble error={credentials.error} onRetry={() => void credentials.refetch()} />
  const { passkeys: kept } = credentials.data
  const error = adding.error ?? removing.error
  return (
    <Card title="Passkeys">
      <ul className={rows.rows}>
        {kept.map(({ id, display_name, state, backed_up, created_at, last_used_at }) => (
          <li key={id} className={rows.row}>
            <div>
              <p className={rows.name}>{display_name}</p>
              <p className={rows.soft}>
                {state === 'suspect' ? 'Set aside: it may have been copied. ' : ''}
                {backed_up ? 'Kept in your password manager' : 'Kept on one device'}, made <Time at={created_at} />
                {last_used_at === null ? '' : ', used '}
                {last_used_at === null ? null : <Time at={last_used_at} />}
              </p>
            </div>
            {kept.length > 1 ? (
              <Button
                look="danger"
                busy={removing.isPending && removing.variables === id}
                onPress={() => removing.mutate(id)}
                aria-label={`Remove ${display_name}`}
              >
                Remove
              </Button>
            ) : null}
          </li>
        ))}
      </ul>
      {kept.length === 1 ? (
        <p className={rows.soft}>Your only one cannot be removed. A second one, on another device, keeps you from being locked out.</p>
      ) : null}
      {error === null ? null : <Trouble error={error} />}
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
