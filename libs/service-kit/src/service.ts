// A service is a value: its operations, what it hears, what it runs beside them. The same value runs alone (`runService`), with
// the other five in one process (dev/all.ts) and in the tests.
import { setTimeout as delay } from 'node:timers/promises'
import { type Bus, type ConsumerSpec, type Consumption, OutboxRelay, type OutgoingRow } from '@loomworks/bus'
import type { EventStore, Sealer } from '@loomworks/event-store'
import { type Catalogue, type Clock, newId, type RefusalEntry, type ServiceName, Terminal, Transient } from '@loomworks/kernel'
import type { Projection } from '@loomworks/projections'
import { consumeSagaCommands, type EffectsAfter, type SagaStep, sagaCommandConsumer } from '@loomworks/sagas'
import { type Database, exec, sql } from '@loomworks/sql'
import type { FastifyInstance } from 'fastify'
import type { JSONWebKeySet } from 'jose'
import { z } from 'zod'
import { busMetrics } from './bus-metrics.ts'
import { type ServiceClient, serviceClient } from './client.ts'
import { consumeEvents, type EventHandler, laneConsumers } from './consumer.ts'
import { httpServer } from './http.ts'
import type { Log } from './logger.ts'
import { messageOperations } from './message-operations.ts'
import { type ServiceMetrics, serviceMetrics } from './metrics.ts'
import type { Operation } from './operation.ts'
import { outboxMetrics } from './outbox-metrics.ts'
import type { Address } from './pool.ts'
import { projectionWorker } from './projecting.ts'
import { fenceMetrics } from './saga-metrics.ts'
import { sagaOperations } from './saga-operations.ts'
import { type HttpServer, kitServer } from './server.ts'
import { tokenVerifier } from './token.ts'
import { keepRunning, type Worker } from './worker.ts'

