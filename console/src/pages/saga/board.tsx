import { Card } from '../../parts/card.tsx'
import { SagaMark } from '../../parts/saga-mark.tsx'
import { Time } from '../../parts/time.tsx'
import styles from './page.module.css'
import type { Saga } from './words.ts'

/** Of every step that was sent: what became of it where it is done, and what is still owed. */
export function Board({ board, participants }: Pick<Saga, 'board' | 'participants'>) {
  const away = participants.filter(({ reachable }) => !reachable).map(({ service }) => service)
  return (
    <Card title="Compensation board">
      {board.length === 0 ? <p className={styles.soft}>What becomes of each step will stand here once one was sent.</p> : null}
      <ul className={styles.rows} hidden={board.length === 0}>
        {board.map(({ step, at, state, attempts, last_error, next_retry_at }) => (
          <li key={step} className={styles.row}>
            <p className={styles.name}>
              {step} <span className={styles.soft}>at {at}</span>
            </p>
            <SagaMark state={state} />
            <p className={styles.rest}>
              {attempts === 1 ? 'one attempt' : `${attempts} attempts`}
              {last_error === undefined ? null : (
                <>
                  , last error <code>{last_error}</code>
                </>
              )}
              {next_retry_at === undefined ? null : (
                <>
                  , again <Time at={next_retry_at} />
                </>
              )}
            </p>
          </li>
        ))}
      </ul>
      {away.length === 0 ? null : <p role="status">What {away.join(' and ')} would say is not known: it does not answer now.</p>}
    </Card>
  )
}
