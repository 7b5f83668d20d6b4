// One service on the embedded adapters, with a database of its own and a stand-in for identity: what its route tests run on.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { outboxRowOf, PostgresBus } from '@loomworks/bus'
import { commandMessageId, commandSubject, type EventType, replySubject, SagaReply, STREAMS, type StepMessage } from '@loomworks/contracts'
import { PostgresEventStore } from '@loomworks/event-store'
import { type Clock, type JsonObject, newId, type PersonId, type SagaId, systemClock, type Time } from '@loomworks/kernel'
import { childTrace, consumersOf, type Platform, type RunningService, type ServiceDefinition, silentLog, startService } from '@loomworks/service-kit'
import type { z } from 'zod'
import { PLATFORM_SCHEMAS, type TestDatabase, testDatabase } from './database.ts'
import { eventually } from './eventually.ts'
import { IdentityStandIn, type TokenClaims } from './identity-stand-in.ts'

export interface BenchOptions<Parts, Config> {
  readonly adminUrl: string
  readonly definition: ServiceDefinition<Parts, Config>
  readonly environment?: Readonly<Record<string, string>>
  readonly clock?: Clock
}

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into bodies of every shape.
  readonly body: any
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>
}

export interface Ask {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends requests as somebody. */
export interface Client {
  get(url: string, ask?: Ask): Promise<Answer>
  post(url: string, body?: unknown, ask?: Ask): Promise<Answer>
  patch(url: string, body?: unknown, ask?: Ask): Promise<Answer>
}

export interface Ordered {
  readonly sagaId: SagaId
  readonly dir?: 'do' | 'undo'
  readonly attempt?: number
}

export interface ServiceBench extends AsyncDisposable {
  readonly database: TestDatabase
  readonly platform: Platform
  readonly identity: IdentityStandIn
  readonly service: RunningService
  /** A client that carries a token of this person; `claims` narrow or widen it. */
  person(id: PersonId, claims?: Partial<TokenClaims>): Client
  as(claims: TokenClaims): Client
  /** Without any token. */
  readonly stranger: Client
  /** Puts an integration event on the bus, as its service would; resolves when the bus has it. */
  publish<S extends z.ZodType>(
    type: EventType<string, S>,
    data: z.input<S>,
    about?: { readonly cause?: string; readonly at?: Time; readonly revision?: number; readonly prevRevision?: number },
  ): Promise<void>
  /** Orders a saga step as the host would, and gives its answer. */
  order(message: StepMessage, data: JsonObject, about: Ordered): Promise<SagaReply>
  /** Stops the service and starts it again on the same stores. */
  restart(): Promise<void>
}

export async function serviceBench<Parts, Config>({
  adminUrl,
  definition,
  environment = {},
  clock = systemClock,
}: BenchOptions<Parts, Config>): Promise<ServiceBench> {
  const { migrations: directory, reader = false } = definition
  const database = await testDatabase(adminUrl, { ...PLATFORM_SCHEMAS, ...(directory && { [definition.name]: { directory, reader } }) })
  const sockets = await mkdtemp(path.join(tmpdir(), 'lw-'))
  const onTrouble = (error: unknown) => void process.stderr.write(`${definition.name}: ${String(error)}\n`)
  const bus = new PostgresBus({ db: database.db, onTrouble, onFailure: onTrouble })
  const eventStore = new PostgresEventStore({ db: database.db, onTrouble })
  const identity = await IdentityStandIn.listening(path.join(sockets, 'identity'), clock)
  const platform: Platform = {
    eventStore,
    bus,
    databaseOf: () => database.db,
    addressOf: (service) => ({ origin: 'http://localhost', socketPath: path.join(sockets, service) }),
    secretOf: () => 'secret',
    logOf: () => silentLog,
    clock,
    environment,
  }
  await bus.ensure({ streams: STREAMS, consumers: consumersOf(definition) })
  let service = await startService(definition, platform)
  const clientOf = (token: (() => Promise<string>) | undefined) => client(() => service, token)
  return {
    database,
    platform,
    identity,
    get service() {
      return service
    },
    person: (id, claims) => clientOf(() => identity.person(definition.name, id, claims)),
    as: (claims) => clientOf(() => identity.token(definition.name, claims)),
    stranger: clientOf(undefined),
    async publish(type, data, { cause = newId(), at = new Date(clock.now()).toISOString(), revision, prevRevision } = {}) {
      const stating = { at, actor: { kind: 'service', id: 'signup' }, correlationId: cause, causationId: cause, traceparent: childTrace() } as const
      const {
        id,
        subject,
        headers,
        data: text,
      } = outboxRowOf({ type, data, cause, ...(revision !== undefined && { revision }), ...(prevRevision !== undefined && { prevRevision }) }, stating)
      await bus.publish({ subject, id, headers: { ...headers, 'message-id': id }, data: text })
    },
    order: (message, data, about) => order(bus, message, data, { clock, ...about }),
    async restart() {
      await service.stop(5000)
      service = await startService(definition, platform)
    },
    async [Symbol.asyncDispose]() {
      await service.stop(5000)
      await bus.drain(5000)
      await eventStore.close()
      await identity[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
      await rm(sockets, { recursive: true, force: true })
    },
  }
}

async function order(
  bus: PostgresBus,
  message: StepMessage,
  data: JsonObject,
  { sagaId, dir = 'do', attempt = 1, clock }: Ordered & { readonly clock: Clock },
): Promise<SagaReply> {
  const id = commandMessageId(sagaId, message.step, dir, attempt)
  const around = { definition: 'signup', definitionVersion: 1, correlationId: sagaId, causationId: sagaId, traceparent: childTrace() }
  const issuedAt = new Date(clock.now()).toISOString()
  const command = { v: message.v, id, sagaId, step: message.step, dir, attempt, ...around, issuedAt, data }
  await bus.publish({ subject: commandSubject(message.service, sagaId, message.step, dir), id, data: JSON.stringify(command) })
  return eventually(async () => {
    for await (const { id: replyId, data: text } of bus.browse('SAGA_REP', replySubject(sagaId, message.step))) {
      if (replyId === `${id}/r`) return SagaReply.parse(JSON.parse(text))
    }
    throw new Error(`no reply to ${id}`)
  })
}

function client(service: () => RunningService, token: (() => Promise<string>) | undefined): Client {
  const send = async (method: 'GET' | 'POST' | 'PATCH', url: string, { body, headers = {} }: Ask): Promise<Answer> => {
    const { app } = service()
    if (app === undefined) throw new Error('this service brings a server of its own')
    const answer = await app.inject({
      method,
      url,
      headers: { ...(token && { authorization: `Bearer ${await token()}` }), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const json = String(answer.headers['content-type'] ?? '').includes('json')
    return { status: answer.statusCode, body: json ? answer.json() : answer.body, headers: answer.headers }
  }
  return {
    get: (url, ask = {}) => send('GET', url, ask),
    post: (url, body, ask = {}) => send('POST', url, { ...ask, body }),
    patch: (url, body, ask = {}) => send('PATCH', url, { ...ask, body }),
  }
}
