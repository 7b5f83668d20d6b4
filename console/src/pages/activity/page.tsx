import type { Item } from '@loomworks/client'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Answered } from '../../parts/answered.tsx'
import listing from '../../parts/listing.module.css'
import { More } from '../../parts/more.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import styles from './page.module.css'
import { activityQuery } from './queries.ts'
import { sentenceOf } from './words.ts'

const PROOF = {
  received: ['○', 'Received: the record is stored and not yet in the log.'],
  sequenced: ['◐', 'Sequenced: it has its place in the log.'],
  signed: ['●', 'Signed: a checkpoint that covers it is signed, so it can be proven.'],
} as const

export function Page() {
  const activity = useInfiniteQuery(activityQuery)
  return (
    <PageFrame title="Activity" lead="Every fact about you, in the order of the log, and how far it is proven.">
      <Answered result={activity}>
        {({ pages }) => (
          <>
            {pages[0]?.degraded ? <p role="status">Some records may be missing at the moment; they come when the log is whole again.</p> : null}
            <List items={pages.flatMap(({ items }) => items)} />
          </>
        )}
      </Answered>
      <More list={activity}>Show older ones</More>
    </PageFrame>
  )
}

function List({ items }: { readonly items: readonly Item<'myActivity'>[] }) {
  if (items.length === 0) return <p>What happens around you will stand here a moment after it did.</p>
  return (
    <ol className={listing.rows} aria-label="What happened">
      {items.map(({ id, fact, at, state }) => (
        <li key={id} className={`${listing.row} ${styles.fact}`}>
          <span className={styles.proof} title={PROOF[state][1]} role="img" aria-label={PROOF[state][1]}>
            {PROOF[state][0]}
          </span>
          <span>{sentenceOf(fact)}</span>
          <Time at={at} />
        </li>
      ))}
    </ol>
  )
}
