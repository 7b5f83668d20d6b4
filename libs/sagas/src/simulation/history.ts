// A saga told by hand: causes in, events out, state kept. For tests that read as a story.
import type { SagaAction } from '@loomworks/contracts'
import { derivedId, newId, type SagaId, timeOf } from '@loomworks/kernel'
import { type Cause, dueCause, type ReplyCause } from '../cause.ts'
import { decide } from '../decide.ts'
import type { AnySaga } from '../definition.ts'
import { duesOf } from '../due.ts'
import type { SagaEvent } from '../events.ts'
import { evolve } from '../evolve.ts'
import { outstanding } from '../outstanding.ts'
import type { SagaState } from '../state.ts'
import { failureOf, signupInput } from './sagas.ts'

const START_MS = Date.UTC(2030, 0, 2, 3, 4, 5, 678)
const thread = { correlationId: 'story', traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` }

export class History {
  readonly definition: AnySaga
  readonly sagaId: SagaId = derivedId(newId(0), 'story')
  readonly events: SagaEvent[] = []
  readonly causes: Cause[] = []
  now = START_MS
  #state: SagaState | undefined

  constructor(definition: AnySaga, token = false) {
    this.definition = definition
    this.tell({ kind: 'request', id: this.sagaId, at: timeOf(this.now), input: signupInput(token) })
  }

  get state(): SagaState {
    if (this.#state === undefined) throw new Error('nothing has begun')
    return this.#state
  }

  /** What is waited for, as `step/dir/attempt`. */
  get awaited(): readonly string[] {
    return outstanding(this.definition, this.state, thread).map(({ step, dir, attempt }) => `${step}/${dir}/${attempt}`)
  }

  get phases(): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.entries(this.state.steps).map(([id, { phase }]) => [id, phase]))
  }

  tell(cause: Cause): readonly SagaEvent[] {
    const events = decide(this.definition, this.sagaId, this.#state, cause)
    if (events.length > 0) this.causes.push(cause)
    for (const event of events) this.#state = evolve(this.definition, this.sagaId, this.#state, event)
    this.events.push(...events)
    return events
  }

  reply(
    step: string,
    outcome: ReplyCause['outcome'] = 'done',
    { dir = 'do', attempt = 1, code = '' }: Partial<Pick<ReplyCause, 'dir' | 'attempt' | 'code'>> = {},
  ) {
    this.now += 5
    const message = this.definition.steps[step]?.message
    const data = dir === 'undo' ? { effect: 'reversed' } : outcome === 'done' ? message?.sample.done : {}
    const id = `${this.sagaId}/${step}/${dir}/${attempt}/r`
    const said = code === '' ? (failureOf(message) ?? 'saga.schema') : code
    return this.tell({ kind: 'reply', id, at: timeOf(this.now), step, dir, attempt, outcome, code: said, data: data as Record<string, string> })
  }

  act(action: SagaAction, step?: string): readonly SagaEvent[] {
    this.now += 5
    const id = `operator/${this.causes.length}`
    return this.tell({ kind: 'operator', id, at: timeOf(this.now), action, reason: 'a reason', ...(step !== undefined && { step }) })
  }

  /** Nobody answers for so long: everything that becomes due happens. */
  silence(ms: number): readonly SagaEvent[] {
    const until = this.now + ms
    const events: SagaEvent[] = []
    for (;;) {
      const [due] = duesOf(this.definition, this.state)
      if (due === undefined || due.at > until) break
      this.now = Math.max(this.now, due.at)
      events.push(...this.tell(dueCause(due, this.now)))
    }
    this.now = until
    return events
  }
}

export function typesOf(events: readonly SagaEvent[]): readonly string[] {
  return events.map(({ type, data }) => ('step' in data && data.step !== undefined ? `${type} ${data.step}` : type))
}