/** What the deployment gives to all services: adapters chosen in one place, the platform builder. */
export interface Platform {
  readonly eventStore: EventStore
  readonly bus: Bus
  /** The pool of a service, under its own role. */
  readonly databaseOf: (service: ServiceName) => Database
  readonly addressOf: (service: ServiceName) => Address
  readonly secretOf: (service: ServiceName) => string
  readonly logOf: (service: ServiceName) => Log
  readonly clock: Clock
  /** Settings by name; a service's `config.ts` is their only reader. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** The platform as one service sees it while it is wired. */
export interface Wiring<Config> {
  readonly config: Config
  readonly eventStore: EventStore
  readonly bus: Bus
  readonly db: Database
  readonly client: ServiceClient
  readonly relay: OutboxRelay
  readonly addressOf: Platform['addressOf']
  readonly clock: Clock
  readonly log: Log
  readonly metrics: ServiceMetrics
  /** Names this process among the instances of the service. */
  readonly instance: string
}

export interface ServiceDefinition<Parts, Config> {
  readonly name: ServiceName
  readonly config: z.ZodType<Config>
  readonly refusals: readonly Catalogue<Record<string, RefusalEntry>>[]
  readonly operations: readonly Operation<Parts>[]
  readonly wire: (wiring: Wiring<Config>) => Parts | Promise<Parts>
  /** Folder of SQL migrations; absent where the service owns no rows. */
  readonly migrations?: string
  /** Rows are read under row-level security, by the role `<name>_reader`. */
  readonly reader?: boolean
  readonly hears?: readonly EventHandler<Parts>[]
  /** The saga steps this service takes part with. */
  readonly sagaSteps?: readonly SagaStep<Parts>[]
  /** The things of this service that its saga steps make or hold, for reconciling. */
  readonly sagaEffects?: (parts: Parts) => EffectsAfter
  /** Seals what stream steps append, where the service keeps text in its streams. */
  readonly sealer?: (parts: Parts) => Sealer
  /** Durable consumers made before the service starts, besides those of `hears` and `sagaSteps`. */
  readonly consumers?: readonly ConsumerSpec[]
  /** The read models and feeds made from the service's own streams, with a checkpoint each in its schema. */
  readonly projections?: (parts: Parts) => readonly Projection[]
  readonly workers?: (parts: Parts) => readonly Worker[]
  /** What must be done with outbox rows before they are published, in their order. */
  readonly beforePublish?: (eventStore: EventStore) => (rows: readonly OutgoingRow[]) => Promise<void>
  readonly serviceOfSecret?: (parts: Parts) => (authorization: string | undefined) => string | undefined
  readonly keys?: (parts: Parts) => () => Promise<JSONWebKeySet>
  /** A server of its own in place of the kit's: the gateway. */
  readonly server?: (parts: Parts, wiring: Wiring<Config>) => HttpServer
}

/** A definition with its types forgotten, as runners list it. */
export type AnyService = ServiceDefinition<never, never>

export function defineService<Parts, Config>(definition: ServiceDefinition<Parts, Config>): ServiceDefinition<Parts, Config> {
  return definition
}

/** The durables a service reads from, made before it starts. */
export function consumersOf<Parts, Config>({ name, hears = [], sagaSteps = [], consumers = [] }: ServiceDefinition<Parts, Config>): readonly ConsumerSpec[] {
  const events = hears.map((handler) => handler.event)
  return [...(events.length > 0 ? laneConsumers(name, events) : []), ...(sagaSteps.length > 0 ? [sagaCommandConsumer(name)] : []), ...consumers]
}

export interface RunningService {
  readonly name: ServiceName
  /** The kit's server, for requests without a socket; absent where a service brings its own. */
  readonly app: FastifyInstance | undefined
  /** Resolves when every dependency answers; throws the last trouble at the deadline. */
  ready(deadlineMs: number): Promise<void>
  /** Not ready, for `announceMs` (0) → HTTP stopped → consumption stopped → workers ended → outbox flushed. */
  stop(deadlineMs: number, announceMs?: number): Promise<void>
}

export async function startService<Parts, Config>(definition: ServiceDefinition<Parts, Config>, platform: Platform): Promise<RunningService> {
  const wiring = wired(definition, platform)
  const parts = await definition.wire(wiring)
  const { app, server } = serverOf(definition, parts, wiring)
  await server.listen(platform.addressOf(definition.name))
  const work = startWork(definition, parts, wiring)
  let stopped: Promise<void> | undefined
  const stop = async (deadlineMs: number, announceMs: number) => {
    server.drain()
    if (announceMs > 0) await delay(announceMs)
    await server.close(deadlineMs)
    await work.stop(deadlineMs)
    await wiring.client.close()
  }
  return {
    name: definition.name,
    app,
    ready: (deadlineMs) => untilReady(server, deadlineMs),
    stop(deadlineMs, announceMs = 0) {
      stopped ??= stop(deadlineMs, announceMs)
      return stopped
    },
  }
}

function wired<Parts, Config>(definition: ServiceDefinition<Parts, Config>, platform: Platform): Wiring<Config> {
  const { name } = definition
  const db = platform.databaseOf(name)
  const log = platform.logOf(name)
  const instance = `${name}-${newId().slice(-12)}`
  const { bus, clock, eventStore } = platform
  const client = serviceClient({ service: name, secret: platform.secretOf(name), addressOf: platform.addressOf, now: () => clock.now() })
  const before = definition.beforePublish?.(eventStore)
  const relay = new OutboxRelay({
    service: name,
    db,
    bus,
    instance,
    onTrouble: (error) => log.warn({ err: error }, 'outbox relay waits'),
    ...(before && { before }),
  })
  const { addressOf } = platform
  return {
    config: configOf(definition, platform.environment),
    eventStore,
    bus,
    db,
    client,
    relay,
    addressOf,
    clock,
    log,
    metrics: serviceMetrics(name),
    instance,
  }
}

/** Reads the settings through the service's schema. A wrong one stops the start with one sentence. */
function configOf<Parts, Config>({ name, config }: ServiceDefinition<Parts, Config>, environment: Platform['environment']): Config {
  const parsed = config.safeParse(environment)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Terminal('config.invalid', `${name} cannot start: ${issue?.path.join('.') ?? 'a setting'}: ${issue?.message ?? 'wrong'}.`)
}

interface Serving {
  readonly app: FastifyInstance | undefined
  readonly server: HttpServer
}

function serverOf<Parts, Config>(definition: ServiceDefinition<Parts, Config>, parts: Parts, wiring: Wiring<Config>): Serving {
  if (definition.server !== undefined) return { app: undefined, server: definition.server(parts, wiring) }
  const app = appOf(definition, parts, wiring)
  return { app, server: kitServer(app) }
}

function appOf<Parts, Config>(definition: ServiceDefinition<Parts, Config>, parts: Parts, wiring: Wiring<Config>): FastifyInstance {
  const { client, clock, log, metrics } = wiring
  const remoteKeys = () => client.call('identity', z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })) }), { path: '/internal/keys' })
  const verifier = tokenVerifier(definition.name, definition.keys?.(parts) ?? remoteKeys, () => clock.now())
  const secrets = definition.serviceOfSecret?.(parts)
  return httpServer({
    service: definition.name,
    operations: [...definition.operations, ...toolOperations(definition, parts, wiring)],
    parts,
    verifier,
    clock,
    log,
    metrics,
    probes: probesOf(wiring),
    clockSkewS: () => client.clockSkewS(),
    ...(secrets && { serviceOfSecret: secrets }),
  })
}

