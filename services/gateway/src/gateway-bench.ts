// The real gateway on a real TCP port, in front of one small service and a stand-in for identity: what its own tests run on.
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Bus, PostgresBus } from '@loomworks/bus'
import { STREAMS } from '@loomworks/contracts'
import { PostgresEventStore } from '@loomworks/event-store'
import { type Clock, newId, type PersonId, systemClock, tokenHash } from '@loomworks/kernel'
import { defineService, type Platform, type RunningService, silentLog, startService } from '@loomworks/service-kit'
import { IdentityStandIn, PLATFORM_SCHEMAS, type TokenClaims, testDatabase } from '@loomworks/testing'
import { API, OPERATIONS, type Upstream, upstreamParts } from './bench-api.ts'
import type { SocketLimits } from './server.ts'
import { gatewayWith } from './service.ts'

export const ORIGIN = 'http://localhost:4400'

export interface BenchOptions {
  readonly adminUrl: string
  readonly environment?: Readonly<Record<string, string>>
  readonly clock?: Clock
  readonly socket?: SocketLimits
  /** In place of the one in PostgreSQL. */
  readonly bus?: Bus
}

export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into bodies of every shape.
  readonly body: any
  readonly headers: Headers
}

export interface GatewayBench extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly identity: IdentityStandIn
  readonly platform: Platform
  readonly gateway: RunningService
  /** What the service behind the gateway does and has done. */
  readonly upstream: Upstream
  /** Every request that reached the service behind the gateway, in order. */
  readonly seen: readonly Seen[]
  /** A bearer token of somebody; nobody in particular where it is not said who. */
  token(claims?: Partial<TokenClaims>): string
  ask(method: string, target: string, init?: RequestInit): Promise<Answer>
  /** Another instance of the gateway before the same services, with a connection of its own to the bus. */
  another(bus: Bus): Promise<Another>
  /** Stops the service behind the gateway. */
  stopUpstream(): Promise<void>
}

export interface Another extends AsyncDisposable {
  ask(method: string, target: string, init?: RequestInit): Promise<Answer>
}

/** Every rate so high that no test meets it; a test of the limits sets its own. */
const NO_RATES = {
  RATE_IP: '100000/s',
  RATE_AUTH: '100000/s',
  RATE_SIGNUP_BEGIN: '100000/s',
  RATE_CLAIM: '100000/s',
  RATE_PERSON: '100000/s',
  RATE_AGENT: '100000/s',
}

export async function gatewayBench({ adminUrl, environment = {}, clock = systemClock, socket, bus: given }: BenchOptions): Promise<GatewayBench> {
  const database = await testDatabase(adminUrl, PLATFORM_SCHEMAS)
  const sockets = await mkdtemp(path.join(tmpdir(), 'lw-'))
  const onTrouble = () => undefined
  const bus = given ?? new PostgresBus({ db: database.db, onTrouble })
  const eventStore = new PostgresEventStore({ db: database.db, onTrouble })
  const identity = await IdentityStandIn.listening(path.join(sockets, 'identity'), clock)
  const port = await freePort()
  const platform: Platform = {
    eventStore,
    bus,
    databaseOf: () => database.db,
    addressOf: (service) =>
      service === 'gateway' ? { origin: `http://127.0.0.1:${port}` } : { origin: 'http://localhost', socketPath: path.join(sockets, service) },
    secretOf: () => 'secret',
    logOf: () => silentLog,
    clock,
    environment: { PUBLIC_ORIGIN: ORIGIN, ...NO_RATES, ...environment },
  }
  await bus.ensure({ streams: STREAMS, consumers: [] })
  const seen: Seen[] = []
  const upstream = upstreamParts()
  const memory = await startService(
    defineService({ name: 'memory', config: upstream.config, refusals: [], operations: OPERATIONS, wire: () => upstream }),
    platform,
  )
  memory.app?.server.on('request', ({ method = '', url = '', headers }: IncomingMessage) => void seen.push({ method, url, headers }))
  const gateway = await startService(gatewayWith(API, socket), platform)
  await gateway.ready(10_000)
  const url = `http://127.0.0.1:${port}`
  return {
    url,
    port,
    identity,
    platform,
    gateway,
    upstream,
    seen,
    token: (claims) => tokenOf(identity, claims),
    ask: (method, target, init) => ask(url, method, target, init),
    another: (own) => anotherOf(platform, own, socket),
    stopUpstream: () => memory.stop(1000),
    async [Symbol.asyncDispose]() {
      await gateway.stop(5000)
      await memory.stop(5000)
      await bus.drain(5000)
      await eventStore.close()
      await identity[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
      await rm(sockets, { recursive: true, force: true })
    },
  }
}

async function anotherOf(platform: Platform, bus: Bus, socket: SocketLimits | undefined): Promise<Another> {
  const port = await freePort()
  const addressOf: Platform['addressOf'] = (service) => (service === 'gateway' ? { origin: `http://127.0.0.1:${port}` } : platform.addressOf(service))
  const gateway = await startService(gatewayWith(API, socket), { ...platform, bus, addressOf })
  await gateway.ready(10_000)
  return {
    ask: (method, target, init) => ask(`http://127.0.0.1:${port}`, method, target, init),
    async [Symbol.asyncDispose]() {
      await gateway.stop(5000)
      await bus.drain(5000)
    },
  }
}

function tokenOf(identity: IdentityStandIn, claims: Partial<TokenClaims> = {}): string {
  const token = `lws_${newId()}`
  const id: PersonId = newId()
  identity.credentials.set(tokenHash(token), { actor: { kind: 'person', id }, sessionId: newId(), ...claims })
  return token
}

async function ask(url: string, method: string, target: string, init: RequestInit = {}): Promise<Answer> {
  const answer = await fetch(url + target, { method, ...init })
  const text = await answer.text()
  const isJson = text !== '' && answer.headers.get('content-type')?.includes('json') === true
  return { status: answer.status, body: isJson ? JSON.parse(text) : text, headers: answer.headers }
}

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })
export const json = (token: string): Record<string, string> => ({ ...bearer(token), 'content-type': 'application/json' })

export function freePort(): Promise<number> {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => done(port))
    })
  })
}
