import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { SagaMark } from '../../parts/saga-mark.tsx'
import { Trouble } from '../../parts/trouble.tsx'
import { Waiting } from '../../parts/waiting.tsx'
import { type Moment, momentsOf } from './moments.ts'
import styles from './page.module.css'
import { momentQuery, timelineQuery } from './queries.ts'
import { clockOf, sentenceOf } from './words.ts'

const LANES = { decided: 'Decided', delivered: 'Delivered', effect: 'Took effect' } as const

/** Three lanes on one clock, and the state as of any of its events. */
export function Timeline({ id }: { readonly id: string }) {
  const timeline = useQuery(timelineQuery(id))
  /** Undefined: the last one, whichever that is. */
  const [chosen, setChosen] = useState<number>()
  if (timeline.isPending) return <Waiting />
  if (timeline.isError) return <Trouble error={timeline.error} onRetry={() => void timeline.refetch()} />
  const { decisions, clocks } = timeline.data
  const last = decisions.length - 1
  const at = Math.min(chosen ?? last, last)
  const decision = decisions[at]
  const skewed = clocks.filter(({ offset_ms }) => offset_ms !== 0)
  return (
    <>
      <Card title="As it stood">
        <label className={styles.scrubber}>
          <span>
            After event {at} of {last}
          </span>
          <input
            type="range"
            min={0}
            max={last}
            value={at}
            aria-valuetext={decision === undefined ? '' : `${at}: ${sentenceOf(decision)}`}
            onChange={(event) => setChosen(Number(event.target.value))}
          />
        </label>
        <AsOf id={id} at={at} />
      </Card>
      <Card title="Timeline">
        <ol className={styles.moments}>
          {momentsOf(timeline.data).map((moment) => (
            <Entry key={moment.key} moment={moment} isChosen={moment.revision === at} onChoose={setChosen} />
          ))}
        </ol>
        {skewed.length === 0 ? null : (
          <p className={styles.soft}>
            Clocks that were off, and by how much they are moved: {skewed.map(({ clock, offset_ms }) => `${clock} ${offset_ms} ms`).join(', ')}.
          </p>
        )}
      </Card>
    </>
  )
}

interface EntryProps {
  readonly moment: Moment
  readonly isChosen: boolean
  readonly onChoose: (revision: number) => void
}

function Entry({ moment: { lane, at, told, says, revision, actor }, isChosen, onChoose }: EntryProps) {
  return (
    <li className={`${styles.moment} ${styles[lane]} ${isChosen ? styles.chosen : ''}`} aria-current={isChosen ? 'step' : undefined}>
      <p className={styles.soft}>
        <time dateTime={at} title={told === undefined ? at : `${at}; told as ${told}`}>
          {clockOf(at)}
        </time>{' '}
        {LANES[lane]}
        {actor === undefined ? '' : ` by ${actor.kind === 'person' ? 'a person' : `the ${actor.kind} ${actor.id}`}`}
      </p>
      <p className={styles.says}>{says}</p>
      {revision === undefined ? null : (
        <Button look="quiet" onPress={() => onChoose(revision)} aria-label={`Show how it stood after event ${revision}`}>
          #{revision}
        </Button>
      )}
    </li>
  )
}

function AsOf({ id, at }: { readonly id: string; readonly at: number }) {
  const moment = useQuery({ ...momentQuery(id, at), placeholderData: (former) => former })
  if (moment.isPending) return <Waiting />
  if (moment.isError) return <Trouble error={moment.error} onRetry={() => void moment.refetch()} />
  const { event, state, differences } = moment.data
  return (
    <div className={styles.asOf} aria-busy={moment.isPlaceholderData}>
      <p aria-live="polite">{sentenceOf(event)}.</p>
      <p className={styles.marks}>
        <SagaMark state={state.state} />
        {state.overlays.map((each) => (
          <SagaMark key={each} state={each} />
        ))}
      </p>
      <ul className={styles.standing} aria-label="The steps then">
        {Object.entries(state.steps).map(([step, { state: phase, attempt }]) => (
          <li key={step}>
            {step} <SagaMark state={phase} /> {attempt > 1 ? `attempt ${attempt}` : ''}
          </li>
        ))}
      </ul>
      {differences.length === 0 ? null : (
        <details>
          <summary>What this event changed</summary>
          <ul className={styles.changes}>
            {differences.map(({ path, left, right }) => (
              <li key={path}>
                <code>
                  {path}: {textOf(left)} → {textOf(right)}
                </code>
              </li>
            ))}
          </ul>
        </details>
      )}
      <details>
        <summary>All of the state</summary>
        <pre className={styles.raw}>{JSON.stringify(state, null, 2)}</pre>
      </details>
    </div>
  )
}

function textOf(value: unknown): string {
  return value === undefined ? '–' : JSON.stringify(value)
}
