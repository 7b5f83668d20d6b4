// The compensation board: of every step that was sent, what became of it at its participant, and what is still owed.
import { timeOf } from '@loomworks/kernel'
import { endOf, type FenceSeen, type SagaHistory, shapeOf } from '@loomworks/sagas'
import { z } from 'zod'
import type { Participation } from './sight.ts'

const BoardWord = z.enum(['applied', 'failed', 'undone', 'tombstoned', 'stuck', 'pending', 'unknown'])

export const BoardRow = z.object({
  step: z.string(),
  at: z.string(),
  state: BoardWord,
  attempts: z.int(),
  last_error: z.string().optional(),
  next_retry_at: z.string().optional(),
})
export type BoardRow = z.output<typeof BoardRow>

const WORDS: Readonly<Record<FenceSeen['state'], z.output<typeof BoardWord>>> = { done: 'applied', failed: 'failed', undone: 'undone', tombstone: 'tombstoned' }
const MOST_UNDOS = 10

export function boardOf(history: SagaHistory, participations: readonly Participation[]): readonly BoardRow[] {
  const { after } = endOf(history)
  return shapeOf(history.definition, after)
    .filter(({ step, at }) => at !== 'timer' && !['idle', 'skipped'].includes(after.steps[step]?.phase ?? 'idle'))
    .map(({ step, at }) =>
      rowOf(
        history,
        { step, at },
        participations.find(({ service }) => service === at),
      ),
    )
}

function rowOf(history: SagaHistory, { step, at }: Pick<BoardRow, 'step' | 'at'>, participation: Participation | undefined): BoardRow {
  const { after } = endOf(history)
  const progress = after.steps[step]
  const fence = participation?.log?.fences.find((each) => each.step === step)
  const lastError = progress?.code ?? participation?.log?.deliveries.findLast((each) => each.step === step && each.errorClass !== null)?.errorClass
  const retries = progress !== undefined && isOut(progress.phase) && !progress.halted && after.pausedAt === undefined
  return {
    step,
    at,
    state: isStuck(history, step) ? 'stuck' : participation?.log === undefined ? 'unknown' : fence === undefined ? 'pending' : WORDS[fence.state],
    attempts: progress?.attempt ?? 0,
    ...(lastError && { last_error: lastError }),
    ...(retries && { next_retry_at: timeOf(progress.dueAt) }),
  }
}

function isOut(phase: string): boolean {
  return phase === 'sent' || phase === 'undoSent'
}

/** It waits for an answer that no retry has brought so far, or that none will bring. */
function isStuck(history: SagaHistory, step: string): boolean {
  const { after } = endOf(history)
  const progress = after.steps[step]
  if (progress === undefined || !isOut(progress.phase)) return false
  return progress.halted === true || after.stalled?.step === step || (progress.phase === 'undoSent' && progress.attempt >= MOST_UNDOS)
}
