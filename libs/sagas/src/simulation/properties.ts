// What must hold of the decision under any telling of replies and silences, for fast-check to break.
import { SagaAction } from '@loomworks/contracts'
import fc from 'fast-check'
import { anySaga } from '../definition.ts'
import type { SagaEvent } from '../events.ts'
import { isPaused, isTerminal } from '../state.ts'
import { illegalIn } from './explorer.ts'
import { History } from './history.ts'
import { parallelSaga } from './sagas.ts'

const definition = anySaga(parallelSaga)
const steps = Object.keys(definition.steps)

const Telling = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      step: fc.constantFrom(...steps),
      dir: fc.constantFrom('do' as const, 'undo' as const),
      attempt: fc.integer({ min: 1, max: 3 }),
      outcome: fc.constantFrom('done' as const, 'done' as const, 'done' as const, 'failed' as const, 'refused' as const, 'error' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ action: fc.constantFrom(...SagaAction.options), only: fc.option(fc.constantFrom(...steps), { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.record({ silenceMs: fc.integer({ min: 0, max: 20_000 }) }) },
)
type Telling = typeof Telling extends fc.Arbitrary<infer T> ? T : never

/** Any replies, repeated and in any order, with any silence between: legal at every event, and complete at every state. */
export function anyTellingIsLegal(runs: number): void {
  fc.assert(
    fc.property(fc.boolean(), fc.array(Telling, { maxLength: 40 }), (token, tellings) => {
      const history = new History(definition, token)
      for (const telling of tellings) told(history, telling)
    }),
    { numRuns: runs },
  )
}

function told(history: History, telling: Telling): void {
  const before = history.state
  const events = eventsOf(history, telling)
  const wrong = illegalIn(before, events)
  if (wrong !== undefined) throw new Error(wrong)
  isComplete(history)
}

function eventsOf(history: History, telling: Telling): readonly SagaEvent[] {
  if ('silenceMs' in telling) return history.silence(telling.silenceMs)
  return 'action' in telling ? history.act(telling.action, telling.only) : history.reply(telling.step, telling.outcome, telling)
}

/** Everything that was sent and not answered is waited for, unless the saga is paused; at an abort the undo set is the sent set. */
function isComplete({ state, awaited, events }: History): void {
  const open = Object.entries(state.steps).filter(([, { phase, halted }]) => (phase === 'sent' || phase === 'undoSent') && !halted)
  if (!isTerminal(state) && !isPaused(state) && open.length !== awaited.length)
    throw new Error(`waits for ${awaited.join()} with ${open.map(([id]) => id).join()} open`)
  if (state.state !== 'aborted') return
  const sent = new Set(events.flatMap(({ type, data }) => (type === 'StepSent' ? [data.step] : [])))
  const undone = new Set(events.flatMap(({ type, data }) => (type === 'StepUndone' ? [data.step] : [])))
  if ([...sent].some((id) => !undone.has(id)) || undone.size > sent.size) throw new Error(`sent ${[...sent].join()} and undone ${[...undone].join()}`)
}

/** The order and number of the same replies do not change how a saga ends. */
export function orderChangesNothing(runs: number): void {
  fc.assert(
    fc.property(fc.boolean(), fc.constantFrom(undefined, ...steps.slice(0, 2)), fc.infiniteStream(fc.nat()), (token, failing, dice) => {
      const history = new History(definition, token)
      for (let n = 0; n < 200 && !isTerminal(history.state); n++) answerAny(history, failing, dice)
      const fails = failing !== undefined && (token || failing !== 'reserve')
      const expected = fails ? 'aborted' : 'completed'
      if (history.state.state !== expected) throw new Error(`ended ${history.state.state}, not ${expected}`)
    }),
    { numRuns: runs },
  )
}

function answerAny(history: History, failing: string | undefined, dice: Iterator<number>): void {
  const { awaited } = history
  const [step = '', dir, attempt] = (awaited[(dice.next().value as number) % awaited.length] ?? '').split('/')
  const outcome = step === failing && dir === 'do' ? 'failed' : 'done'
  for (let copies = 1 + ((dice.next().value as number) % 3); copies > 0; copies--) history.reply(step, outcome, { dir: dir as 'do', attempt: Number(attempt) })
}
