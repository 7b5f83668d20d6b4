// Every action in every state a saga can be in: legal, or refused by one word; and what follows from it.
import { SagaAction } from '@loomworks/contracts'
import { expect, test } from 'vitest'
import { whyNot } from './action.ts'
import { type AnySaga, anySaga } from './definition.ts'
import { duesOf, overdueOf } from './due.ts'
import { History, typesOf } from './simulation/history.ts'
import { parallelSaga } from './simulation/sagas.ts'
import { overlaysOf } from './state.ts'

const saga = anySaga(parallelSaga)

/** A saga in each state, by its telling. */
const STATES = {
  running: () => told([]),
  paused: () => told(['pause']),
  committed: () => told(['createPending', 'induct', 'commonsJoin']),
  compensating: () => told(['createPending', 'cancel']),
  halted: () => told(['createPending', 'induct', 'commonsJoin', 'activate!']),
  completed: () => told(['createPending', 'induct', 'commonsJoin', 'activate']),
  aborted: () => told(['cancel', 'createPending^']),
} as const

function told(words: readonly string[]): History {
  const history = new History(saga)
  for (const word of words) {
    if (word === 'pause' || word === 'cancel') history.act(word)
    else if (word.endsWith('!')) history.reply(word.slice(0, -1), 'error')
    else if (word.endsWith('^')) history.reply(word.slice(0, -1), 'done', { dir: 'undo' })
    else history.reply(word)
  }
  return history
}

const LEGAL: Readonly<Record<keyof typeof STATES, Partial<Record<SagaAction, string>>>> = {
  running: { unpause: 'not_pausable' },
  paused: { retry: 'nothing_outstanding', resend: 'nothing_outstanding', pause: 'not_pausable' },
  committed: { unpause: 'not_pausable', cancel: 'past_pivot' },
  compensating: { unpause: 'not_pausable', cancel: 'past_pivot' },
  halted: { unpause: 'not_pausable', cancel: 'past_pivot' },
  completed: Object.fromEntries(SagaAction.options.map((action) => [action, 'closed'])),
  aborted: Object.fromEntries(SagaAction.options.map((action) => [action, 'closed'])),
}

const CASES = Object.keys(STATES).flatMap((state) => SagaAction.options.map((action) => ({ state: state as keyof typeof STATES, action })))

test.for(CASES)('$action of a saga that is $state', ({ state, action }) => {
  const history = STATES[state]()
  const refused = LEGAL[state][action]
  expect(whyNot(saga, history.state, { action })).toBe(refused)
  const events = history.act(action)
  expect(events.slice(0, 1).map(({ type, data }) => [type, 'action' in data && data.action])).toEqual(refused === undefined ? [['OperatorActed', action]] : [])
})

test('a step that is not outstanding is asked for in vain', () => {
  expect(whyNot(saga, STATES.running().state, { action: 'retry', step: 'induct' })).toBe('nothing_outstanding')
  expect(whyNot(saga, STATES.running().state, { action: 'resend', step: 'nonsense' })).toBe('nothing_outstanding')
  expect(whyNot(saga, STATES.running().state, { action: 'retry', step: 'createPending' })).toBeUndefined()
})

test('retry is a new attempt at once, of one step or of all that are outstanding', () => {
  const history = told(['createPending'])
  expect(typesOf(history.act('retry', 'induct'))).toEqual(['OperatorActed induct', 'StepSent induct'])
  expect(history.awaited).toEqual(['induct/do/2', 'commonsJoin/do/1'])
  expect(typesOf(history.act('retry'))).toEqual(['OperatorActed', 'StepSent induct', 'StepSent commonsJoin'])
  expect(history.awaited).toEqual(['induct/do/3', 'commonsJoin/do/2'])
})

test('retry of an undo is a new attempt of the undo', () => {
  const history = STATES.compensating()
  expect(typesOf(history.act('retry', 'induct'))).toEqual(['OperatorActed induct', 'UndoSent induct'])
})

