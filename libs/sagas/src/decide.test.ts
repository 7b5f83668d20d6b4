import { timeOf } from '@loomworks/kernel'
import { expect, test } from 'vitest'
import { dueCause } from './cause.ts'
import { decide } from './decide.ts'
import { anySaga } from './definition.ts'
import { duesOf, overdueOf } from './due.ts'
import { evolve } from './evolve.ts'
import { History, typesOf } from './simulation/history.ts'
import { parallelSaga } from './simulation/sagas.ts'
import type { SagaState } from './state.ts'

const saga = anySaga(parallelSaga)
const begun = (token = false) => new History(saga, token)

test('a saga begins with its request and its first message in one append; what the input leaves out is skipped', () => {
  const history = begun()
  expect(typesOf(history.events)).toEqual(['SagaRequested', 'StepSent createPending'])
  expect(history.phases).toMatchObject({ reserve: 'skipped', confirm: 'skipped', induct: 'idle' })
  expect(begun(true).awaited).toEqual(['reserve/do/1'])
})

test('steps whose forerunners are done start together, and the pivot is in the append before it is sent', () => {
  const history = begun()
  expect(typesOf(history.reply('createPending'))).toEqual(['StepSucceeded createPending', 'StepSent induct', 'StepSent commonsJoin'])
  expect(typesOf(history.reply('induct'))).toEqual(['StepSucceeded induct'])
  expect(typesOf(history.reply('commonsJoin'))).toEqual(['StepSucceeded commonsJoin', 'PivotReached activate', 'StepSent activate'])
  expect(typesOf(history.reply('activate'))).toEqual(['StepSucceeded activate', 'SagaCompleted'])
  expect(history.state.state).toBe('completed')
})

test('F1: a step that is not answered is sent again as a new attempt, and any attempt may answer', () => {
  const history = begun()
  expect(typesOf(history.silence(2500))).toEqual(['DeadlineHit createPending', 'StepSent createPending'])
  expect(history.awaited).toEqual(['createPending/do/2'])
  expect(typesOf(history.reply('createPending', 'done', { attempt: 1 }))).toContain('StepSucceeded createPending')
})

test('F2: a reply that comes again, late or from nowhere changes nothing', () => {
  const history = begun()
  history.reply('createPending')
  expect(history.reply('createPending')).toEqual([])
  expect(history.reply('createPending', 'failed')).toEqual([])
  expect(history.reply('induct', 'done', { attempt: 7 })).toEqual([])
  expect(history.reply('induct', 'refused')).toEqual([])
})

test('F7: at its deadline a saga undoes every step that was sent, answered or not, in reverse order', () => {
  const history = begun(true)
  history.reply('reserve')
  history.reply('createPending')
  history.reply('induct')
  const events = history.silence(30_000)
  expect(events.find(({ type }) => type === 'CompensationStarted')?.data).toEqual({ code: 'signup.timed_out', httpStatus: 503 })
  expect(history.phases).toMatchObject({ induct: 'undoSent', commonsJoin: 'undoSent', createPending: 'done', activate: 'idle' })
  expect(history.reply('induct', 'done', { dir: 'undo' })).toHaveLength(1)
  expect(typesOf(history.reply('commonsJoin', 'done', { dir: 'undo' }))).toEqual(['StepUndone commonsJoin', 'UndoSent createPending'])
  expect(typesOf(history.reply('createPending', 'done', { dir: 'undo' }))).toEqual(['StepUndone createPending', 'UndoSent reserve'])
  expect(typesOf(history.reply('reserve', 'done', { dir: 'undo' }))).toEqual(['StepUndone reserve', 'SagaAborted'])
})

test('F8: a failure in one branch undoes the other, of which nothing is known', () => {
  const history = begun()
  history.reply('createPending')
  expect(typesOf(history.reply('commonsJoin', 'error'))).toEqual(['StepErrored commonsJoin', 'CompensationStarted', 'UndoSent induct', 'UndoSent commonsJoin'])
  expect(history.state).toMatchObject({ code: 'saga.step_error', httpStatus: 500 })
  expect(history.reply('induct')).toEqual([])
})

