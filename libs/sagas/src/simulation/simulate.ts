// A whole world in one process: two hosts, the participants, a bus that may do anything, crashes and freezes at any await. The
// engine is the real one. One seed is one schedule.
import { activatePerson, confirmGrant, createPendingPerson, joinCommons, reserveGrant, SagaAction, type StepMessage } from '@loomworks/contracts'
import type { Expected, NewEvent } from '@loomworks/event-store'
import { actorFromPerson, actorFromService, derivedId, type PersonId, Refusal, type SagaId, type ServiceName, timeOf } from '@loomworks/kernel'
import type { OperatorCause } from '../cause.ts'
import { anySaga } from '../definition.ts'
import { noting } from '../delivery-note.ts'
import { Orchestrator } from '../orchestrator.ts'
import { answerCommand, commandIn, type Participant } from '../participant.ts'
import { isPaused, isTerminal, type SagaState } from '../state.ts'
import { type RowStep, sagaStep } from '../step.ts'
import { MemoryEvents } from './memory-store.ts'
import { type Listener, Network } from './network.ts'
import { type Appending, type Ended, idFromPosition, MemoryFences, MemoryOpen, type MemoryTx, storeFor } from './ports.ts'
import { failureOf, parallelSaga, signupInput } from './sagas.ts'
import { type Node, Scheduler } from './scheduler.ts'
import { inductStep } from './stand.ts'
import { Truth } from './truth.ts'

export type Mutant = 'no tombstone' | 'publish before append' | 'event id from position alone' | 'a note is tried once'

const MOST_MS = 240_000
const SWEEP_MS = 250
const CRASH = 0.004
const FREEZE = 0.004
const MEDDLE = 0.004
const SERVICES = ['identity', 'identity', 'memory', 'credit'] as const
const definition = anySaga(parallelSaga)

/** Runs one schedule; gives what was violated, with the seed, or undefined. */
export async function simulate(seed: number, mutant?: Mutant): Promise<string | undefined> {
  const world = new SimulatedWorld(seed, mutant)
  await world.run()
  return world.scheduler.failure === undefined ? undefined : `seed ${seed}: ${world.scheduler.failure.message}`
}

class SimulatedWorld {
  readonly scheduler: Scheduler
  readonly #mutant: Mutant | undefined
  readonly #events: MemoryEvents
  readonly #open: MemoryOpen
  readonly #truth: Truth
  readonly #network: Network
  readonly #fences = new Map<ServiceName, MemoryFences>()
  readonly #failing: ReadonlySet<string>
  readonly #hosts: { node: Node; engine: Orchestrator<Ended> }[] = []
  readonly #participants: { service: ServiceName; listener: Listener }[] = []
  #sweptAt = 0

  constructor(seed: number, mutant: Mutant | undefined) {
    this.scheduler = new Scheduler(seed)
    this.#mutant = mutant
    this.#open = new MemoryOpen({ notesAreRetried: mutant !== 'a note is tried once' })
    const { dice } = this.scheduler
    this.#events = new MemoryEvents(() => this.scheduler.now)
    this.#truth = new Truth(definition, (message) => this.scheduler.fail(message))
    this.#network = new Network(this.scheduler, (subject) => this.#listenersOf(subject))
    this.#failing = new Set([reserveGrant, createPendingPerson].filter(() => dice.chance(0.15)).map(({ step }) => step))
    for (const name of ['a', 'b']) this.#startHost(name)
    // One of the services may come up about when the saga gives up waiting for it.
    const late = dice.chance(0.3) ? dice.pick(SERVICES) : undefined
    const lateMs = 29_000 + dice.below(3000)
    for (const service of SERVICES) this.scheduler.later(service === late ? lateMs : 0, () => this.#startParticipant(service))
  }

  async run(): Promise<void> {
    const { scheduler } = this
    for (let n = 1 + scheduler.dice.below(2); n > 0; n--) this.#person(n)
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve))
      if (scheduler.failure !== undefined) return
      if (scheduler.faulty) this.#misfortune()
      if (this.#isOver()) return this.#truth.ended(this.#open, this.#events)
      const sweepAt = Math.max(this.#open.nextDueAt(), this.#sweptAt + SWEEP_MS)
      if (sweepAt <= scheduler.now) this.#sweep()
      else if (!scheduler.step(scheduler.now - scheduler.elapsedMs + MOST_MS, sweepAt)) return this.#truth.ended(this.#open, this.#events)
    }
  }

