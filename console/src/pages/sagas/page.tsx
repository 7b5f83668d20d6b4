import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'react-router'
import { Answered } from '../../parts/answered.tsx'
import { Choice } from '../../parts/choice.tsx'
import { More } from '../../parts/more.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { OperationsPlaces } from '../../parts/places.tsx'
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
      <Answered result={sagas}>
        {({ pages }) => {
          const items = pages.flatMap((page) => page.items)
          return items.length === 0 ? <p>{emptyOf(saved, definition)}</p> : <Rows items={items} label={`${SAVED[saved].name} sagas`} />
        }}
      </Answered>
      <More list={sagas} />
    </PageFrame>
  )
}

function addressOf(saved: string, definition: string | undefined): string {
  return `?show=${saved}${definition === undefined ? '' : `&definition=${definition}`}`
}

function emptyOf(saved: Saved, definition: string | undefined): string {
  return definition === undefined ? SAVED[saved].empty : `None of them is of the definition ${definition}.`
}
