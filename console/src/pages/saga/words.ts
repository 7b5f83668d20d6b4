import type { Reply } from '@loomworks/client'

export type Saga = Reply<'showSaga'>
export type Decision = Reply<'sagaTimeline'>['decisions'][number]

const DUE: Readonly<Record<string, string>> = {
  step: 'the answer is overdue',
  undo: 'the answer to the undo is overdue',
  saga: 'the time for all of it is over',
  delay: 'the wait is over',
  stall: 'it was given up to do it again',
}

/** What a decision says, as a sentence of a few words. Of one that is newer than this page, its type. */
export function sentenceOf({ type, data }: Pick<Decision, 'type' | 'data'>): string {
  const { step, attempt, code, action, reason, what, effect } = data
  const nth = typeof attempt === 'number' && attempt > 1 ? `, attempt ${attempt}` : ''
  const because = typeof code === 'string' ? `: ${code}` : ''
  switch (type) {
    case 'SagaRequested':
      return 'It was asked for'
    case 'StepSent':
      return `${step} is sent${nth}`
    case 'StepSucceeded':
      return `${step} is done${nth}`
    case 'StepFailed':
      return `${step} failed${nth}${because}`
    case 'StepErrored':
      return `${step} met an error${nth}${because}`
    case 'UndoSent':
      return `The undo of ${step} is sent${nth}`
    case 'StepUndone':
      return `${step} is undone${typeof effect === 'string' ? ` (${effect})` : ''}`
    case 'DeadlineHit':
      return typeof step === 'string' ? `${step}: ${DUE[String(what)] ?? what}` : `Its clock: ${DUE[String(what)] ?? what}`
    case 'PivotReached':
      return `No return from here: ${step} is done`
    case 'CompensationStarted':
      return `It goes back${because}`
    case 'SagaStalled':
      return `It stalled${typeof step === 'string' ? ` at ${step}` : ''}${because}`
    case 'OperatorActed':
      return `An operator does this: ${action}${typeof step === 'string' ? ` ${step}` : ''}, “${reason}”`
    case 'SagaCompleted':
      return 'It is completed'
    case 'SagaAborted':
      return `It is undone${because}`
    default:
      return type
  }
}

const EXACT = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false })

/** To the millisecond: events of one saga are often not further apart. */
export function clockOf(at: string): string {
  return EXACT.format(new Date(at))
}
