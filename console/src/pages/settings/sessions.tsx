import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { sessionsQuery } from './queries.ts'

const METHODS: Readonly<Record<string, string>> = { passkey: 'passkey', totp: 'authenticator app', recovery_code: 'recovery code' }

export function Sessions() {
  const sessions = useQuery(sessionsQuery)
  const queries = useQueryClient()
  const again = () => queries.invalidateQueries(sessionsQuery)
  const ending = useMutation({ mutationFn: (id: string) => client.call('revokeSession', { params: { id } }), onSettled: again })
  const endingOthers = useMutation({ mutationFn: () => client.call('revokeOtherSessions'), onSettled: again })
  if (sessions.isPending) return <Waiting />
  if (sessions.isError) return <Trouble error={sessions.error} onRetry={() => void sessions.refetch()} />
  const error = ending.error ?? endingOthers.error
  return (
    <Card title="Where you are signed in">
      <ul className={rows.rows}>
        {sessions.data.items.map(({ id, current, device, ip_prefix, method, last_seen_at }) => (
          <li key={id} className={rows.row}>
            <div>
              <p className={rows.name}>{current ? 'This browser' : deviceOf(device)}</p>
              <p className={rows.soft}>
                by {METHODS[method]}, from {ip_prefix}, seen <Time at={last_seen_at} />
              </p>
            </div>
            {current ? null : (
              <Button
                look="second"
                busy={ending.isPending && ending.variables === id}
                onPress={() => ending.mutate(id)}
                aria-label={`End the session of ${deviceOf(device)}`}
              >
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
      {error === null ? null : <Trouble error={error} />}
      {sessions.data.items.length > 1 ? (
        <div>
          <Button look="second" busy={endingOthers.isPending} onPress={() => endingOthers.mutate()}>
            End all others
          </Button>
        </div>
      ) : null}
    </Card>
  )
}

const BROWSERS = [
  [/Firefox\//, 'Firefox'],
  [/Edg\//, 'Edge'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
] as const
const SYSTEMS = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Mac OS/, 'macOS'],
  [/Windows/, 'Windows'],
  [/Linux/, 'Linux'],
] as const

/** What a person calls it; what is no browser is named as it names itself. */
function deviceOf(userAgent: string): string {
  const browser = BROWSERS.find(([sign]) => sign.test(userAgent))?.[1]
  const system = SYSTEMS.find(([sign]) => sign.test(userAgent))?.[1]
  if (browser === undefined) return userAgent.slice(0, 60) || 'An unnamed program'
  return system === undefined ? browser : `${browser} on ${system}`
}
