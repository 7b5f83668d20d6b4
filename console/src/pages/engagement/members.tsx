import type { Reply } from '@loomworks/client'
import type { InfiniteData } from '@tanstack/react-query'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Actor } from '../../parts/actor.tsx'
import { Answered } from '../../parts/answered.tsx'
import { Card } from '../../parts/card.tsx'
import { More } from '../../parts/more.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { designated } from '../engagements/words.ts'
import { Changing } from './changing.tsx'
import { Leaving } from './leaving.tsx'
import { type Member, membersQuery } from './queries.ts'

interface Props {
  readonly engagement: string
  readonly me: string
  readonly isOperator: boolean
  /** Its members choose to be in it; who belongs to the commons is decided by the deployment. */
  readonly isChosen: boolean
}

export function Members(props: Props) {
  const members = useInfiniteQuery(membersQuery(props.engagement))
  return (
    <Card title="Members">
      <Answered result={members}>{({ pages }) => <List {...props} pages={pages} />}</Answered>
      <More list={members} />
      {props.isChosen ? null : <p className={rows.soft}>Who belongs here is decided by the deployment; of its members you see yourself.</p>}
    </Card>
  )
}

function List({ pages, ...props }: Props & Pick<InfiniteData<Reply<'listMembers'>>, 'pages'>) {
  return (
    <ul className={rows.rows} aria-label="Members">
      {pages
        .flatMap(({ items }) => items)
        .map((member) => (
          <Row key={member.id} {...props} member={member} />
        ))}
    </ul>
  )
}

function Row({ member, engagement, me, isOperator, isChosen }: Props & { readonly member: Member }) {
  const { principal, name, designations, commit_authority, since } = member
  const isMe = principal.id === me
  const isAgent = principal.kind === 'agent'
  return (
    <li className={rows.row}>
      <div>
        <p className={rows.name}>
          {name ?? 'Somebody'} {isMe ? '(you)' : ''} {isAgent ? <Actor kind="agent" /> : null}
        </p>
        <p className={rows.soft}>
          {designated(designations)}
          {commit_authority ? ', may commit' : ''}, since <Time at={since} />
        </p>
      </div>
      {isChosen && !isAgent && isOperator ? <Changing engagement={engagement} member={member} isMe={isMe} /> : null}
      {isChosen && !isAgent && isMe && !isOperator ? <Leaving engagement={engagement} member={member} isMe /> : null}
    </li>
  )
}
