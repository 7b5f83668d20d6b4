// The host of sagas: the orchestrator with its loops. Any number of instances run side by side; the stream decides between them.
import { setTimeout as delay } from 'node:timers/promises'
import type { Bus, ConsumerSpec } from '@loomworks/bus'
import type { SagaAction } from '@loomworks/contracts'
import { type EventStore, type Position, readEnvelope, type StoredEvent } from '@loomworks/event-store'
import { type Actor, type Clock, type JsonObject, type SagaId, systemClock, Terminal, Transient, timeOf } from '@loomworks/kernel'
import type { Database, Tx } from '@loomworks/sql'
import { checkDefinitions } from './check-definition.ts'
import type { AnySaga, SagaDefinition } from './definition.ts'
import { refuse } from './errors.ts'
import type { SagaEvent } from './events.ts'
import { Health } from './health.ts'
import { OpenSagaTable } from './open-sagas.ts'
import { type ActOutcome, type ActRequest, Orchestrator, type StartRequest } from './orchestrator.ts'
import type { Thread } from './outstanding.ts'
import { type Saga, sagaEventOf } from './record.ts'
import { Room } from './room.ts'
import { type SagaView, viewOf } from './view.ts'
import { Watchers } from './watchers.ts'

/** A saga that somebody owes: its owner recorded that it must run, and its stream is absent. */
export interface Orphan extends StartRequest {
  readonly definition: AnySaga
  readonly input: JsonObject
}

/** A saga with what ties it to the request that began it. */
export type SagaEnd = SagaView & Thread

export interface Notable {
  readonly saga: SagaEnd
  readonly event: SagaEvent
  readonly id: string
  readonly actor: Actor
}

export interface HostActRequest extends Omit<ActRequest, 'cause'> {
  readonly action: SagaAction
  readonly step?: string | undefined
  readonly reason: string
  /** Becomes the cause of what follows. */
  readonly commandId: string
}

export interface SagaHostOptions {
  /** Every definition and version that an open saga may name; `anySaga(signup)`. */
  readonly sagas: readonly AnySaga[]
  readonly eventStore: EventStore
  readonly bus: Bus
  readonly db: Database
  /** The schema that holds `saga_open`. */
  readonly schema: string
  readonly clock?: Clock
  /** Most sagas open at once (`SAGA_OPEN_MAX`); beyond it a start is refused. */
  readonly openMax?: number
  /** Runs in the transaction that records the end of a saga, once for each. */
  readonly onTerminal?: (saga: SagaEnd, tx: Tx) => Promise<void>
  /** Told of every stall and of every act of an operator, by any host, at least once; the next is told when it has resolved. */
  readonly onNotable?: (notable: Notable) => Promise<void>
  /** What was asked for more than 2 s ago and never began (its host died in between); asked for every second. */
  readonly orphans?: () => Promise<readonly Orphan[]>
  /** Told of trouble that ends by itself. */
  readonly onTrouble?: (error: unknown) => void
  /** Told of a reply that came too late to mean anything. */
  readonly onStale?: () => void
}

const OPEN_MAX = 1000
const SWEEP_MS = 250
const ORPHANS_MS = 1000
const KEEP_POSITION_MS = 1000
const DRAIN_MS = 10_000

/** The durable that all hosts share: every reply of every saga. */
export const sagaReplyConsumer: ConsumerSpec = {
  stream: 'SAGA_REP',
  durable: 'orchestrator',
  filters: ['saga.rep.>'],
  maxPending: 256,
  ackWaitMs: 30_000,
  service: 'identity',
}

export class SagaHost {
  readonly #options: SagaHostOptions
  readonly #clock: Clock
  readonly #open: OpenSagaTable
  readonly #engine: Orchestrator<Tx>
  readonly #watchers = new Watchers()
  readonly #health: Health
  readonly #room: Room

