// A saga on the real PostgreSQL: bus, fences, list of sagas and event store, with participants whose effects are rows of a table.
import { fileURLToPath } from 'node:url'
import { type Bus, PostgresBus } from '@loomworks/bus'
import {
  activatePerson,
  confirmGrant,
  createPendingPerson,
  inductPersonalEngagement,
  joinCommons,
  reserveGrant,
  STREAMS,
  type StepMessage,
} from '@loomworks/contracts'
import { type EventStore, PostgresEventStore } from '@loomworks/event-store'
import { actorFromPerson, type Clock, derivedId, newId, type PersonId, Refusal, type SagaId, systemClock, Transient } from '@loomworks/kernel'
import { type Database, exec, many, migrate, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { anySaga } from '../definition.ts'
import { SagaHost, type SagaHostOptions, sagaReplyConsumer } from '../host.ts'
import { consumeSagaCommands, sagaCommandConsumer } from '../participant.ts'
import { type SagaStep, sagaStep, streamStep } from '../step.ts'
import { parallelSaga } from './sagas.ts'

const SCHEMA = 'host'
const TABLES = fileURLToPath(new URL('../../tables', import.meta.url))

/** What a step does when it is called, beside its effect. */
export interface Behaviour {
  /** Refuse with this code. */
  readonly fail?: string
  /** Throw this after the effect, before the commit. */
  readonly crash?: () => void
}

export type Behaviours = Partial<Record<string, Behaviour>>

/** Creates what the rows of hosts and participants need, in a database where event store and bus are. */
export async function prepareStand(db: Database): Promise<void> {
  await db.transaction((tx) => migrate(tx, SCHEMA, TABLES))
  await exec(db, sql`create table host.effect (saga_id uuid, step text, dir text, primary key (saga_id, step, dir))`)
}

export async function prepareBus(bus: Bus): Promise<void> {
  await bus.ensure({ streams: STREAMS, consumers: [sagaReplyConsumer, ...(['identity', 'memory', 'credit'] as const).map(sagaCommandConsumer)] })
}

/** A row for each effect and each reversal, so that a second one breaks the primary key. */
export function rowStep<M extends StepMessage>(message: M, behaviours: Behaviours): SagaStep<undefined> {
  const mark = (tx: Tx, sagaId: SagaId, dir: string) => exec(tx, sql`insert into host.effect (saga_id, step, dir) values (${sagaId}, ${message.step}, ${dir})`)
  const handlers = {
    async do(tx: Tx, _data: unknown, { sagaId }: { sagaId: SagaId }) {
      await mark(tx, sagaId, 'do')
      const { fail, crash } = behaviours[message.step] ?? {}
      crash?.()
      if (fail !== undefined) throw new Refusal({ code: fail, status: 409, says: 'refused', remedy: 'none' })
      return message.sample.done
    },
    async undo(tx: Tx, _data: unknown, { sagaId }: { sagaId: SagaId }) {
      await mark(tx, sagaId, 'undo')
      behaviours[`${message.step}/undo`]?.crash?.()
      return 'reversed' as const
    },
  }
  return sagaStep(message, handlers as never)
}

export const inductStep: SagaStep<undefined> = streamStep<typeof inductPersonalEngagement, undefined>(inductPersonalEngagement, {
  stream: ({ engagementId }) => `engagement-${engagementId}`,
  facts: ({ personId }) => ['Engagement', 'Seed', 'Cycle'].map((type) => ({ type, data: { personId } })),
  done: ({ engagementId }, events) => ({
    engagementId,
    seed: derivedId(engagementId, 'seed'),
    cycle: derivedId(engagementId, 'cycle'),
    position: String(BigInt(events.at(-1)?.position ?? '0')),
  }),
  voidFact: ({ personId }) => ({ type: 'EngagementVoided', data: { personId } }),
  isVoid: ({ type }) => type === 'EngagementVoided',
})

function stepsOf(behaviours: Behaviours): Readonly<Record<'identity' | 'memory' | 'credit', readonly SagaStep<undefined>[]>> {
  return {
    identity: [createPendingPerson, joinCommons, activatePerson].map((message) => rowStep(message, behaviours)),
    memory: [inductStep],
    credit: [reserveGrant, confirmGrant].map((message) => rowStep(message, behaviours)),
  }
}

export interface Stand extends AsyncDisposable {
  readonly host: SagaHost
  readonly bus: Bus
  readonly store: EventStore
}

export interface StandOptions extends Partial<Pick<SagaHostOptions, 'onTerminal' | 'orphans' | 'openMax'>> {
  readonly db: Database
  readonly behaviours?: Behaviours
  readonly clock?: Clock
  /** What the host sends is lost: it dies between append and publish. */
  readonly mute?: boolean
  /** Services that do not listen. */
  readonly absent?: readonly string[]
  readonly onTrouble?: (error: unknown) => void
}

/** One process: a host and its three participants on one database. */
export function openStand({ db, behaviours = {}, absent = [], mute = false, clock = systemClock, onTrouble = () => {}, ...rest }: StandOptions): Stand {
  const bus = new PostgresBus({ db, onTrouble })
  const store = new PostgresEventStore({ db, onTrouble })
  const host = new SagaHost({ sagas: [anySaga(parallelSaga)], eventStore: store, bus: mute ? muted(bus) : bus, db, schema: SCHEMA, clock, onTrouble, ...rest })
  const stopping = new AbortController()
  const running = host.run(stopping.signal)
  const common = { bus, db, schema: SCHEMA, parts: undefined, instance: newId().slice(-6), eventStore: store, clock }
  const consumptions = Object.entries(stepsOf(behaviours))
    .filter(([service]) => !absent.includes(service))
    .map(([service, steps]) => consumeSagaCommands({ ...common, service: service as 'identity', steps }))
  return {
    host,
    bus,
    store,
    async [Symbol.asyncDispose]() {
      await Promise.all(consumptions.map((consumption) => consumption.stop(5000)))
      stopping.abort()
      await running
      await bus.drain(5000)
      await store.close()
    },
  }
}

function muted(bus: Bus): Bus {
  return new Proxy(bus, {
    get(target, name) {
      if (name === 'publish') return () => Promise.reject(new Transient('the host is cut off'))
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

export function someone() {
  const sagaId = newId<'saga'>()
  return {
    sagaId,
    actor: actorFromPerson(derivedId<'person'>(sagaId, 'person') as PersonId),
    correlationId: sagaId,
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  }
}

/** The effects of a saga that stand: done and not reversed. */
export async function standing(db: Database, sagaId: string): Promise<readonly string[]> {
  const rows = await many(
    db,
    z.object({ step: z.string() }),
    sql`select step from host.effect where saga_id = ${sagaId} group by step having count(*) = 1 and min(dir) = 'do' order by step`,
  )
  return rows.map(({ step }) => step)
}
