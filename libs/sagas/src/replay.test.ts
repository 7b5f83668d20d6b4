import { expect, test } from 'vitest'
import type { Cause } from './cause.ts'
import { decide } from './decide.ts'
import { anySaga } from './definition.ts'
import type { SagaEvent } from './events.ts'
import { evolve } from './evolve.ts'
import { replay } from './replay.ts'
import { History } from './simulation/history.ts'
import { parallelSaga } from './simulation/sagas.ts'
import type { SagaState } from './state.ts'

const saga = anySaga(parallelSaga)

/** One telling after another that makes each kind of cause, and each end. */
const HISTORIES: Readonly<Record<string, (history: History) => void>> = {
  completed(history) {
    for (const step of ['reserve', 'createPending', 'induct', 'commonsJoin', 'activate', 'confirm']) history.reply(step)
  },
  'failed and undone'(history) {
    history.reply('reserve')
    history.reply('createPending', 'failed')
    for (const step of ['createPending', 'reserve']) history.reply(step, 'done', { dir: 'undo' })
  },
  'silent, stalled and repaired'(history) {
    history.reply('reserve')
    history.silence(100_000)
    history.act('retry')
    for (const step of ['createPending', 'reserve']) history.reply(step, 'done', { dir: 'undo' })
  },
  'broken, held and cancelled'(history) {
    history.act('pause')
    history.reply('reserve')
    history.act('unpause')
    history.act('resend')
    history.reply('createPending', 'error')
    history.act('cancel')
    for (const step of ['createPending', 'reserve']) history.reply(step, 'done', { dir: 'undo' })
  },
}

function told(name: string) {
  const history = new History(saga, true)
  HISTORIES[name]?.(history)
  let state: SagaState | undefined
  const events = history.events.map((event) => {
    state = evolve(saga, history.sagaId, state, event)
    return { event, after: state }
  })
  return { definition: saga, sagaId: history.sagaId, events }
}

test.for(Object.keys(HISTORIES))('a history that %s replays to the last event', (name) => {
  const history = told(name)
  expect(history.events.at(-1)?.after.state).toMatch(/^(?:completed|aborted)$/)
  expect(replay(history)).toEqual({ decisions: expect.any(Number), divergence: undefined })
})

const MUTANTS: Readonly<Record<string, (events: readonly SagaEvent[], cause: Cause) => readonly SagaEvent[]>> = {
  'sends one thing less': (events, cause) =>
    cause.kind === 'reply' && cause.step === 'createPending' ? events.filter(({ type }) => type !== 'StepSent') : events,
  'sends something more': (events) => (events[0]?.type === 'StepSucceeded' && events.length === 1 ? [...events, ...events] : events),
  'waits longer': (events) =>
    events.map((event) => (event.type === 'StepSent' && event.data.step === 'induct' ? { ...event, data: { ...event.data, timeoutAt: event.at } } : event)),
  'ignores a cause': (events, cause) => (cause.kind === 'reply' && cause.step === 'activate' ? [] : events),
}

test.for([
  ['sends one thing less', 5, 'StepSent', undefined],
  ['sends something more', 8, undefined, 'StepSucceeded'],
  ['waits longer', 5, 'StepSent', 'StepSent'],
  ['ignores a cause', 11, 'StepSucceeded', undefined],
] as const)('a decision that %s parts from the history at revision %i, and both sides are shown', ([name, revision, stored, decided]) => {
  const mutated: typeof decide = (definition, sagaId, state, cause) => MUTANTS[name]?.(decide(definition, sagaId, state, cause), cause) ?? []
  const { divergence } = replay(told('completed'), mutated)
  expect({ revision: divergence?.revision, stored: divergence?.stored?.type, decided: divergence?.decided?.type }).toEqual({ revision, stored, decided })
})

test('only the first difference is told', () => {
  const nothing: typeof decide = () => []
  expect(replay(told('completed'), nothing)).toMatchObject({ decisions: 1, divergence: { revision: 0, cause: 'SagaRequested', decided: undefined } })
})
