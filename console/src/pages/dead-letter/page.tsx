import type { Reply } from '@loomworks/client'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from 'react-router'
import { meQuery } from '../../app/queries.ts'
import { Actor } from '../../parts/actor.tsx'
import { Answered } from '../../parts/answered.tsx'
import { Card } from '../../parts/card.tsx'
import { Copy } from '../../parts/copy.tsx'
import { PageFrame } from '../../parts/page.tsx'
import { OperationsPlaces } from '../../parts/places.tsx'
import rows from '../../parts/rows.module.css'
import { Time } from '../../parts/time.tsx'
import { Deciding } from './deciding.tsx'
import styles from './page.module.css'
import { letterQuery } from './queries.ts'

export function Page() {
  const { letter: id = '' } = useParams()
  const { data: me } = useQuery(meQuery)
  const letter = useQuery(letterQuery(id))
  return (
    <PageFrame title={`Dead letter ${id}`} lead={letter.data && `${letter.data.service} gave it up: ${letter.data.reason}`}>
      <OperationsPlaces />
      <Answered result={letter}>
        {(found) => (
          <>
            <What {...found} />
            <Message {...found} />
            {me?.roles.includes('ops') ? <Deciding key={id} id={id} message={found.content.message} /> : null}
          </>
        )}
      </Answered>
    </PageFrame>
  )
}

type Letter = Reply<'showDeadLetter'>

function What({ error, deliveries, at, origin, saga_id, decisions }: Letter) {
  return (
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
        <p className={rows.soft}>Nothing was decided about it.</p>
      ) : (
        <ul aria-label="Decisions">
          {decisions.map((each) => (
            <li key={each.id} className={styles.text}>
              {each.decision === 'redriven' ? 'Redriven' : 'Discarded'}
              {each.edited ? ', edited,' : ''} <Time at={each.at} /> by <Actor kind={each.by.kind} />: “{each.reason}”
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

function Message({ id, content }: Letter) {
  return (
    <Card title="The message">
      <p>{content.fits ? 'It fits its contract.' : 'It does not fit its contract.'}</p>
      {content.message === undefined ? (
        <p className={rows.soft}>{content.bytes} bytes that are no message.</p>
      ) : (
        <pre className={styles.raw}>{JSON.stringify(content.message, null, 2)}</pre>
      )}
      <div className={rows.acts}>
        <Copy text={`npx loom saga dlq show ${id}`} label="Copy as a command" />
        {content.message === undefined ? null : <Copy text={JSON.stringify(content.message, null, 2)} label="Copy as JSON" />}
      </div>
    </Card>
  )
}