  /** Throws Terminal `saga.definition_invalid` naming the rule a definition breaks. */
  constructor(options: SagaHostOptions) {
    checkDefinitions(options.sagas)
    const { sagas, eventStore, bus, db, schema, clock = systemClock, onTrouble = () => {}, onStale } = options
    this.#options = options
    this.#clock = clock
    this.#open = new OpenSagaTable(db, schema, onTrouble)
    this.#room = new Room(options.openMax ?? OPEN_MAX, () => this.#open.count())
    this.#health = new Health({ bus: () => busAnswers(bus), event_store: () => eventStore.health(), database: async () => void (await this.#open.count()) })
    this.#engine = new Orchestrator<Tx>({
      sagas,
      store: eventStore,
      publish: (message) => bus.publish(message),
      open: this.#open,
      clock,
      onTerminal: async (saga, tx) => options.onTerminal?.(endingOf(saga), tx),
      onChange: (saga) => {
        if (this.#watchers.awaits(saga.sagaId)) this.#watchers.tell(viewOf(saga))
      },
      onTrouble,
      ...(onStale && { onStale }),
    })
  }

  /** Refuses a start that would strand open sagas: Terminal `saga.version_missing`, with their ids. */
  async check(): Promise<void> {
    const { sagas } = this.#options
    for (const { definition, version, sagaIds } of await this.#open.versions()) {
      if (sagas.some((each) => each.name === definition && each.version === version)) continue
      throw new Terminal(
        'saga.version_missing',
        `Open sagas run on ${definition}@${version}, which this host lacks: ${sagaIds.join(', ')}. Start a version that has it.`,
      )
    }
  }

  /** Begins a saga and gives it as it stands; a repeat gives the one that was begun. 503 `saga.busy` before anything starts. */
  async start<Input extends JsonObject>(definition: SagaDefinition<Input>, input: Input, request: StartRequest): Promise<SagaView> {
    if (!this.mayStart()) throw refuse.busy(undefined, 1)
    this.#room.taken()
    return viewOf(await this.#engine.start(definition, input, request))
  }

  /** Is there room for one more saga, and does everything it needs answer? */
  mayStart(): boolean {
    return this.#room.isFree() && this.health().ok
  }

  /** The saga as its stream says; undefined where there is none. */
  async status(sagaId: SagaId): Promise<SagaView | undefined> {
    return seen(await this.#engine.read(sagaId))
  }

  /** What an operator wants of a saga: one append, and only on the saga as they have seen it. A dry run tells what would follow. */
  act({ action, step, reason, commandId, ...request }: HostActRequest): Promise<ActOutcome> {
    const at = timeOf(this.#clock.now())
    return this.#engine.act({ ...request, cause: { kind: 'operator', id: commandId, at, action, reason, ...(step !== undefined && { step }) } })
  }

  /** Writes the row of a saga anew from its stream; false where there is no stream. */
  relist(sagaId: SagaId): Promise<boolean> {
    return this.#engine.relist(sagaId)
  }

  /** The saga as it stands and each newer state, until it has ended or the signal aborts. Woken in process; what other hosts do
   *  is heard from the event store. */
  changes(sagaId: SagaId, signal: AbortSignal): AsyncIterable<SagaView> {
    return this.#watchers.follow(sagaId, async () => seen(await this.#engine.known(sagaId)), signal)
  }

  /** Not ok once a store or the bus has not answered for more than a second. */
  health(): { readonly ok: boolean; readonly detail?: string } {
    return this.#health.verdict()
  }

  /** Runs until the signal aborts; then takes nothing new, ends what is running, and keeps how far it came. */
  async run(signal: AbortSignal): Promise<void> {
    await this.check()
    const { bus } = this.#options
    await this.#room.count()
    const consumption = bus.consume(sagaReplyConsumer, async ({ data, deliveries }) => {
      await this.#engine.reply(data, deliveries > 1)
      return 'ack'
    })
    await Promise.all([this.#sweepOn(signal), this.#follow(signal), this.#adoptOrphans(signal), this.#watchHealth(signal)])
    await consumption.stop(DRAIN_MS)
    await this.#engine.settled()
    await this.#open.settled()
  }

  async #sweepOn(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#trying(async () => {
        await this.#engine.sweep()
        await this.#room.count()
      })
      await pause(SWEEP_MS, signal)
    }
  }

  async #watchHealth(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { came } = await this.#health.probe()
      if (came.includes('bus')) await this.#trying(() => this.#engine.resend())
      await pause(SWEEP_MS, signal)
    }
  }

  async #adoptOrphans(signal: AbortSignal): Promise<void> {
    const { orphans } = this.#options
    while (orphans !== undefined && !signal.aborted) {
      await this.#trying(async () => {
        for (const { definition, input, ...request } of await orphans())
          await this.#engine.start(definition as unknown as SagaDefinition<JsonObject>, input, request)
      })
      await pause(ORPHANS_MS, signal)
    }
  }

  /** Keeps the list true to the streams, whoever appended; the first time it has seen everything, what is overdue is sent again. */
  async #follow(signal: AbortSignal): Promise<void> {
    const follower = { position: undefined as Position | undefined, keptAt: 0, caughtUp: false }
    while (!signal.aborted) {
      await this.#trying(async () => {
        follower.position ??= await this.#open.position()
        await this.#followFrom(follower, signal)
      })
      await pause(SWEEP_MS, signal)
    }
    if (follower.position !== undefined) await this.#trying(() => this.#open.keepPosition(follower.position ?? ''))
  }

  async #followFrom(follower: { position: Position | undefined; keptAt: number; caughtUp: boolean }, signal: AbortSignal): Promise<void> {
    const { eventStore, sagas } = this.#options
    const prefixes = [...new Set(sagas.map(({ streamPrefix }) => streamPrefix))]
    const from = follower.position === undefined ? {} : { from: follower.position }
    for await (const delivery of eventStore.subscribe({ prefixes }, { ...from, signal })) {
      if (delivery.kind === 'event') await this.#heard(delivery.event)
      follower.position = delivery.kind === 'event' ? delivery.event.position : delivery.position
      if (delivery.kind === 'caught_up' && !follower.caughtUp) await this.#caughtUp(follower)
      if (this.#clock.now() - follower.keptAt < KEEP_POSITION_MS) continue
      follower.keptAt = this.#clock.now()
      await this.#open.keepPosition(follower.position)
    }
  }

  async #caughtUp(follower: { caughtUp: boolean }): Promise<void> {
    await this.#engine.resend()
    follower.caughtUp = true
  }

  async #heard(stored: StoredEvent): Promise<void> {
    const { stream, revision } = stored
    const definition = this.#options.sagas.find(({ streamPrefix }) => stream.startsWith(streamPrefix))
    if (definition === undefined) return
    const sagaId = stream.slice(definition.streamPrefix.length) as SagaId
    if (NOTABLE.has(stored.type)) await this.#tell(sagaId, stored)
    await this.#engine.heard(definition, sagaId, revision)
  }

  async #tell(sagaId: SagaId, stored: StoredEvent): Promise<void> {
    const saga = await this.#engine.read(sagaId)
    const envelope = readEnvelope(stored)
    if (saga !== undefined) await this.#options.onNotable?.({ saga: endingOf(saga), event: sagaEventOf(envelope), id: envelope.id, actor: envelope.actor })
  }

  async #trying(work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => this.#options.onTrouble?.(error))
  }
}

const NOTABLE: ReadonlySet<string> = new Set(['SagaStalled', 'OperatorActed'] satisfies SagaEvent['type'][])

function endingOf(saga: Saga): SagaEnd {
  return { ...viewOf(saga), correlationId: saga.correlationId, traceparent: saga.traceparent }
}

function seen(saga: Saga | undefined): SagaView | undefined {
  return saga === undefined ? undefined : viewOf(saga)
}

async function busAnswers(bus: Bus): Promise<void> {
  const { ok, detail } = await bus.health()
  if (!ok) throw new Transient(detail ?? 'the bus does not answer')
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined)
}
