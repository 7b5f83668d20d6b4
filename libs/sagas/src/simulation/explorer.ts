// Every state that one saga can reach over a network that loses, repeats and reorders: breadth first over the real decision and
// the real fence table. A message that was sent stays in the network for good, so it may come at any time, any number of times,
// or never; only what can change nothing any more, by the very tables, is dropped. Times are left out of what makes two states the same: attempts are bounded instead.
import { SagaAction } from '@loomworks/contracts'
import { newId, type SagaId } from '@loomworks/kernel'
import { type Cause, dueCause } from '../cause.ts'
import { decide as realDecide } from '../decide.ts'
import { type AnySaga, stepOf } from '../definition.ts'
import { duesOf } from '../due.ts'
import type { SagaEvent } from '../events.ts'
import { evolve } from '../evolve.ts'
import { type Fence, judgeDo as realJudgeDo, judgeUndo as realJudgeUndo } from '../fence.ts'
import { outstanding } from '../outstanding.ts'
import { isPaused, isTerminal, overlaysOf, progressOf, type SagaState } from '../state.ts'
import { failureOf, signupInput } from './sagas.ts'

export interface Rules {
  readonly decide: typeof realDecide
  readonly judgeDo: typeof realJudgeDo
  readonly judgeUndo: typeof realJudgeUndo
  /** Does an undo without a do leave a tombstone? */
  readonly tombstones: boolean
}

export const REAL_RULES: Rules = { decide: realDecide, judgeDo: realJudgeDo, judgeUndo: realJudgeUndo, tombstones: true }

export interface Exploration {
  readonly definition: AnySaga
  readonly token: boolean
  /** Most attempts of each step in each direction. */
  readonly attempts: number
  /** May a participant answer `error` to a do? */
  readonly errors: boolean
  /** May a minute of silence be called a stall? */
  readonly stalls: boolean
  /** May an operator cancel, pause once and go on, ask again? */
  readonly operator?: boolean
  /** Keep also the messages that can change nothing: a hundred times the states, to check the reduction itself. */
  readonly whole?: boolean
  readonly rules?: Rules
  /** Give up after so many states. */
  readonly most?: number
}

/** What became of a step in its participant, as nobody but the checks can see it. */
interface Effect {
  readonly fence: Fence | undefined
  readonly done: number
  readonly reversed: number
  readonly undoAnswered: boolean
}

interface World {
  readonly saga: SagaState
  readonly effects: Readonly<Record<string, Effect>>
  /** Everything that was ever sent: `cmd/step/dir/attempt` and `rep/step/dir/attempt/outcome`. */
  readonly net: ReadonlySet<string>
  /** Was it paused before? Once is enough. */
  readonly paused?: true
}

export interface Explored {
  readonly states: number
  readonly completed: number
  readonly aborted: number
  /** The first broken invariant and how it was reached; absent where there is none. */
  readonly violation?: string
  /** Was everything seen? */
  readonly complete: boolean
}

const START = '2030-01-02T03:04:05.678Z'
const NONE: Effect = { fence: undefined, done: 0, reversed: 0, undoAnswered: false }
const MOST_STATES = 2_000_000
const thread = { correlationId: 'explored', traceparent: `00-${'0'.repeat(31)}1-${'0'.repeat(15)}1-01` }

class Broken extends Error {}

export function explore(exploration: Exploration): Explored {
  return new Explorer(exploration).run()
}

class Explorer {
  readonly #definition: AnySaga
  readonly #options: Exploration
  readonly #rules: Rules
  readonly #sagaId: SagaId = newId<'saga'>(0)
  readonly #seen = new Map<string, { readonly from: string | undefined; readonly by: string }>()
  #frontier: World[] = []
  #ends = { completed: 0, aborted: 0 }

  constructor(options: Exploration) {
    this.#options = options
    this.#definition = options.definition
    this.#rules = options.rules ?? REAL_RULES
  }