test('a business failure carries its code and HTTP status to the end', () => {
  const history = begun()
  history.reply('createPending', 'failed')
  history.reply('createPending', 'done', { dir: 'undo' })
  expect(history.state).toMatchObject({ state: 'aborted', code: 'signup.email_taken', httpStatus: 409 })
})

test('F9: an undo that is not answered is tried for ever, and stalled after ten attempts', () => {
  const history = begun()
  history.reply('createPending', 'failed')
  history.silence(40_000)
  expect(history.state.stalled).toMatchObject({ where: 'undo', step: 'createPending' })
  const attempts = history.state.steps.createPending?.attempt ?? 0
  history.silence(180_000)
  expect(history.state.steps.createPending?.attempt).toBe(attempts + 3)
  history.reply('createPending', 'done', { dir: 'undo' })
  expect(history.state).toMatchObject({ state: 'aborted' })
  expect(history.state.stalled).toBeUndefined()
})

test('an undo that answers error is stalled at once and asked no more', () => {
  const history = begun()
  history.reply('createPending', 'failed')
  expect(typesOf(history.reply('createPending', 'error', { dir: 'undo' }))).toEqual(['StepErrored createPending', 'SagaStalled createPending'])
  expect(history.awaited).toEqual([])
  expect(history.silence(600_000)).toEqual([])
})

test('F10, F16: from the pivot on a saga only goes forward: no deadline, no undo; silence and failure are stalls', () => {
  const history = committed()
  const events = history.silence(120_000)
  expect(typesOf(events)).toContain('SagaStalled activate')
  expect(events.some(({ type }) => type === 'CompensationStarted' || type === 'UndoSent')).toBe(false)
  const { attempt = 0 } = history.state.steps.activate ?? {}
  history.reply('activate', 'failed', { attempt })
  expect(history.reply('activate', 'failed', { attempt })).toEqual([])
  expect(history.state.state).toBe('committed')
  history.reply('activate', 'done', { attempt })
  expect(history.state).toMatchObject({ state: 'completed' })
})

test('F17: a step whose command is poison never answers, and the deadline of the saga ends it', () => {
  const history = begun()
  history.silence(30_000)
  history.reply('createPending', 'done', { dir: 'undo' })
  expect(history.state).toMatchObject({ state: 'aborted', code: 'signup.timed_out', httpStatus: 503 })
})

test('F18: a host whose clock is a minute ahead moves the timers of a saga, never what is true of it', () => {
  const history = begun()
  history.now += 60_000
  history.reply('createPending')
  history.silence(30_000)
  expect(history.state.state).toBe('compensating')
  expect(history.phases).toMatchObject({ induct: 'undoSent', commonsJoin: 'undoSent', createPending: 'done' })
})

test('after an outage what was long due happens once, now, and not as often as it would have', () => {
  const history = begun()
  history.now += 20_000
  const [due] = overdueOf(saga, history.state, history.now)
  expect(typesOf(history.tell(dueCause(due ?? expect.fail(), history.now)))).toEqual(['DeadlineHit createPending', 'StepSent createPending'])
  expect(duesOf(saga, history.state)[0]?.at).toBeGreaterThan(history.now)
})

test('a history replays exactly: the stored causes bring the stored events', () => {
  const history = committed()
  history.silence(5000)
  history.reply('activate', 'done', { attempt: 2 })
  let state: SagaState | undefined
  const replayed = history.causes.flatMap((cause) => {
    const events = decide(saga, history.sagaId, state, cause)
    for (const event of events) state = evolve(saga, history.sagaId, state, event)
    return events
  })
  expect(replayed).toEqual(history.events)
})

test('a saga of more than 1,000 events is stalled', () => {
  const history = begun()
  const long = { ...history.state, length: 1000 }
  const at = timeOf(history.now)
  const data = { credentialCount: 1 }
  const events = decide(saga, history.sagaId, long, {
    kind: 'reply',
    id: 'r',
    at,
    step: 'createPending',
    dir: 'do',
    attempt: 1,
    outcome: 'done',
    code: '',
    data,
  })
  expect(events.at(-1)).toMatchObject({ type: 'SagaStalled', data: { where: 'length' } })
})

function committed(): History {
  const history = begun()
  for (const step of ['createPending', 'induct', 'commonsJoin']) history.reply(step)
  return history
}
