import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { meQuery } from '../../app/queries.ts'
import { Answered } from '../../parts/answered.tsx'
import { More } from '../../parts/more.tsx'
import { EngagementFrame } from '../engagement/frame.tsx'
import { membersQuery } from '../engagement/queries.ts'
import { Agent } from './agent.tsx'
import { Creating } from './creating.tsx'
import { agentsQuery } from './queries.ts'

/** Programs that take part in an engagement under a token, each with an operator who answers for it. */
export function Page() {
  return (
    <EngagementFrame>
      {({ id, state }, isOperator) =>
        isOperator ? (
          <>
            <Agents engagement={id} />
            {state === 'archived' ? null : <Creating engagement={id} />}
          </>
        ) : (
          <p>Its operators look after its agents.</p>
        )
      }
    </EngagementFrame>
  )
}

function Agents({ engagement }: { readonly engagement: string }) {
  const { data: me } = useQuery(meQuery)
  const agents = useInfiniteQuery(agentsQuery(engagement))
  const members = useInfiniteQuery(membersQuery(engagement))
  const names = new Map(members.data?.pages.flatMap(({ items }) => items.map(({ principal, name }) => [principal.id, name ?? 'somebody'] as const)))
  return (
    <>
      <Answered result={agents}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items)
          if (items.length === 0) return <p>An agent is a program of yours or of others that works here under a token. Create the first one below.</p>
          return items.map((agent) => (
            <Agent key={agent.id} agent={agent} isMine={agent.sponsor === me?.id} sponsor={agent.sponsor === null ? undefined : names.get(agent.sponsor)} />
          ))
        }}
      </Answered>
      <More list={agents} />
    </>
  )
}
