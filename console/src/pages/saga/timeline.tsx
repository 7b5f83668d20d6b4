import type { Reply } from '@loomworks/client'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Actor } from '../../parts/actor.tsx'
import { Answered } from '../../parts/answered.tsx'
import { Button } from '../../parts/button.tsx'
import { Card } from '../../parts/card.tsx'
import { SagaMark } from '../../parts/saga-mark.tsx'
import { Differences } from './differences.tsx'
import { type Moment, momentsOf } from './moments.ts'
import styles from './page.module.css'
import { momentQuery, timelineQuery } from './queries.ts'
import { clockOf, sentenceOf } from './words.ts'

const LANES = { decided: 'Decided', delivered: 'Delivered', effect: 'Took effect' } as const

/** Three lanes on one clock, and the state as of any of its events. */
export function Timeline({ id }: { readonly id: string }) {
  const timeline = useQuery(timelineQuery(id))
  return <Answered result={timeline}>{(told) => <Lanes id={id} timeline={told} />}</Answered>
}

function Lanes({ id, timeline }: { readonly id: string; readonly timeline: Reply<'sagaTimeline'> }) {
  /** Undefined: the last one, whichever that is. */
  const [chosen, setChosen] = useState<number>()
  const { decisions, clocks } = timeline
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
          {momentsOf(timeline).map((moment) => (
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
        {actor === undefined ? null : (
          <>
            {' by '}
            <Actor kind={actor.kind} />
          </>
        )}
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
  return <Answered result={moment}>{(found) => <Standing {...found} isFormer={moment.isPlaceholderData} />}</Answered>
}

type Found = Reply<'sagaState'> & Pick<Reply<'sagaDiff'>, 'differences'>

function Standing({ event, state, differences, isFormer }: Found & { readonly isFormer: boolean }) {
  return (
    <div className={styles.asOf} aria-busy={isFormer}>
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
          <Differences differences={differences} />
        </details>
      )}
      <details>
        <summary>All of the state</summary>
        <pre className={styles.raw}>{JSON.stringify(state, null, 2)}</pre>
      </details>
    </div>
  )
}
