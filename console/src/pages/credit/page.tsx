import { useQuery } from '@tanstack/react-query'
import { Card } from '../../parts/card.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import styles from './page.module.css'
import { creditQuery } from './queries.ts'
import { amountOf, unitOf } from './words.ts'

export function Page() {
  const credit = useQuery(creditQuery)
  return (
    <PageFrame title="Credit" lead="What the deployment pays for when your Companion uses a model.">
      {credit.isPending ? <Waiting /> : null}
      {credit.isError ? <Trouble error={credit.error} onRetry={() => void credit.refetch()} /> : null}
      {credit.data ? <Balances {...credit.data} /> : null}
    </PageFrame>
  )
}

function Balances({ balances, account }: Awaited<ReturnType<NonNullable<typeof creditQuery.queryFn>>>) {
  if (balances.length === 0)
    return (
      <Card title="No credit yet">
        <p>Credit comes with a claim link, or from an administrator. With a key of your own no credit is needed.</p>
      </Card>
    )
  return balances.map(({ asset, settled, held, available, base, percent }) => (
    <Card key={asset} title={unitOf(asset)}>
      <meter className={styles.meter} min={0} max={100} value={percent} aria-label={`${percent} percent left`} />
      <dl className={styles.figures}>
        <dt>Available</dt>
        <dd>{amountOf(available, asset)}</dd>
        <dt>Held for turns under way</dt>
        <dd>{amountOf(held, asset)}</dd>
        <dt>In all</dt>
        <dd>
          {amountOf(settled, asset)} of {amountOf(base, asset)}
        </dd>
        <dt>Account</dt>
        <dd>{account.status}</dd>
      </dl>
    </Card>
  ))
}
