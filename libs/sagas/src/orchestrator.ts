// The engine without its loops: takes a cause to a saga, decides, appends, and only then acts. It runs the same over Postgres and
// NATS as over the in-memory ports of the simulation.
import { commandSubject, SagaReply } from '@loomworks/contracts'
import type { EventStore } from '@loomworks/event-store'
import { type Actor, actorFromService, type Clock, GENESIS, type JsonObject, type SagaId, Terminal, Transient, timeOf } from '@loomworks/kernel'
import { type WhyNot, whyNot } from './action.ts'
import { type Cause, type DueCause, dueCause, type OperatorCause, replyCause } from './cause.ts'
import { decide } from './decide.ts'
import { type AnySaga, anySaga, type SagaDefinition } from './definition.ts'
import { duesOf, overdueOf } from './due.ts'
import type { SagaEvent } from './events.ts'
import type { OpenSagas } from './open-sagas.ts'
import { grown, newEventsOf, readSaga, recorded, type Saga, streamOf } from './record.ts'
import { rowOf } from './row.ts'
import { allOutstanding, type Sending, sendingsOf } from './sending.ts'
import { Sequence } from './sequence.ts'
import { isTerminal } from './state.ts'
import { WarmSagas } from './warm-sagas.ts'
import { workflowOf } from './workflow.ts'

export interface StartRequest {
  readonly sagaId: SagaId
  readonly actor: Actor
  readonly correlationId: string
  readonly traceparent: string
}

/** What an operator wants of a saga as they have seen it. */
export interface ActRequest {
  readonly sagaId: SagaId
  readonly cause: OperatorCause
  readonly actor: Actor
  readonly expectedRevision: bigint
  /** Tells what would follow, and changes nothing. */
  readonly dryRun: boolean
}

export type ActOutcome =
  | { readonly ok: true; readonly saga: Saga; readonly events: readonly SagaEvent[]; readonly messages: readonly Sending[] }
  | { readonly ok: false; readonly why: WhyNot | 'not_found' }
  | { readonly ok: false; readonly why: 'changed'; readonly revision: bigint }

export interface OrchestratorOptions<T> {
  readonly sagas: readonly AnySaga[]
  readonly store: EventStore
  /** Resolves once the bus has the command. */
  readonly publish: (message: { readonly subject: string; readonly id: string; readonly data: string }) => Promise<unknown>
  readonly open: OpenSagas<T>
  readonly clock: Clock
  /** Told once of every saga that has ended, in the transaction that records its end. */
  readonly onTerminal: (saga: Saga, tx: T) => Promise<void>
  /** Told of every change that this process made or heard of. */
  readonly onChange: (saga: Saga) => void
  /** Told of trouble that ends by itself: a sweep comes again. */
  readonly onTrouble: (error: unknown) => void
  /** Told of a reply that came too late to mean anything. */
  readonly onStale?: () => void
}

const MOST_TRIES = 16
const DUE_AT_ONCE = 100

type CauseFor = (saga: Saga) => Cause | undefined

export class Orchestrator<T> {
  readonly #options: OrchestratorOptions<T>
  readonly #warm = new WarmSagas()
  readonly #sequence = new Sequence()
  readonly #background = new Set<Promise<void>>()

  constructor(options: OrchestratorOptions<T>) {
    this.#options = options
  }

