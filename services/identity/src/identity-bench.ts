// What the route tests of identity run on: the real service on a database of its own, asked as the gateway asks it.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Bus, PostgresBus } from '@loomworks/bus'
import { replySubject, SagaCommand, type SagaReply, STREAMS } from '@loomworks/contracts'
import { PostgresEventStore } from '@loomworks/event-store'
import { type Clock, derivedId, ServiceName, sha256, systemClock, timeOf, tokenHash } from '@loomworks/kernel'
import { sagaCommandConsumer } from '@loomworks/sagas'
import { consumersOf, type Method, type Platform, type RunningService, silentLog, startService } from '@loomworks/service-kit'
import { type Database, many, sql } from '@loomworks/sql'
import { PLATFORM_SCHEMAS, testDatabase } from '@loomworks/testing'
import { z } from 'zod'
import { identity } from './service.ts'

export const ORIGIN = 'http://localhost:4400'
const OTHERS = ['memory', 'credit'] as const
const POOL_SIZE = 4
const OPERATOR_TOKEN = `lwo_${'o'.repeat(43)}`

export interface BenchOptions {
  readonly adminUrl: string
  readonly clock?: Clock
  readonly environment?: Readonly<Record<string, string>>
}

export interface Ask {
  readonly body?: unknown
  /** The session token the client holds; nobody where absent. */
  readonly session?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into bodies of every shape.
  readonly body: any
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>
  readonly cookies: readonly string[]
}

const Told = z.looseObject({ type: z.string(), actor: z.looseObject({}), revision: z.number().optional(), data: z.looseObject({}) })
export type Told = z.infer<typeof Told>

/** How the other services answer the steps of a signup; a step without an entry is done. */
export type Steps = Map<string, (command: SagaCommand) => StepAnswer | Promise<StepAnswer>>
type StepAnswer = Pick<SagaReply, 'outcome' | 'code' | 'data'>

export interface IdentityBench extends AsyncDisposable {
  readonly db: Database
  readonly steps: Steps
  /** Settings of the deployment, its key files among them. */
  readonly settings: Readonly<Record<string, string>>
  readonly platform: Platform
  readonly service: RunningService
  readonly operatorToken: string
  /** Asks a public operation as the gateway does: introspects the session, sends the token it got. */
  ask(method: Method, url: string, ask?: Ask): Promise<Answer>
  /** Takes the session's token as the gateway has it now, and asks with it from then on, whatever becomes of the session. */
  hold(session: string): Promise<(method: Method, url: string, ask?: Omit<Ask, 'session'>) => Promise<Answer>>
  /** Asks an internal operation as a service: with a token, or with its secret where `secret` says so. */
  internal(from: ServiceName, method: 'GET' | 'POST', url: string, body?: unknown, secret?: boolean): Promise<Answer>
  introspect(token: string): Promise<Answer>
  /** The facts of these types that were told, the oldest first: about one entity, else about all. */
  told(types: string | RegExp | readonly string[], about?: string): Promise<Told[]>
  /** One more instance on the same stores, with other settings where it is said. */
  another(change?: Readonly<Record<string, string>>): Promise<Asking & AsyncDisposable>
}

/** How an instance is asked. */
export type Asking = Pick<IdentityBench, 'ask' | 'hold' | 'internal' | 'introspect' | 'platform'>