test('resend changes nothing that is waited for', () => {
  const history = told(['createPending'])
  const before = history.awaited
  expect(typesOf(history.act('resend'))).toEqual(['OperatorActed'])
  expect(history.awaited).toEqual(before)
})

test('a step that was answered error is asked again once its cause is mended, and an old error does not stop it', () => {
  const history = STATES.halted()
  expect(history.awaited).toEqual([])
  expect(typesOf(history.act('retry'))).toEqual(['OperatorActed', 'StepSent activate'])
  expect(history.reply('activate', 'error')).toEqual([])
  expect(history.awaited).toEqual(['activate/do/2'])
  expect(typesOf(history.reply('activate', 'error', { attempt: 2 }))).toEqual(['StepErrored activate'])
  history.act('resend')
  expect(history.awaited).toEqual(['activate/do/2'])
  expect(typesOf(history.reply('activate', 'done', { attempt: 2 }))).toEqual(['StepSucceeded activate', 'SagaCompleted'])
})

test('while a saga is paused nothing is sent and nothing comes due; what is answered is kept', () => {
  const history = STATES.paused()
  expect(overlaysOf(history.state)).toEqual(['paused'])
  expect(history.silence(120_000)).toEqual([])
  expect(overdueOf(saga, history.state, history.now)).toEqual([])
  expect(typesOf(history.reply('createPending'))).toEqual(['StepSucceeded createPending'])
  expect(history.awaited).toEqual([])
  expect(typesOf(history.act('unpause'))).toEqual(['OperatorActed', 'StepSent induct', 'StepSent commonsJoin'])
  expect(overlaysOf(history.state)).toEqual([])
})

test('the clock of the deadline and of every answer stands still meanwhile', () => {
  const history = told([])
  history.silence(500)
  const [before] = duesOf(saga, history.state)
  const left = (before?.at ?? 0) - history.now - 5
  const deadline = history.state.deadlineAt ?? 0
  history.act('pause')
  history.silence(60_000)
  history.act('unpause')
  expect((duesOf(saga, history.state)[0]?.at ?? 0) - history.now).toBe(left)
  expect(history.state.deadlineAt).toBe(deadline + 60_005)
})

test('a failure that is heard in a pause is undone afterwards; a cancel too', () => {
  const failed = STATES.paused()
  expect(typesOf(failed.reply('createPending', 'failed'))).toEqual(['StepFailed createPending', 'CompensationStarted'])
  expect(typesOf(failed.act('unpause'))).toEqual(['OperatorActed', 'UndoSent createPending'])
  const cancelled = STATES.paused()
  expect(typesOf(cancelled.act('cancel'))).toEqual(['OperatorActed', 'CompensationStarted'])
  expect(typesOf(cancelled.act('unpause'))).toEqual(['OperatorActed', 'UndoSent createPending'])
})

test('cancel undoes what was sent, and the saga ends as cancelled', () => {
  const history = told(['createPending'])
  expect(typesOf(history.act('cancel'))).toEqual(['OperatorActed', 'CompensationStarted', 'UndoSent induct', 'UndoSent commonsJoin'])
  for (const step of ['induct', 'commonsJoin', 'createPending']) history.reply(step, 'done', { dir: 'undo' })
  expect(history.state).toMatchObject({ state: 'aborted', code: 'saga.cancelled', httpStatus: 409 })
})

test('a timer runs to the moment it was given for, pause or not', () => {
  const { activate } = parallelSaga.steps
  const wait = { after: [], readOnly: true as const, data: () => ({}), delayMs: () => 1000, timeoutMs: 2000, retry: { firstMs: 200, factor: 2, maxMs: 1000 } }
  const timed: AnySaga = anySaga({ ...parallelSaga, steps: { wait, ...(activate && { activate: { ...activate, after: ['wait'] } }) } })
  const history = new History(timed)
  history.act('pause')
  expect(history.silence(5000)).toEqual([])
  history.act('unpause')
  expect(typesOf(history.silence(0))).toEqual(['DeadlineHit wait', 'PivotReached activate', 'StepSent activate'])
})
