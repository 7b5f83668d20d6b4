import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'
import { Time } from '../../parts/time.tsx'
import { tookOf } from '../../parts/took.ts'
import { Trouble } from '../../parts/trouble.tsx'
import styles from './page.module.css'
import { figuresQuery } from './queries.ts'

/** The last hour in a line, and each step's times where somebody wants them. */
export function Figures() {
  const figures = useQuery(figuresQuery)
  if (figures.data === undefined) return figures.isError ? <Trouble error={figures.error} onRetry={() => void figures.refetch()} /> : null
  const { started, outcomes, open, stalled, paused, retrying, took, oldest, oldest_started_at, steps } = figures.data
  return (
    <section aria-label="The last hour" className={styles.figures}>
      <p>
        In the last hour {started} began, {outcomes.completed ?? 0} completed and {outcomes.aborted ?? 0} were undone
        {took.p50_ms === null || took.p99_ms === null ? '' : `; half took under ${tookOf(took.p50_ms)}, 99 of 100 under ${tookOf(took.p99_ms)}`}.
      </p>
      <p>
        Now {open} {open === 1 ? 'is' : 'are'} open: {stalled} stalled, {paused} paused, {retrying} retrying
        {oldest === null || oldest_started_at === null ? null : (
          <>
            ; <Link to={`/console/operations/sagas/${oldest}`}>the oldest</Link> began <Time at={oldest_started_at} />
          </>
        )}
        .
      </p>
      {steps.length === 0 ? null : (
        <details>
          <summary>Times of the steps</summary>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">Step</th>
                <th scope="col">Times</th>
                <th scope="col">Half under</th>
                <th scope="col">99 % under</th>
              </tr>
            </thead>
            <tbody>
              {steps.map(({ step, count, p50_ms, p99_ms }) => (
                <tr key={step}>
                  <th scope="row">{step}</th>
                  <td>{count}</td>
                  <td>{tookOf(p50_ms)}</td>
                  <td>{tookOf(p99_ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </section>
  )
}