/** Who takes part in sagas, or publishes facts, answers to the saga tool. */
function toolOperations<Parts, Config>(
  { name, migrations, sagaSteps = [], sagaEffects }: ServiceDefinition<Parts, Config>,
  parts: Parts,
  { db, bus }: Wiring<Config>,
): readonly Operation<Parts>[] {
  const ofSagas = sagaSteps.length === 0 ? [] : sagaOperations({ db, schema: name, effects: sagaEffects?.(parts) ?? (async () => []) })
  return [...ofSagas, ...(migrations === undefined ? [] : messageOperations(name, bus))]
}

function probesOf<Config>({ db, bus, eventStore, client }: Wiring<Config>): Readonly<Record<string, () => Promise<void>>> {
  return {
    database: async () => void (await exec(db, sql`select 1`)),
    bus: async () => {
      const { ok, detail } = await bus.health()
      if (!ok) throw new Transient(detail ?? 'the bus does not answer')
    },
    event_store: () => eventStore.health(),
    identity: async () => void (await client.tokenFor('identity')),
  }
}

interface Work {
  stop(deadlineMs: number): Promise<void>
}

function startWork<Parts, Config>(definition: ServiceDefinition<Parts, Config>, parts: Parts, wiring: Wiring<Config>): Work {
  const { workers, projections, name } = definition
  const { relay, log } = wiring
  const stopping = new AbortController()
  const consumptions = startConsumptions(definition, parts, wiring)
  if (definition.migrations !== undefined) outboxMetrics(name, wiring)
  busMetrics(consumersOf(definition), wiring)
  const relays: readonly Worker[] = definition.migrations === undefined ? [] : [{ name: 'outbox', run: (signal) => relay.run(signal) }]
  const projecting = projections === undefined ? [] : [projectionWorker(name, projections(parts), wiring)]
  const loops = [...relays, ...projecting, ...(workers?.(parts) ?? [])].map((worker) => keepRunning(worker, stopping.signal, log))
  return {
    async stop(deadlineMs) {
      await Promise.all(consumptions.map((consumption) => consumption.stop(deadlineMs)))
      stopping.abort()
      await Promise.all(loops)
      if (definition.migrations !== undefined) await relay.flush().catch((error: unknown) => log.warn({ err: error }, 'outbox not flushed'))
    },
  }
}

function startConsumptions<Parts, Config>(definition: ServiceDefinition<Parts, Config>, parts: Parts, wiring: Wiring<Config>): readonly Consumption[] {
  const { name, hears = [], sagaSteps = [], sealer } = definition
  const { bus, db, eventStore, clock, instance, log, metrics } = wiring
  const events = hears.length > 0 ? consumeEvents({ service: name, bus, db, handlers: hears, parts }) : []
  if (sagaSteps.length === 0) return events
  const onTrouble = (error: unknown) => log.warn({ err: error }, 'old fences wait to be dropped')
  const seals = sealer?.(parts)
  const steps = {
    service: name,
    bus,
    db,
    schema: name,
    steps: sagaSteps,
    parts,
    instance,
    clock,
    eventStore,
    onTrouble,
    onDuplicate: fenceMetrics(metrics),
    ...(seals && { sealer: seals }),
  }
  return [...events, consumeSagaCommands(steps)]
}

async function untilReady(server: HttpServer, deadlineMs: number): Promise<void> {
  const end = Date.now() + deadlineMs
  for (;;) {
    try {
      return await server.ready()
    } catch (error) {
      if (Date.now() > end) throw error
    }
    await delay(20)
  }
}