  /** Begins a saga. A repeat begins nothing and gives the saga as it stands. */
  start<Input extends JsonObject>(definition: SagaDefinition<Input>, input: Input, request: StartRequest): Promise<Saga> {
    const known = this.#known(definition.name, definition.version)
    const parsed = known.input.parse(input)
    const begun = Promise.withResolvers<Saga>()
    const running = this.#sequence.run(request.sagaId, async () => {
      const { saga, send } = await this.#begin(known, parsed, request)
      begun.resolve(saga)
      // The saga stands: what cannot be sent now is sent when its time comes. Who asked need not wait for that, but who hears of
      // the saga meanwhile does.
      await this.#attempt(() => this.#acted(saga, send))
    })
    this.#inBackground(running.catch(begun.reject))
    return begun.promise
  }

  async #begin(
    definition: AnySaga,
    input: JsonObject,
    { sagaId, actor, correlationId, traceparent }: StartRequest,
  ): Promise<{ readonly saga: Saga; readonly send: 'all' | 'none' }> {
    const cause: Cause = { kind: 'request', id: sagaId, at: timeOf(this.#options.clock.now()), input: JSON.parse(JSON.stringify(input)) as JsonObject }
    const events = decide(definition, sagaId, undefined, cause)
    const envelopes = recorded(events, { sagaId, revision: -1n, hash: GENESIS, actor, correlationId, traceparent })
    await this.#options.store.append(streamOf(definition, sagaId), newEventsOf(envelopes), 'no_stream')
    // Whoever asked first has named the time and the thread, and it may have gone on since: what counts is what is there.
    const saga = await this.#read(definition, sagaId)
    if (saga === undefined) throw new Transient('a saga was begun and is not to be read')
    return { saga, send: saga.state.length === events.length ? 'all' : 'none' }
  }

  /** A reply from the bus. `again`: it was delivered before, so whoever took it then may have died between append and publish. */
  async reply(data: string, again: boolean): Promise<void> {
    const reply = replyIn(data)
    await this.#sequence.run(reply.sagaId, async () => {
      const definition = await this.#definitionOf(reply)
      if (definition === undefined) this.#options.onStale?.()
      else await this.#replied(definition, reply, again)
    })
  }

  async #replied(definition: AnySaga, reply: SagaReply, again: boolean): Promise<void> {
    const { saga, decided } = await this.#advance(definition, reply.sagaId, (known) => replyCause(known.definition, reply), !again)
    if (decided) return
    this.#options.onStale?.()
    if (again && saga !== undefined) await this.#acted(saga, 'all')
  }

  /** The reply names no definition: the saga is warm, or its stream is looked for under each prefix. */
  async #definitionOf({ sagaId }: SagaReply): Promise<AnySaga | undefined> {
    const warm = this.#warm.get(sagaId)
    if (warm !== undefined) return warm.definition
    return (await this.read(sagaId))?.definition
  }

  #byPrefix(): readonly AnySaga[] {
    return [...new Map(this.#options.sagas.map((definition) => [definition.streamPrefix, definition])).values()]
  }

  /** Looks at every saga whose time has come. */
  async sweep(): Promise<void> {
    const now = this.#options.clock.now()
    const due = await this.#options.open.claimDue(timeOf(now), DUE_AT_ONCE)
    await Promise.all(due.map(({ sagaId, definition }) => this.#attempt(() => this.#timeCame(this.#named(definition), sagaId))))
  }

  #timeCame(definition: AnySaga, sagaId: SagaId): Promise<void> {
    return this.#sequence.run(sagaId, async () => {
      this.#warm.drop(sagaId)
      const { saga, decided } = await this.#advance(definition, sagaId, (known) => this.#nextDue(known), false)
      // The row may have been behind its stream: it is written anew, so that the next time it is due is true.
      if (!decided && saga !== undefined) await this.#listed(saga)
    })
  }

  #nextDue({ definition, state }: Saga): DueCause | undefined {
    const now = this.#options.clock.now()
    const [due] = duesOf(definition, state)
    return due === undefined || due.at > now ? undefined : dueCause(due, now)
  }

  /** Sends again what has been outstanding for half a second: after a start, or when the bus came back. A new attempt, because
   *  the old message may sit behind a handler that died. */
  async resend(): Promise<void> {
    const unfinished = await this.#options.open.unfinished()
    await Promise.all(unfinished.map(({ sagaId, definition }) => this.#attempt(() => this.#sendAgain(this.#named(definition), sagaId))))
  }

  #sendAgain(definition: AnySaga, sagaId: SagaId): Promise<void> {
    return this.#sequence.run(sagaId, async () => {
      this.#warm.drop(sagaId)
      const saga = await this.#read(definition, sagaId)
      const now = this.#options.clock.now()
      for (const due of saga === undefined ? [] : overdueOf(saga.definition, saga.state, now))
        await this.#advance(definition, sagaId, () => dueCause(due, now), false)
    })
  }

  /** What an operator wants: one append, and only on the saga as they have seen it. */
  act(request: ActRequest): Promise<ActOutcome> {
    return this.#sequence.run(request.sagaId, async () => {
      this.#warm.drop(request.sagaId)
      const saga = await this.read(request.sagaId)
      if (saga === undefined) return { ok: false, why: 'not_found' }
      if (!isTerminal(saga.state) && saga.revision !== request.expectedRevision) return { ok: false, why: 'changed', revision: saga.revision }
      const why = whyNot(saga.definition, saga.state, request.cause)
      return why === undefined ? this.#actOn(saga, request) : { ok: false, why }
    })
  }

  async #actOn(saga: Saga, { cause, actor, dryRun }: ActRequest): Promise<ActOutcome> {
    const events = workflowOf(saga).decide(saga.state, cause)
    const after = dryRun ? grown(saga, events, []) : await this.#append(saga, events, actor)
    if (after === undefined) return { ok: false, why: 'changed', revision: (await this.read(saga.sagaId))?.revision ?? saga.revision }
    if (!dryRun) {
      await this.#acted(after, events)
      // Nothing may be due for a paused saga, so its row must not be lost with this process.
      if (!isTerminal(after.state)) await this.#options.open.write([rowOf(after)])
    }
    return { ok: true, saga: after, events, messages: sendingsOf(after, events) }
  }

  /** Brings the list up to an event that another host appended. */
  heard(definition: AnySaga, sagaId: SagaId, revision: bigint): Promise<void> {
    if (this.#warm.hasWritten(sagaId, revision)) return Promise.resolve()
    return this.#sequence.run(sagaId, async () => {
      if (this.#warm.hasWritten(sagaId, revision)) return
      this.#warm.drop(sagaId)
      const saga = await this.#read(definition, sagaId)
      if (saga === undefined) return
      await this.#listed(saga)
      this.#options.onChange(saga)
    })
  }

  /** Writes the row of a saga anew from its stream; false where there is none. */
  relist(sagaId: SagaId): Promise<boolean> {
    return this.#sequence.run(sagaId, async () => {
      this.#warm.drop(sagaId)
      const saga = await this.read(sagaId)
      if (saga === undefined) return false
      if (isTerminal(saga.state)) await this.#listed(saga)
      else await this.#options.open.write([rowOf(saga)])
      return true
    })
  }

  /** A saga as this process knows it, which other hosts may have taken further; else as its stream says. */
  async known(sagaId: SagaId): Promise<Saga | undefined> {
    return this.#warm.get(sagaId) ?? (await this.read(sagaId))
  }

  /** A saga as its stream says; undefined where there is none. */
  async read(sagaId: SagaId): Promise<Saga | undefined> {
    for (const definition of this.#byPrefix()) {
      const saga = await this.#read(definition, sagaId)
      if (saga !== undefined) return saga
    }
    return undefined
  }

  /** One decision on one saga, whoever else decides at the same time. */
  async #advance(definition: AnySaga, sagaId: SagaId, causeFor: CauseFor, first: boolean): Promise<{ saga: Saga | undefined; decided: boolean }> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const saga = this.#warm.get(sagaId) ?? (await this.#read(definition, sagaId))
      const cause = saga === undefined || isTerminal(saga.state) ? undefined : causeFor(saga)
      const events = saga === undefined || cause === undefined ? [] : workflowOf(saga).decide(saga.state, cause)
      if (saga === undefined || events.length === 0) return { saga, decided: false }
      const after = await this.#append(saga, events)
      if (after === undefined) continue
      await this.#goOn(after, events, first && tries === 0)
      return { saga: after, decided: true }
    }
    throw new Transient(`${definition.name} ${sagaId} changes faster than it can be decided`)
  }

  /** Undefined where somebody else was quicker. An append whose outcome is unknown is thrown, and what is known forgotten. */
  async #append(saga: Saga, events: readonly SagaEvent[], actor: Actor = actorFromService('identity')): Promise<Saga | undefined> {
    const { definition, sagaId, revision, hash, correlationId, traceparent } = saga
    const envelopes = recorded(events, { sagaId, revision, hash, correlationId, traceparent, actor })
    try {
      const outcome = await this.#options.store.append(streamOf(definition, sagaId), newEventsOf(envelopes), revision)
      if (outcome.ok) return grown(saga, events, envelopes)
      this.#warm.drop(sagaId)
      return undefined
    } catch (error) {
      this.#warm.drop(sagaId)
      throw error
    }
  }

  /** Another host may have appended the very same before us, and more since: unless this was the first telling of the cause, the
   *  stream is read again before anything is sent. */
  async #goOn(after: Saga, events: readonly SagaEvent[], first: boolean): Promise<void> {
    const saga = first ? after : ((await this.#read(after.definition, after.sagaId)) ?? after)
    await this.#acted(saga, saga.revision === after.revision ? events : 'none')
  }

  /** Appended, so it may be acted on: tell who waits, keep the list, send what is new (or all that is outstanding). */
  async #acted(saga: Saga, send: readonly SagaEvent[] | 'all' | 'none'): Promise<void> {
    if (isTerminal(saga.state)) this.#warm.drop(saga.sagaId)
    else this.#warm.put(saga)
    this.#options.onChange(saga)
    const sendings = send === 'none' ? [] : send === 'all' ? allOutstanding(saga) : sendingsOf(saga, send)
    await Promise.all([this.#listed(saga), ...sendings.map((sending) => this.#send(saga, sending))])
  }

  #send({ definition }: Saga, { id, command }: Sending): Promise<unknown> {
    const service = definition.steps[command.step]?.message?.service ?? ''
    return this.#options.publish({
      subject: commandSubject(service, command.sagaId, command.step, command.dir),
      id,
      data: JSON.stringify(command),
    })
  }

  async #listed(saga: Saga): Promise<void> {
    const row = rowOf(saga)
    if (isTerminal(saga.state)) await this.#options.open.finish(row, (tx) => this.#options.onTerminal(saga, tx))
    else if (this.#warm.isListed(saga.sagaId)) this.#options.open.note(row)
    else await this.#options.open.write([row])
    this.#warm.written(saga.sagaId, saga.revision)
  }

  #read(definition: AnySaga, sagaId: SagaId): Promise<Saga | undefined> {
    return readSaga(this.#options.store, this.#options.sagas, streamOf(definition, sagaId), sagaId)
  }

  #attempt(work: () => Promise<void>): Promise<void> {
    return work().catch(this.#options.onTrouble)
  }

  #inBackground(work: Promise<void>): void {
    const running = work.catch(this.#options.onTrouble).finally(() => this.#background.delete(running))
    this.#background.add(running)
  }

  /** Resolves when nothing that was begun is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#background)
  }

  #known(name: string, version: number): AnySaga {
    const found = this.#options.sagas.find((each) => each.name === name && each.version === version)
    if (found === undefined) throw new Terminal('saga.version_missing', `This host has no ${name}@${version}.`)
    return anySaga(found)
  }

  #named(name: string): AnySaga {
    const found = this.#options.sagas.find((each) => each.name === name)
    if (found === undefined) throw new Terminal('saga.version_missing', `This host has no saga ${name}.`)
    return found
  }
}

function replyIn(data: string): SagaReply {
  try {
    return SagaReply.parse(JSON.parse(data))
  } catch (error) {
    throw new Terminal('schema', 'not a saga reply', { cause: error })
  }
}
