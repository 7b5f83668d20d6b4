// What must hold in a simulated world, looked at with every event and every effect (saga page §3.1).
import type { NewEvent } from '@loomworks/event-store'
import type { Envelope, SagaId } from '@loomworks/kernel'
import type { AnySaga } from '../definition.ts'
import type { SagaEvent } from '../events.ts'
import { evolve } from '../evolve.ts'
import type { FenceKey } from '../fence-table.ts'
import { sagaEventOf } from '../record.ts'
import { isTerminal, type SagaState } from '../state.ts'
import { illegalIn } from './explorer.ts'
import type { MemoryEvents } from './memory-store.ts'
import type { MemoryOpen } from './ports.ts'

export class Truth {
  readonly sagas = new Map<string, SagaState>()
  readonly #definition: AnySaga
  readonly #fail: (message: string) => void
  readonly #sent = new Set<string>()
  readonly #effects = new Map<string, { done: number; reversed: number; undone: boolean }>()

  constructor(definition: AnySaga, fail: (message: string) => void) {
    this.#definition = definition
    this.#fail = fail
  }

  /** An append that the store has taken: new events, or a repeat of what is there. */
  appended(sagaId: SagaId, list: readonly NewEvent[], stored: readonly NewEvent[], isNew: boolean): void {
    // A host is told that its facts are there, so they must be: the same bytes, hence the same hash. (A request is repeated with a time of its own.)
    const same = list.every((event, index) => event.body.hash === stored[index]?.body.hash)
    if (!same && list[0]?.type !== 'SagaRequested') this.#fail('S-INV-8: an append was called a success and other facts stand in its place')
    if (isNew)
      this.#folded(
        sagaId,
        list.map((event) => sagaEventOf(event.body as unknown as Envelope)),
      )
  }

  #folded(sagaId: SagaId, events: readonly SagaEvent[]): void {
    let state = this.sagas.get(sagaId)
    const wrong = state === undefined ? undefined : illegalIn(state, events)
    if (wrong !== undefined) this.#fail(wrong)
    for (const event of events) {
      state = evolve(this.#definition, sagaId, state, event)
      if ('messageId' in event.data) this.#sent.add(event.data.messageId)
    }
    if (state !== undefined) this.sagas.set(sagaId, state)
    this.#agrees(state)
  }

  /** In flight a participant may be ahead of the stream, never behind. */
  #agrees(state: SagaState | undefined): void {
    for (const [step, { phase }] of Object.entries(state?.steps ?? {})) {
      if (phase === 'done' && this.#effectOf({ sagaId: state?.sagaId ?? '', step }).done === 0) this.#fail(`S-INV-8: ${step} is done and nothing was done`)
    }
  }

  published(id: string): void {
    // The same attempt once more has an id of its own on the bus.
    if (!id.endsWith('/r') && !this.#sent.has(id.replace(/\/o\d+$/, ''))) this.#fail(`append before publish: ${id} was sent and no event says so`)
  }

  effect({ sagaId, step }: FenceKey, dir: 'do' | 'undo'): void {
    const effect = this.#effectOf({ sagaId, step })
    if (dir === 'do') effect.done++
    else effect.reversed++
    if (effect.done > 1 || effect.reversed > 1) this.#fail(`S-INV-5: ${step} ${dir} took effect twice`)
    if (dir === 'do' && effect.undone) this.#fail(`S-INV-6: ${step} took effect after its undo`)
  }

  undone(key: FenceKey): void {
    this.#effectOf(key).undone = true
  }

  #effectOf({ sagaId, step }: FenceKey) {
    const key = `${sagaId}/${step}`
    const effect = this.#effects.get(key) ?? { done: 0, reversed: 0, undone: false }
    this.#effects.set(key, effect)
    return effect
  }

  /** At the end: every saga has ended, left all or nothing, is listed as it stands, and its end was told once. */
  ended(open: MemoryOpen, events: MemoryEvents): void {
    for (const [sagaId, state] of this.sagas) {
      if (!isTerminal(state)) this.#fail(`S-INV-9: a saga is still ${state.state}: ${JSON.stringify(state.steps)}`)
      if (open.rows.get(sagaId)?.state !== state.state) this.#fail(`S-INV-8: a saga is ${state.state} and listed as ${open.rows.get(sagaId)?.state}`)
      if (open.ended.filter((each) => each === sagaId).length !== 1) this.#fail('the end of a saga was not told exactly once')
      for (const step of Object.keys(state.steps)) this.#leftRight(state, step, events)
    }
  }

  #leftRight(state: SagaState, step: string, events: MemoryEvents): void {
    const { done, reversed } = step === 'induct' ? inducted(state, events) : this.#effectOf({ sagaId: state.sagaId, step })
    const stands = done - reversed
    if (state.state === 'aborted' && stands > 0) this.#fail(`S-INV-2: the saga was aborted and ${step} has left its effect`)
    if (state.state === 'completed' && state.steps[step]?.phase !== 'skipped' && stands !== 1) this.#fail(`S-INV-1: the saga completed without ${step}`)
  }
}

function inducted({ ids }: SagaState, events: MemoryEvents): { done: number; reversed: number } {
  const types = events.read(`engagement-${ids.engagementId}`).map(({ type }) => type)
  return { done: types.filter((type) => type === 'Seed').length, reversed: types.includes('EngagementVoided') ? 1 : 0 }
}
