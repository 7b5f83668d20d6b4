import type { Item } from '@loomworks/client'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { Answered } from '../../parts/answered.tsx'
import listing from '../../parts/listing.module.css'
import { More } from '../../parts/more.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { OperationsPlaces } from '../../parts/places.tsx'
import { Time } from '../../parts/time.tsx'
import { lettersQuery } from './queries.ts'

export function Page() {
  const letters = useInfiniteQuery(lettersQuery)
  return (
    <PageFrame title="Dead letters" lead="Messages that could not be handled, the oldest first. Each stays where it is, whatever is decided.">
      <OperationsPlaces />
      <Answered result={letters}>{({ pages }) => <List items={pages.flatMap(({ items }) => items)} />}</Answered>
      <More list={letters} />
    </PageFrame>
  )
}

function List({ items }: { readonly items: readonly Item<'listDeadLetters'>[] }) {
  if (items.length === 0) return <p>Nothing lies here. A message that a service gives up on will.</p>
  return (
    <ol className={listing.rows} aria-label="Dead letters">
      {items.map(({ id, service, reason, error, deliveries, at, origin, decisions }) => (
        <li key={id} className={listing.row}>
          <p className={listing.name}>
            <Link to={`/console/operations/dead-letters/${id}`}>
              {id}, given up by {service}
            </Link>
          </p>
          <p>{decisions.at(-1)?.decision ?? 'undecided'}</p>
          <p className={listing.soft}>
            {reason} after {deliveries === 1 ? 'one delivery' : `${deliveries} deliveries`}, <Time at={at} />: <code>{origin.subject}</code>
          </p>
          <p className={listing.soft}>{error}</p>
        </li>
      ))}
    </ol>
  )
}
