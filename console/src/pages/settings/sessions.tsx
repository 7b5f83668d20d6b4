import type { Item } from '@loomworks/client'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { Answered } from '../../parts/answered.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { More } from '../../parts/more.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { sessionsQuery } from './queries.ts'

const METHODS: Readonly<Record<string, string>> = { passkey: 'passkey', totp: 'authenticator app', recovery_code: 'recovery code' }

export function Sessions() {
  const sessions = useInfiniteQuery(sessionsQuery)
  return (
    <Card title="Where you are signed in">
      <Answered result={sessions}>{({ pages }) => <List items={pages.flatMap(({ items }) => items)} />}</Answered>
      <More list={sessions} />
    </Card>
  )
}

function List({ items }: { readonly items: readonly Item<'listSessions'>[] }) {
  const queries = useQueryClient()
  const again = () => queries.invalidateQueries(sessionsQuery)
  const ending = useMutation({ mutationFn: (id: string) => client.call('revokeSession', { params: { id } }), onSettled: again })
  const endingOthers = useMutation({ mutationFn: () => client.call('revokeOtherSessions'), onSettled: again })
  const error = ending.error ?? endingOthers.error
  return (
    <>
      <ul className={rows.rows} aria-label="Sessions">
        {items.map(({ id, current, device, ip_prefix, method, last_seen_at, expires_at }) => (
          <li key={id} className={rows.row}>
            <div>
              <p className={rows.name}>{current ? 'This browser' : deviceOf(device)}</p>
              <p className={rows.soft}>
                by {METHODS[method]}, from {ip_prefix}, seen <Time at={last_seen_at} />, ends <Time at={expires_at} />
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
      {items.length > 1 ? (
        <div>
          <Button look="second" busy={endingOthers.isPending} onPress={() => endingOthers.mutate()}>
            End all others
          </Button>
        </div>
      ) : null}
    </>
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
