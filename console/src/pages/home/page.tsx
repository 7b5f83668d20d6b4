import type { Reply } from '@loomworks/client'
import { type UseQueryResult, useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { meQuery } from '../../app/queries.ts'
import { Answered } from '../../parts/answered.tsx'
import { Card } from '../../parts/card.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import { creditQuery } from '../credit/queries.ts'
import { amountOf } from '../credit/words.ts'
import styles from './page.module.css'
import { activeQuery, needsYouQuery, recentQuery } from './queries.ts'

export function Page() {
  const { data: me } = useQuery(meQuery)
  const needsYou = useQuery(needsYouQuery)
  const active = useQuery(activeQuery)
  const recent = useQuery(recentQuery)
  if (!me) return null
  return (
    <PageFrame title={`${me.companion_name} is here`} windowTitle="Home" lead={`Hello ${me.display_name}. This is what waits, what runs and what was done.`}>
      {me.recovery_codes_left <= 3 ? (
        <p className={styles.hint}>
          {me.recovery_codes_left} recovery codes are left. <Link to="/console/settings">Make new ones</Link> before they are used up.
        </p>
      ) : null}
      <Card title="Needs you">
        <Entries result={needsYou} empty="What waits for your decision will stand here: drafts to commit, approvals to give.">
          {({ items }) => items.map((item) => <Entry key={item.ref.object} what={item.summary} in={item.engagement} at={item.since} />)}
        </Entries>
      </Card>
      <Card title="Under way">
        <Entries result={active} empty="What your Companion is working on will stand here.">
          {({ items }) => items.map((item) => <Entry key={item.job.id} what="A job is running" in={item.engagement} />)}
        </Entries>
      </Card>
      <Card title="Recently">
        <Entries result={recent} empty="What was committed and opened will stand here.">
          {({ items }) =>
            items.map((item) => (
              <Entry key={`${item.ref.object}/${item.ref.version}`} what={item.kind === 'commit' ? 'Committed' : 'Opened'} in={item.engagement} at={item.at} />
            ))
          }
        </Entries>
      </Card>
      <Credit />
    </PageFrame>
  )
}

interface EntriesProps<T> {
  readonly result: UseQueryResult<T>
  readonly empty: string
  readonly children: (data: T) => React.ReactNode
}

function Entries<T extends { readonly items: readonly unknown[] }>({ result, empty, children }: EntriesProps<T>) {
  return (
    <Answered result={result}>
      {(data) => (data.items.length === 0 ? <p className={styles.empty}>{empty}</p> : <ul className={styles.entries}>{children(data)}</ul>)}
    </Answered>
  )
}

interface EntryProps {
  readonly what: string
  readonly in: Reply<'recentDashboard'>['items'][number]['engagement']
  readonly at?: string
}

function Entry({ what, in: { id, title, display_identifier }, at }: EntryProps) {
  return (
    <li className={styles.entry}>
      <span className={styles.what}>{what}</span>
      <Link to={`/console/engagements/${display_identifier ?? id}`}>{title}</Link>
      {at === undefined ? null : <Time at={at} />}
    </li>
  )
}

function Credit() {
  const credit = useQuery(creditQuery)
  return (
    <Card title="Credit">
      <Answered result={credit}>
        {({ balances: [first] }) => (
          <>
            <p>
              {first === undefined
                ? 'You have no credit. A key of your own, or a claim link, lets the Companion use a model.'
                : `${amountOf(first.available, first.asset)} left.`}
            </p>
            <p>
              <Link to="/console/credit">See all of it</Link>
            </p>
          </>
        )}
      </Answered>
    </Card>
  )
}
