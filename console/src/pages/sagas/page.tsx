import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'react-router'
import { Button } from '../../parts/button.tsx'
import { Choice } from '../../parts/choice.tsx'
import { OperationsPlaces } from '../../parts/operations-places.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { Figures } from './figures.tsx'
import { Find } from './find.tsx'
import styles from './page.module.css'
import { DEFINITIONS, definitionIn, SAVED, type Saved, sagasQuery, savedIn } from './queries.ts'
import { Rows } from './rows.tsx'

export function Page() {
  const [asked, setAsked] = useSearchParams()
  const saved = savedIn(asked.get('show'))
  const definition = definitionIn(asked.get('definition'))
  const sagas = useInfiniteQuery(sagasQuery(saved, definition))
  const items = sagas.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <PageFrame title="Sagas" lead="Work across services that is done whole or not at all.">
      <OperationsPlaces />
      <Figures />
      <Find />
      <div className={styles.filters}>
        <nav aria-label="Which sagas" className={styles.saved}>
          {Object.entries(SAVED).map(([each, { name }]) => (
            <Link
              key={each}
              to={addressOf(each, definition)}
              aria-current={each === saved ? 'true' : undefined}
              className={each === saved ? `${styles.tab} ${styles.here}` : styles.tab}
            >
              {name}
            </Link>
          ))}
        </nav>
        <Choice
          label="Definition"
          value={definition ?? ''}
          options={[['', 'Every one'], ...DEFINITIONS.map((each) => [each, each] as const)]}
          onChange={(chosen) => setAsked({ show: saved, ...(chosen !== '' && { definition: chosen }) })}
        />
      </div>
      {sagas.isPending ? <Waiting /> : null}
      {sagas.isError ? <Trouble error={sagas.error} onRetry={() => void sagas.refetch()} /> : null}
      {sagas.isSuccess && items.length === 0 ? <p>{emptyOf(saved, definition)}</p> : null}
      {items.length > 0 ? <Rows items={items} label={`${SAVED[saved].name} sagas`} /> : null}
      {sagas.hasNextPage ? (
        <div>
          <Button look="second" busy={sagas.isFetchingNextPage} onPress={() => void sagas.fetchNextPage()}>
            Show more
          </Button>
        </div>
      ) : null}
    </PageFrame>
  )
}

function addressOf(saved: string, definition: string | undefined): string {
  return `?show=${saved}${definition === undefined ? '' : `&definition=${definition}`}`
}

function emptyOf(saved: Saved, definition: string | undefined): string {
  return definition === undefined ? SAVED[saved].empty : `None of them is of the definition ${definition}.`
}