  run(): Explored {
    const most = this.#options.most ?? MOST_STATES
    try {
      this.#begin()
      while (this.#frontier.length > 0 && this.#seen.size < most) this.#layer()
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      return { states: this.#seen.size, ...this.#ends, violation: error.message, complete: false }
    }
    return { states: this.#seen.size, ...this.#ends, complete: this.#frontier.length === 0 }
  }

  #begin(): void {
    const cause: Cause = { kind: 'request', id: this.#sagaId, at: START, input: signupInput(this.#options.token) }
    const events = this.#rules.decide(this.#definition, this.#sagaId, undefined, cause)
    const saga = this.#fold(undefined, events)
    this.#visit({ saga, effects: {}, net: new Set(this.#commandsOf(saga)) }, undefined, 'begin')
  }

  #layer(): void {
    const layer = this.#frontier
    this.#frontier = []
    for (const world of layer) {
      const from = keyOf(world)
      for (const { by, next } of this.#moves(world, from)) this.#visit(next, from, by)
    }
  }

  #visit(reached: World, from: string | undefined, by: string): void {
    const world = this.#options.whole ? reached : { ...reached, net: new Set([...reached.net].filter((message) => this.#mayMatter(reached, message))) }
    const key = keyOf(world)
    if (this.#seen.has(key)) return
    this.#seen.set(key, { from, by })
    const wrong = wrongIn(this.#definition, world, this.#commandsOf(world.saga))
    if (wrong !== undefined) this.#break(wrong, from, by)
    if (world.saga.state === 'completed') this.#ends.completed++
    if (world.saga.state === 'aborted') this.#ends.aborted++
    this.#frontier.push(world)
  }

  #break(wrong: string, from: string | undefined, by: string): never {
    const path = [by]
    for (let at = from; at !== undefined; at = this.#seen.get(at)?.from) path.unshift(this.#seen.get(at)?.by ?? '')
    throw new Broken(`${wrong} after ${path.join(' · ')}`)
  }

  /** A reply that nobody waits for and never will, a command whose fence is final and whose answer nobody waits for. */
  #mayMatter({ saga, effects }: World, message: string): boolean {
    const [kind, step = '', dir] = message.split('/')
    const { phase } = progressOf(saga, step)
    if (kind === 'rep') return dir === 'do' ? phase === 'sent' : phase !== 'undone'
    const fence = effects[step]?.fence
    if (fence === undefined || fence.state === 'done') return true
    if (dir === 'do') return phase === 'sent' || this.#rules.judgeDo(fence, 'hash') === 'apply'
    return phase !== 'undone' || this.#rules.judgeUndo(fence) === 'reverse'
  }

  *#moves(world: World, from: string): Generator<{ by: string; next: World }> {
    for (const message of world.net) {
      const [kind, step = '', dir, attempt, outcome] = message.split('/')
      if (kind === 'cmd') {
        for (const next of this.#delivered(world, step, dir as 'do' | 'undo', Number(attempt), from)) yield { by: message, next }
        continue
      }
      const next = this.#told(world, this.#reply(step, dir as 'do' | 'undo', Number(attempt), outcome as 'done'), from, message)
      if (next !== undefined) yield { by: message, next }
    }
    yield* this.#times(world, from)
    if (this.#options.operator) yield* this.#acts(world, from)
  }

  *#times(world: World, from: string): Generator<{ by: string; next: World }> {
    for (const due of duesOf(this.#definition, world.saga)) {
      if ((due.what === 'step' || due.what === 'undo') && (due.attempt ?? 0) >= this.#options.attempts) continue
      if (due.what === 'stall' && !this.#options.stalls) continue
      const by = `due/${due.what}/${due.step ?? ''}/${due.attempt ?? ''}`
      const next = this.#told(world, dueCause(due, due.at), from, by)
      if (next !== undefined) yield { by, next }
    }
  }

  *#acts(world: World, from: string): Generator<{ by: string; next: World }> {
    for (const action of SagaAction.options) {
      const asked = Object.keys(world.saga.steps).filter((id) => progressOf(world.saga, id).attempt < this.#options.attempts)
      for (const step of action === 'retry' ? asked : [undefined]) {
        if (action === 'pause' && world.paused) continue
        const by = `operator/${action}/${step ?? ''}`
        const cause: Cause = { kind: 'operator', id: by, at: START, action, reason: 'explored', ...(step !== undefined && { step }) }
        const next = this.#told(world, cause, from, by)
        if (next !== undefined) yield { by, next: action === 'pause' ? { ...next, paused: true } : next }
      }
    }
  }

  #reply(step: string, dir: 'do' | 'undo', attempt: number, outcome: 'done' | 'failed' | 'refused' | 'error'): Cause {
    const message = this.#definition.steps[step]?.message
    const data = dir === 'undo' ? { effect: 'reversed' } : outcome === 'done' ? message?.sample.done : {}
    const code = (outcome === 'failed' ? failureOf(message) : undefined) ?? 'saga.schema'
    return { kind: 'reply', id: `${step}/${dir}/${attempt}/r`, at: START, step, dir, attempt, outcome, code, data: data as Record<string, string> }
  }

  /** The saga is told: it decides, and what it sends joins the network. */
  #told(world: World, cause: Cause, from: string, by: string): World | undefined {
    const events = this.#rules.decide(this.#definition, this.#sagaId, world.saga, cause)
    if (events.length === 0) return undefined
    const wrong = illegalIn(world.saga, events)
    if (wrong !== undefined) this.#break(wrong, from, by)
    const saga = this.#fold(world.saga, events)
    return { ...world, saga, net: new Set([...world.net, ...this.#commandsOf(saga)]) }
  }

  *#delivered(world: World, step: string, dir: 'do' | 'undo', attempt: number, from: string): Generator<World> {
    const before = world.effects[step] ?? NONE
    const answers = dir === 'do' ? this.#doAnswers(step, before) : [this.#undoAnswer(before)]
    for (const { effect, outcome } of answers) {
      if (dir === 'do' && effect.done > before.done && before.undoAnswered)
        this.#break(`S-INV-6: ${step} took effect after its undo was answered`, from, `cmd/${step}/do`)
      yield { ...world, effects: { ...world.effects, [step]: effect }, net: new Set([...world.net, `rep/${step}/${dir}/${attempt}/${outcome}`]) }
    }
  }

  #doAnswers(step: string, before: Effect): readonly { effect: Effect; outcome: string }[] {
    const verdict = this.#rules.judgeDo(before.fence, 'hash')
    if (verdict === 'refused') return [{ effect: before, outcome: 'refused' }]
    if (verdict === 'stored') return [{ effect: before, outcome: before.fence?.state === 'failed' ? 'failed' : 'done' }]
    const message = stepOf(this.#definition, step).message
    const done = { effect: { ...before, done: before.done + 1, fence: fenceOf('done') }, outcome: 'done' }
    const failed = failureOf(message) === undefined ? [] : [{ effect: { ...before, fence: fenceOf('failed') }, outcome: 'failed' }]
    const errors = this.#options.errors ? [{ effect: before, outcome: 'error' }] : []
    return [done, ...failed, ...errors]
  }

  #undoAnswer(before: Effect): { effect: Effect; outcome: string } {
    const answered = { ...before, undoAnswered: true }
    switch (this.#rules.judgeUndo(before.fence)) {
      case 'tombstone':
        return { effect: this.#rules.tombstones ? { ...answered, fence: fenceOf('tombstone') } : answered, outcome: 'done' }
      case 'reverse':
        return { effect: { ...answered, reversed: before.reversed + 1, fence: fenceOf('undone') }, outcome: 'done' }
      default:
        return { effect: answered, outcome: 'done' }
    }
  }

  #commandsOf(saga: SagaState): readonly string[] {
    return outstanding(this.#definition, saga, thread).map(({ step, dir, attempt }) => `cmd/${step}/${dir}/${attempt}`)
  }

  #fold(state: SagaState | undefined, events: readonly SagaEvent[]): SagaState {
    let folded = state
    for (const event of events) folded = evolve(this.#definition, this.#sagaId, folded, event)
    if (folded === undefined) throw new Error('a saga without events')
    return folded
  }
}

function fenceOf(state: Fence['state']): Fence {
  return { state, inputHash: state === 'tombstone' ? null : 'hash', reply: null, undoReply: null }
}

function keyOf({ saga, effects, net, paused }: World): string {
  const steps = Object.values(saga.steps).map(({ phase, attempt, halted, erroredAttempt = 0 }) => `${phase}${attempt}${halted ? '!' : erroredAttempt || ''}`)
  const fences = Object.keys(saga.steps).map(
    (id) => `${effects[id]?.fence?.state ?? '-'}${effects[id]?.done ?? 0}${effects[id]?.reversed ?? 0}${effects[id]?.undoAnswered ?? ''}`,
  )
  return `${saga.state}${saga.code ?? ''}${saga.stalled?.where ?? ''}${overlaysOf(saga).join()}${paused ?? ''}|${steps.join()}|${fences.join()}|${[...net].sort().join()}`
}

/** S-INV-7: no undo after the pivot was reached, no do after compensation started; nothing after the end. And nothing while it is
 *  paused. */
export function illegalIn(before: SagaState, events: readonly SagaEvent[]): string | undefined {
  let { state } = before
  let paused = isPaused(before)
  for (const { type, data } of events) {
    if (paused && (type === 'StepSent' || type === 'UndoSent' || type === 'DeadlineHit')) return `${type} while the saga was paused`
    if (type === 'OperatorActed') paused = data.action === 'pause' || (paused && data.action !== 'unpause')
    if (state === 'completed' || state === 'aborted') return `S-INV-7: ${type} after the saga had ${state}`
    if (type === 'UndoSent' && state !== 'compensating') return 'S-INV-7: an undo outside compensation'
    if (type === 'StepSent' && state === 'compensating') return 'S-INV-7: a do after compensation had started'
    if (type === 'CompensationStarted' && state === 'committed') return 'S-INV-7: turned around after the pivot'
    if (type === 'PivotReached') state = 'committed'
    if (type === 'CompensationStarted') state = 'compensating'
  }
  return undefined
}

/** S-INV-5 and S-INV-8 in one state, and that everything the saga waits for was sent. */
function wrongIn(definition: AnySaga, { saga, effects, net }: World, awaited: readonly string[]): string | undefined {
  const missing = awaited.find((command) => !net.has(command))
  if (missing !== undefined) return `${missing} is waited for and was never sent`
  for (const [id, { phase }] of Object.entries(saga.steps)) {
    const { done, reversed, fence } = effects[id] ?? NONE
    if (done > 1 || reversed > 1) return `S-INV-5: ${id} took effect ${done} times and was reversed ${reversed} times`
    if (phase === 'done' && fence === undefined) return `S-INV-8: ${id} is done and its participant knows nothing of it`
    if (phase === 'undone' && fence?.state === 'done') return `S-INV-8: ${id} is undone and its effect stands`
    if (isTerminal(saga) && saga.state === 'aborted' && done > reversed) return `S-INV-2: the saga was aborted and ${id} has left its effect`
    if (saga.state === 'completed' && phase !== 'skipped' && done - reversed !== 1) return `S-INV-1: the saga completed without the effect of ${id}`
    if (saga.state === 'aborted' && owes(definition, id, phase)) return `the saga was aborted and ${id} was sent and not undone`
  }
  return undefined
}

function owes(definition: AnySaga, id: string, phase: string): boolean {
  return definition.steps[id]?.message?.undo !== undefined && !['idle', 'skipped', 'undone'].includes(phase)
}
