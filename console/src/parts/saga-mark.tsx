import styles from './saga-mark.module.css'

const STATES: Readonly<Record<string, readonly [look: 'good' | 'bad' | 'busy' | 'soft', word: string, means: string]>> = {
  requested: ['busy', 'Requested', 'It was asked for, and no step is under way yet.'],
  running: ['busy', 'Running', 'Steps are under way; it can still go back.'],
  committed: ['busy', 'Committed', 'It is past the line of no return and goes on to its end.'],
  compensating: ['bad', 'Going back', 'Something failed; what was done is being undone.'],
  completed: ['good', 'Completed', 'Every step is done.'],
  aborted: ['soft', 'Undone', 'It failed, and nothing of it is left.'],
  paused: ['bad', 'Paused', 'An operator has paused it; its clock stands still.'],
  stalled: ['bad', 'Stalled', 'It does not go on by itself. An operator has to act.'],
  forced: ['bad', 'Forced', 'An operator has set what one of its steps came to.'],
  idle: ['soft', 'Not begun', 'The step was not sent.'],
  skipped: ['soft', 'Skipped', 'The step is not needed here.'],
  sent: ['busy', 'Waiting', 'The step was sent and is not answered yet.'],
  done: ['good', 'Done', 'The step is done.'],
  failed: ['bad', 'Failed', 'The step was refused.'],
  undoSent: ['busy', 'Being undone', 'The undo was sent and is not answered yet.'],
  undone: ['soft', 'Undone', 'What the step did is taken back.'],
  applied: ['good', 'Applied', 'The participant did it, and it stands.'],
  tombstoned: ['soft', 'Barred', 'It was undone before it was done; a late command does nothing.'],
  stuck: ['bad', 'Stuck', 'It does not come to an end by itself.'],
  pending: ['busy', 'Pending', 'The participant has not done it so far.'],
  unknown: ['bad', 'Unknown', 'Nobody can say now what became of it.'],
}

const SIGNS = { good: '●', bad: '▲', busy: '◐', soft: '○' } as const

/** How a saga or a step stands: one sign and one word, the same everywhere; what it means on hover. */
export function SagaMark({ state }: { readonly state: string }) {
  const [look, word, means] = STATES[state] ?? ['soft', state, state]
  return (
    <span className={`${styles.mark} ${styles[look]}`} title={means}>
      <span aria-hidden="true">{SIGNS[look]}</span> {word}
    </span>
  )
}
