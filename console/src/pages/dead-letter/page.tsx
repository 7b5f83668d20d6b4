import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'
import { meQuery } from '../../app/queries.ts'
import { Card } from '../../parts/card.tsx'
import { OperationsPlaces } from '../../parts/operations-places.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { Time } from '../../parts/time.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { Deciding } from './deciding.tsx'
import styles from './page.module.css'
import { letterQuery } from './queries.ts'

export function Page() {
  const { letter: id = '' } = useParams()
  const { data: me } = useQuery(meQuery)
  const letter = useQuery(letterQuery(id))
  if (letter.isPending) return <Waiting />
  if (letter.isError) return <Trouble error={letter.error} onRetry={() => void letter.refetch()} />
  const { service, reason, error, deliveries, at, origin, saga_id, decisions, content } = letter.data
  return (
    <PageFrame title={`Dead letter ${id}`} lead={`${service} gave it up: ${reason}`}>
      <OperationsPlaces />
      <Card title="What happened">
        <p className={styles.text}>{error}</p>
        <p className={styles.text}>
          Delivered {deliveries === 1 ? 'once' : `${deliveries} times`}, given up <Time at={at} />, on <code>{origin.subject}</code> as <code>{origin.id}</code>
        </p>
        {saga_id === null ? null : (
          <p>
            <Link to={`/console/operations/sagas/${saga_id}`}>The saga it belongs to</Link>
          </p>
        )}
        {decisions.length === 0 ? (
          <p className={styles.soft}>Nothing was decided about it.</p>
        ) : (
          <ul>
            {decisions.map((each) => (
              <li key={each.id} className={styles.text}>
                {each.decision}
                {each.edited ? ', edited' : ''} <Time at={each.at} /> by a {each.by.kind}: “{each.reason}”
              </li>
            ))}
          </ul>
        )}
      </Card>
      <Card title="The message">
        <p>{content.fits ? 'It fits its contract.' : 'It does not fit its contract.'}</p>
        {content.message === undefined ? (
          <p className={styles.soft}>{content.bytes} bytes that are no message.</p>
        ) : (
          <pre className={styles.raw}>{JSON.stringify(content.message, null, 2)}</pre>
        )}
      </Card>
      {me?.roles.includes('ops') ? <Deciding id={id} /> : null}
    </PageFrame>
  )
}
