import type { Reply } from '@loomworks/client'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { Answered } from '../../parts/answered.tsx'
import { Card } from '../../parts/card.tsx'
import { PageFrame } from '../../parts/page.tsx'
import styles from './page.module.css'
import { creditQuery } from './queries.ts'
import { amountOf, countOf, STATUSES, unitOf } from './words.ts'

export function Page() {
  const credit = useQuery(creditQuery)
  return (
    <PageFrame title="Credit" lead="What the deployment pays for when your Companion uses a model.">
      <Answered result={credit}>{(found) => <Balances {...found} />}</Answered>
    </PageFrame>
  )
}

function Balances({ balances, account }: Reply<'myCredit'>) {
  if (balances.length === 0)
    return (
      <Card title="No credit yet">
        <p>
          Your credit and what is held of it will stand here. It comes with a claim link, or from an administrator. With{' '}
          <Link to="/console/settings">a key of your own</Link> no credit is needed.
        </p>
      </Card>
    )
  return balances.map(({ asset, settled, held, available, base, percent }) => (
    <Card key={asset} title={unitOf(asset)}>
      <meter className={styles.meter} min={0} max={100} value={percent} aria-label={`${percent} percent left`} />
      <dl className={styles.figures}>
        <Figure name="Available">{amountOf(available, asset)}</Figure>
        <Figure name="Held for turns under way">{amountOf(held, asset)}</Figure>
        <Figure name="In all">
          {countOf(settled)} of {amountOf(base, asset)}
        </Figure>
        <Figure name="Account">
          <span title={STATUSES[account.status][1]}>{STATUSES[account.status][0]}</span>
        </Figure>
      </dl>
    </Card>
  ))
}

function Figure({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
