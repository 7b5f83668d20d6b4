import { useInfiniteQuery } from '@tanstack/react-query'
import { Button } from '../../parts/button.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import styles from './page.module.css'
import { activityQuery } from './queries.ts'

const PROOF = {
  received: ['○', 'Received: the record is stored and not yet in the log.'],
  sequenced: ['◐', 'Sequenced: it has its place in the log.'],
  signed: ['●', 'Signed: a checkpoint that covers it is signed, so it can be proven.'],
} as const

export function Page() {
  const activity = useInfiniteQuery(activityQuery)
  const items = activity.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <PageFrame title="Activity" lead="Every fact about you, in the order of the log, and how far it is proven.">
      {activity.isPending ? <Waiting /> : null}
      {activity.isError ? <Trouble error={activity.error} onRetry={() => void activity.refetch()} /> : null}
      {activity.isSuccess && items.length === 0 ? <p>What happens around you will stand here a moment after it did.</p> : null}
      {items.length > 0 ? (
        <ol className={styles.facts}>
          {items.map(({ id, fact, at, state }) => (
            <li key={id} className={styles.fact}>
              <span className={styles.proof} title={PROOF[state][1]} role="img" aria-label={PROOF[state][1]}>
                {PROOF[state][0]}
              </span>
              <span>{sentenceOf(fact)}</span>
              <Time at={at} />
            </li>
          ))}
        </ol>
      ) : null}
      {activity.hasNextPage ? (
        <Button look="second" busy={activity.isFetchingNextPage} onPress={() => void activity.fetchNextPage()}>
          Show older ones
        </Button>
      ) : null}
    </PageFrame>
  )
}

/** `memory_committed` → `Memory committed`. */
function sentenceOf(fact: string): string {
  const words = fact.replaceAll('_', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