export async function identityBench({ adminUrl, clock = systemClock, environment = {} }: BenchOptions): Promise<IdentityBench> {
  const database = await testDatabase(adminUrl, { ...PLATFORM_SCHEMAS, ...(identity.migrations && { identity: identity.migrations }) })
  const home = await mkdtemp(path.join(tmpdir(), 'lw-'))
  const bus = new PostgresBus({ db: database.db, onTrouble: () => undefined })
  const eventStore = new PostgresEventStore({ db: database.db, onTrouble: () => undefined })
  // As few connections as an embedded service has: who needs a second one inside a transaction would wait for ever.
  const pool = database.open(POOL_SIZE)
  const settings = { ...(await settingsIn(home)), ...environment }
  const platform: Platform = {
    eventStore,
    bus,
    databaseOf: () => pool,
    addressOf: (service) => ({ origin: 'http://localhost', socketPath: path.join(home, service) }),
    secretOf,
    logOf: () => silentLog,
    clock,
    environment: settings,
  }
  await bus.ensure({ streams: STREAMS, consumers: [...consumersOf(identity), ...OTHERS.map(sagaCommandConsumer)] })
  const steps: Steps = new Map()
  const others = OTHERS.map((name) => answering(bus, name, steps, clock))
  const service = await startService(identity, platform)
  return {
    db: database.db,
    steps,
    settings,
    platform,
    service,
    operatorToken: OPERATOR_TOKEN,
    ...clientOf(service, clock),
    async told(types, about) {
      const rows = await many(
        database.db,
        z.object({ data: z.string() }),
        sql`select data
              from identity.outbox
             where ${about ?? null}::text is null or entity_id = ${about ?? null}
             order by seq`,
      )
      const isOne = (type: string) => (types instanceof RegExp ? types.test(type) : [types].flat().includes(type))
      return rows.map(({ data }) => Told.parse(JSON.parse(data))).filter(({ type }) => isOne(type))
    },
    async another(change = {}) {
      // Another process has a bus of its own.
      const itsBus = new PostgresBus({ db: database.db, onTrouble: () => undefined })
      const addressOf = (name: ServiceName) => ({ origin: 'http://localhost', socketPath: path.join(home, `${name}-2`) })
      const second = await startService(identity, { ...platform, bus: itsBus, addressOf, environment: { ...settings, ...change } })
      return {
        platform,
        ...clientOf(second, clock),
        async [Symbol.asyncDispose]() {
          await second.stop(5000)
          await itsBus.drain(5000)
        },
      }
    },
    async [Symbol.asyncDispose]() {
      await service.stop(5000)
      await Promise.all(others.map((each) => each.stop(1000)))
      await bus.drain(5000)
      await eventStore.close()
      await database[Symbol.asyncDispose]()
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** A service that takes part in signups, as the bus sees it. */
function answering(bus: Bus, service: (typeof OTHERS)[number], steps: Steps, clock: Clock) {
  return bus.consume(sagaCommandConsumer(service), async ({ data }) => {
    const command = SagaCommand.parse(JSON.parse(data))
    const { id, sagaId, step, dir, attempt } = command
    const answer = (await steps.get(`${step}/${dir}`)?.(command)) ?? { outcome: 'done' as const, data: doneData(command) }
    const reply: SagaReply = { v: 1, id: `${id}/r`, sagaId, step, dir, attempt, at: timeOf(clock.now()), service, instance: 'bench', ...answer }
    await bus.publish({ subject: replySubject(sagaId, step), id: reply.id, data: JSON.stringify(reply) })
    return 'ack'
  })
}

function doneData({ step, dir, data, sagaId }: SagaCommand): NonNullable<StepAnswer['data']> {
  if (dir === 'undo') return { effect: 'reversed' }
  if (step === 'induct') return { engagementId: data.engagementId ?? '', seed: derivedId(sagaId, 'seed'), cycle: derivedId(sagaId, 'cycle'), position: '1' }
  if (step === 'reserve') return { grantId: derivedId(sagaId, 'grant'), assetId: 'loomworks_credit_sonnet', amount: '100000', grantKind: 'operator_curated' }
  return { flowTx: derivedId(sagaId, 'flow'), balance: '100000' }
}

function secretOf(service: ServiceName): string {
  return `secret of ${service}`
}

/** Files and settings of a deployment in a folder. */
async function settingsIn(home: string): Promise<Readonly<Record<string, string>>> {
  const file = async (name: string, text: string) => {
    await writeFile(path.join(home, name), text)
    return path.join(home, name)
  }
  return {
    PUBLIC_ORIGIN: ORIGIN,
    VAULT_KEK_FILE: await file('vault.key', randomBytes(32).toString('base64url')),
    EMAIL_PEPPER_FILE: await file('pepper.key', randomBytes(32).toString('base64url')),
    SERVICE_SECRETS: JSON.stringify(Object.fromEntries(ServiceName.options.map((name) => [name, sha256(secretOf(name))]))),
    OPERATOR_TOKEN_FILE: await file('operator-token', `${OPERATOR_TOKEN}\n`),
  }
}

/** As services keep the tokens of their own. */
const TOKEN_KEPT_MS = 30_000

function clientOf(service: RunningService, clock: Clock): Pick<IdentityBench, 'ask' | 'hold' | 'internal' | 'introspect'> {
  const send = async (method: Method, url: string, authorization: string, { body, headers = {} }: Ask): Promise<Answer> => {
    if (service.app === undefined) throw new Error('identity answers through the kit')
    const answer = await service.app.inject({
      method,
      url,
      headers: {
        authorization,
        'x-client-ip': '203.0.113.7',
        'user-agent': 'bench',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const json = String(answer.headers['content-type'] ?? '').includes('json')
    const cookies = [answer.headers['set-cookie'] ?? []].flat()
    return { status: answer.statusCode, body: json ? answer.json() : answer.body, headers: answer.headers, cookies }
  }
  const secretHeader = (from: ServiceName) => `Service ${from}:${secretOf(from)}`
  const tokens = new Map<ServiceName, { readonly token: string; readonly atMs: number }>()
  const tokenOf = async (from: ServiceName) => {
    const known = tokens.get(from)
    const ageMs = clock.now() - (known?.atMs ?? 0)
    if (known !== undefined && ageMs >= 0 && ageMs < TOKEN_KEPT_MS) return `Bearer ${known.token}`
    const { body } = await send('POST', '/internal/tokens/service', secretHeader(from), { body: { audience: 'identity' } })
    tokens.set(from, { token: body.token, atMs: clock.now() })
    return `Bearer ${body.token}`
  }
  const introspect = (token: string) =>
    send('POST', '/internal/introspect', secretHeader('gateway'), { body: { credentialHash: tokenHash(token), audience: 'identity' } })
  return {
    introspect,
    async ask(method, url, { session, ...ask } = {}) {
      const token = session === undefined ? undefined : (await introspect(session)).body.token
      return send(method, url, token === undefined ? await tokenOf('gateway') : `Bearer ${token}`, ask)
    },
    async hold(session) {
      const { token } = (await introspect(session)).body
      return (method, url, ask = {}) => send(method, url, `Bearer ${token}`, ask)
    },
    internal: async (from, method, url, body, secret = false) =>
      send(method, url, secret ? secretHeader(from) : await tokenOf(from), { ...(body !== undefined && { body }) }),
  }
}