  #isOver(): boolean {
    const sagas = [...this.#truth.sagas.values()]
    return !this.scheduler.faulty && sagas.length > 0 && sagas.every((saga) => isTerminal(saga) && this.#open.ended.includes(saga.sagaId))
  }

  /** Somebody signs up; when their host dies before the first append, the sweeper of another begins the saga. */
  #person(n: number): void {
    const { scheduler } = this
    const sagaId = derivedId<'saga'>('01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44', n)
    const actor = actorFromPerson(derivedId<'person'>(sagaId, 'person') as PersonId)
    const request = { sagaId, actor, correlationId: sagaId, traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` }
    const token = scheduler.dice.chance(0.5)
    const ask = () => {
      const host = this.#anyHost()
      if (this.#truth.sagas.has(sagaId) && scheduler.dice.chance(0.8)) return
      host?.engine.start(parallelSaga, signupInput(token), request).catch(() => undefined)
      scheduler.later(2500, ask)
    }
    scheduler.later(scheduler.dice.below(100), ask)
  }

  #anyHost() {
    const alive = this.#hosts.filter(({ node }) => node.alive)
    return alive.length === 0 ? undefined : this.scheduler.dice.pick(alive)
  }

  #sweep(): void {
    this.#sweptAt = this.scheduler.now
    this.#anyHost()
      ?.engine.sweep()
      .catch(() => undefined)
  }

  #misfortune(): void {
    const { dice, now } = this.scheduler
    const nodes = [...this.#hosts.map(({ node }) => node), ...this.#participants.map(({ listener }) => listener.node)].filter(({ alive }) => alive)
    if (nodes.length > 0 && dice.chance(FREEZE)) dice.pick(nodes).frozenUntil = now + dice.below(8000)
    if (nodes.length > 0 && dice.chance(CRASH)) this.#crash(dice.pick(nodes))
    const sagas = [...this.#truth.sagas.values()]
    if (sagas.length > 0 && dice.chance(MEDDLE)) this.#meddle(dice.pick(SagaAction.options), dice.pick(sagas))
  }

  /** Somebody with the saga tool, who may be behind what has happened. */
  #meddle(action: SagaAction, state: SagaState): void {
    const { dice, now } = this.scheduler
    const id = `operator/${now}/${dice.below(1_000_000)}`
    const cause: OperatorCause = { kind: 'operator', id, at: timeOf(now), action, reason: 'simulated' }
    const expectedRevision = BigInt(state.length - 1 - (dice.chance(0.1) ? 1 : 0))
    this.#anyHost()
      ?.engine.act({ sagaId: state.sagaId, cause, actor: actorFromService('operator'), expectedRevision, dryRun: dice.chance(0.2) })
      .catch(() => undefined)
    if (action === 'pause') this.#unpause(state.sagaId)
  }

  /** Whoever pauses a saga lets it go on in the end. */
  #unpause(sagaId: SagaId): void {
    this.scheduler.later(100 + this.scheduler.dice.below(20_000), () => {
      const state = this.#truth.sagas.get(sagaId)
      if (state === undefined || isTerminal(state)) return
      if (isPaused(state)) this.#meddle('unpause', state)
      this.#unpause(sagaId)
    })
  }

  #crash(node: Node): void {
    node.alive = false
    const [kind = '', name = ''] = node.name.split(' ')
    this.scheduler.later(100 + this.scheduler.dice.below(5000), () => (kind === 'host' ? this.#startHost(name) : this.#startParticipant(name as ServiceName)))
  }

  #startHost(name: string): void {
    const { scheduler } = this
    const node: Node = { name: `host ${name}`, alive: true, frozenUntil: 0 }
    const append = (stream: string, events: readonly NewEvent[], expected: Expected) => this.#append(node, stream, events, expected)
    const engine = new Orchestrator<Ended>({
      sagas: [definition],
      store: storeFor(scheduler, node, this.#mutated(append), this.#events),
      publish: (message) => scheduler.call(node, () => this.#publish(message)),
      open: this.#open.portFor(scheduler, node),
      clock: { now: () => scheduler.now },
      onTerminal: async ({ sagaId }, tx) => void tx.ended.push(sagaId),
      onChange: () => undefined,
      onTrouble: () => undefined,
    })
    this.#hosts.push({ node, engine })
    // It hears all that has happened, then sends again what is overdue.
    for (const [stream, events] of this.#events.streams) if (stream.startsWith('saga-')) this.#hear({ node, engine }, stream, BigInt(events.length - 1))
    scheduler.later(50, () => void (node.alive && engine.resend().catch(() => undefined)))
  }

  /** A subscription tries until it has got through. */
  #hear(host: { node: Node; engine: Orchestrator<Ended> }, stream: string, revision: bigint): void {
    const again = () => this.scheduler.later(250, () => this.#hear(host, stream, revision))
    this.scheduler.later(this.scheduler.dice.below(60), () => {
      if (host.node.alive) host.engine.heard(definition, stream.slice(definition.streamPrefix.length) as SagaId, revision).catch(again)
    })
  }

  #mutated(append: Appending): Appending {
    if (this.#mutant === 'event id from position alone') return idFromPosition(append)
    if (this.#mutant !== 'publish before append') return append
    return (stream, events, expected) => {
      if (typeof expected !== 'bigint') return append(stream, events, expected)
      this.scheduler.later(5, () => void append(stream, events, expected))
      return { ok: true, revision: expected + BigInt(events.length), position: '0' }
    }
  }

  #append(node: Node, stream: string, list: readonly NewEvent[], expected: Expected): ReturnType<MemoryEvents['append']> {
    const before = this.#events.read(stream).length
    const outcome = this.#events.append(stream, list, expected)
    if (!outcome.ok || !stream.startsWith('saga-')) return outcome
    const stored = this.#events.read(stream)
    const first = expected === 'no_stream' ? 0 : Number(expected) + 1
    this.#truth.appended(stream.slice(definition.streamPrefix.length) as SagaId, list, stored.slice(first), stored.length > before)
    for (const host of this.#hosts) if (host.node !== node && host.node.alive) this.#hear(host, stream, outcome.revision)
    return outcome
  }

  #publish(message: { subject: string; id: string; data: string }): void {
    this.#truth.published(message.id)
    this.#network.send(message)
  }

  #listenersOf(subject: string): readonly Listener[] {
    const [, kind, service] = subject.split('.')
    if (kind === 'cmd') return this.#participants.filter((each) => each.service === service).map(({ listener }) => listener)
    return this.#hosts.map(({ node, engine }) => ({ node, handle: ({ data }, deliveries) => engine.reply(data, deliveries > 1) }))
  }

  #fencesOf(service: ServiceName): MemoryFences {
    const known = this.#fences.get(service)
    if (known !== undefined) return known
    const fences = new MemoryFences({
      onEffect: (key, dir) => this.#truth.effect(key, dir),
      onUndo: (key) => this.#truth.undone(key),
      tombstones: this.#mutant !== 'no tombstone',
    })
    this.#fences.set(service, fences)
    return fences
  }

  #startParticipant(service: ServiceName): void {
    const { scheduler } = this
    const node: Node = { name: `participant ${service}`, alive: true, frozenUntil: 0 }
    const fences = this.#fencesOf(service)
    const steps = service === 'memory' ? [inductStep] : rowMessagesOf(service).map((message) => this.#rowStep(message))
    const append: Appending = (stream, events, expected) => this.#inducted(stream, events, expected)
    const participant = {
      service,
      instance: 'simulated',
      steps: new Map(steps.map((each) => [each.message.step, each])),
      parts: undefined,
      clock: { now: () => scheduler.now },
      fences: fences.portFor(scheduler, node),
      streams: { store: storeFor(scheduler, node, append, this.#events), cache: fences, service },
    } as Participant<undefined, MemoryTx>
    const handle: Listener['handle'] = async (message) => {
      const command = commandIn(message)
      const reply = await answerCommand(participant, command, noting({ command, deliveryNo: 1, instance: 'simulated', clock: participant.clock }))
      await scheduler.call(node, () => this.#publish({ subject: `saga.rep.${reply.sagaId}.${reply.step}`, id: reply.id, data: JSON.stringify(reply) }))
    }
    this.#participants.push({ service, listener: { node, handle } })
  }

  /** The stream itself is the effect of this step. */
  #inducted(stream: string, events: readonly NewEvent[], expected: Expected): ReturnType<MemoryEvents['append']> {
    const before = this.#events.read(stream).length
    const outcome = this.#events.append(stream, events, expected)
    const sagaId = [...this.#truth.sagas.values()].find(({ ids }) => stream === `engagement-${ids.engagementId}`)?.sagaId ?? ''
    const isVoid = events.some(({ type }) => type === 'EngagementVoided')
    if (outcome.ok && this.#events.read(stream).length > before && !isVoid) this.#truth.effect({ sagaId, step: 'induct' }, 'do')
    if (outcome.ok && isVoid) this.#truth.undone({ sagaId, step: 'induct' })
    return outcome
  }

  #rowStep(message: StepMessage): RowStep<undefined, MemoryTx> {
    const code = this.#failing.has(message.step) ? failureOf(message) : undefined
    const effect =
      (dir: 'do' | 'undo') =>
      async (tx: MemoryTx, _data: unknown, { sagaId, step }: { sagaId: SagaId; step: string }) => {
        if (dir === 'do' && code !== undefined) throw new Refusal({ code, status: 409, says: 'refused', remedy: 'none' })
        tx.effects.push({ key: { sagaId, step }, dir })
        return dir === 'do' ? message.sample.done : 'reversed'
      }
    return sagaStep(message, { do: effect('do'), undo: effect('undo') } as never)
  }
}

function rowMessagesOf(service: ServiceName): readonly StepMessage[] {
  return service === 'identity' ? [createPendingPerson, joinCommons, activatePerson] : [reserveGrant, confirmGrant]
}
