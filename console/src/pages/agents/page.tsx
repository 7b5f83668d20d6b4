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
      {({ id, state }, isOperator) => (isOperator ? <Agents engagement={id} isOpen={state !== 'archived'} /> : <p>Its operators look after its agents.</p>)}
    </EngagementFrame>
  )
}

function Agents({ engagement, isOpen }: { readonly engagement: string; readonly isOpen: boolean }) {
  const { data: me } = useQuery(meQuery)
  const agents = useInfiniteQuery(agentsQuery(engagement))
  const members = useInfiniteQuery(membersQuery(engagement))
  const names = new Map(members.data?.pages.flatMap(({ items }) => items.map(({ principal, name }) => [principal.id, name ?? 'somebody'] as const)))
  return (
    <Answered result={agents}>
      {({ pages }) => {
        const items = pages.flatMap((page) => page.items)
        return (
          <>
            {items.length === 0 ? <p>An agent is a program of yours or of others that works here under a token. Create the first one below.</p> : null}
            {items.map((agent) => (
              <Agent key={agent.id} agent={agent} isMine={agent.sponsor === me?.id} sponsor={agent.sponsor === null ? undefined : names.get(agent.sponsor)} />
            ))}
            <More list={agents} />
            {isOpen ? <Creating engagement={engagement} /> : null}
          </>
        )
      }}
    </Answered>
  )
}
