import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { Button } from '../../parts/button.tsx'
import listing from '../../parts/listing.module.css'
import { OperationsPlaces } from '../../parts/operations-places.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { lettersQuery } from './queries.ts'

export function Page() {
  const letters = useInfiniteQuery(lettersQuery)
  const items = letters.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <PageFrame title="Dead letters" lead="Messages that could not be handled, the oldest first. Each stays where it is, whatever is decided.">
      <OperationsPlaces />
      {letters.isPending ? <Waiting /> : null}
      {letters.isError ? <Trouble error={letters.error} onRetry={() => void letters.refetch()} /> : null}
      {letters.isSuccess && items.length === 0 ? <p>Nothing lies here. A message that a service gives up on will.</p> : null}
      {items.length > 0 ? (
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
      ) : null}
      {letters.hasNextPage ? (
        <div>
          <Button look="second" busy={letters.isFetchingNextPage} onPress={() => void letters.fetchNextPage()}>
            Show more
          </Button>
        </div>
      ) : null}
    </PageFrame>
  )
}
