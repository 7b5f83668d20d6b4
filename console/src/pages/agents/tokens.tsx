import type { Item } from '@loomworks/client'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { client } from '../../app/client.ts'
import { Answered } from '../../parts/answered.tsx'
import { More } from '../../parts/more.tsx'
import rows from '../../parts/rows.module.css'
import { Sure } from '../../parts/sure.tsx'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Issuing } from './issuing.tsx'
import { tokensQuery } from './queries.ts'
import { scopeWords } from './words.ts'

/** The tokens of an agent that still open something. */
export function Tokens({ agent, name }: { readonly agent: string; readonly name: string }) {
  const tokens = useInfiniteQuery(tokensQuery(agent))
  return (
    <>
      <Answered result={tokens}>{({ pages }) => <Live agent={agent} name={name} live={pages.flatMap(({ items }) => items).filter(isLive)} />}</Answered>
      <More list={tokens} />
      <Issuing agent={agent} name={name} />
    </>
  )
}

type Token = Item<'listAgentTokens'>

function isLive({ revoked_at, expires_at }: Token): boolean {
  return revoked_at === null && Date.parse(expires_at) > Date.now()
}

function Live({ agent, name, live }: { readonly agent: string; readonly name: string; readonly live: readonly Token[] }) {
  const queries = useQueryClient()
  const revoking = useMutation({
    mutationFn: (token: string) => client.call('revokeAgentToken', { params: { agent, token } }),
    onSettled: () => queries.invalidateQueries(tokensQuery(agent)),
  })
  if (live.length === 0) return <p className={rows.soft}>It has no token, so it cannot get in.</p>
  return (
    <>
      <ul className={rows.rows} aria-label={`Tokens of ${name}`}>
        {live.map(({ id, prefix, scopes, expires_at, last_used_at }) => (
          <li key={id} className={rows.row}>
            <div>
              <p className={rows.name}>
                <code>{prefix}…</code>
              </p>
              <p className={rows.soft}>
                {scopeWords(scopes)}; ends <Time at={expires_at} />, {last_used_at === null ? 'never used' : 'used '}
                {last_used_at === null ? null : <Time at={last_used_at} />}
              </p>
            </div>
            <Sure
              act="Revoke"
              to={prefix}
              means="What uses this token is outside at once."
              busy={revoking.isPending && revoking.variables === id}
              onSure={() => revoking.mutate(id)}
            />
          </li>
        ))}
      </ul>
      {revoking.isError ? <Trouble error={revoking.error} /> : null}
    </>
  )
}
