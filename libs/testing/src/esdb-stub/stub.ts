// EventStoreDB as a test fixture: a server of the protocol that its client speaks, with the log in memory or in a file and with
// the faults of real servers on demand. Never part of a shipped command.
import type { RequestListener } from 'node:http'
import { type Metadata, Server, ServerCredentials } from '@grpc/grpc-js'
import { appendOn, batchAppendOn } from './append.ts'
import { type Door, openDoor } from './door.ts'
import { Faults } from './faults.ts'
import { type LogFile, openLogFile } from './file.ts'
import { StubLog } from './log.ts'
import { NOT_READY, streamDeleted } from './messages.ts'
import { featuresPb, featuresService, gossipPb, gossipService, type IStreamsServer, streamsPb, streamsService } from './protocol.ts'
import { readOn } from './read.ts'

const { LEADER, FOLLOWER } = gossipPb.MemberInfo.VNodeState
const STREAMS = 'event_store.client.streams.Streams'

export interface StubOptions {
  /** 0, where it is not said: any that is free. */
  readonly port?: number
  /** Keeps the log on disk, so that what was acknowledged outlives the process. */
  readonly file?: string
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly version?: string
  /** Most calls at once on one connection, as the server has it; a further one waits without a word. */
  readonly streamsPerConnection?: number
  /** Says that another node leads, where it is not this one. */
  readonly leader?: { readonly host: string; readonly port: number }
}

export class EsdbStub {
  readonly faults = new Faults()
  readonly log: StubLog
  readonly #file: LogFile | undefined
  readonly #options: StubOptions
  #running: { readonly door: Door; readonly grpc: Server } | undefined
  readonly #clients = new Set<string>()
  #port: number
  #thaw: NodeJS.Timeout | undefined

  constructor(options: StubOptions = {}) {
    this.#options = options
    this.#port = options.port ?? 0
    this.#file = options.file === undefined ? undefined : openLogFile(options.file)
    this.log = this.#file?.log ?? new StubLog()
  }

  get port(): number {
    return this.#port
  }

  /** How many clients there have been; each gives itself a name. */
  get clients(): number {
    return this.#clients.size
  }

  /** How many connections are open that speak gRPC. */
  get connections(): number {
    return this.#running?.door.connections ?? 0
  }

  /** What a client is given; `more` are further settings of the client. */
  url(more = ''): string {
    const tls = this.#options.tls === undefined ? 'tls=false' : 'tls=true'
    return `esdb://127.0.0.1:${this.#port}?${tls}${more}`
  }

  /** Begins to listen; again on the same port after `die`. */
  async start(): Promise<this> {
    const { tls, streamsPerConnection = 100 } = this.#options
    const grpc = new Server({ 'grpc.max_concurrent_streams': streamsPerConnection, 'grpc.max_receive_message_length': 17 * 1024 * 1024 })
    grpc.addService(streamsService.StreamsService, this.#streams())
    grpc.addService(gossipService.GossipService, { read: (_: unknown, answer: Answer) => answer(null, this.#members()) })
    grpc.addService(featuresService.ServerFeaturesService, { getSupportedMethods: (_: unknown, answer: Answer) => this.#features(answer) })
    const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure())
    const door = await openDoor({
      port: this.#port,
      ...(tls && { tls }),
      onHttp: this.#http(),
      onGrpc: (connection) => injector.injectConnection(connection),
    })
    this.#port = door.port
    this.#running = { door, grpc }
    return this
  }

  /** Cuts every connection and is gone, until `start`. The log stays. */
  async die(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    clearTimeout(this.#thaw)
    await running?.door.close()
    running?.grpc.forceShutdown()
  }

  /** Cuts every connection; new ones are taken. */
  cut(): void {
    this.#running?.door.cut()
  }

  /** Stands still with its connections open; for ever where no time is said. */
  freeze(ms?: number): void {
    this.#running?.door.shut()
    if (ms !== undefined) this.#thaw = setTimeout(() => this.thaw(), ms)
  }

  /** Lets the connections hang that are open now, as where a network has lost them; new ones are served. */
  stall(): void {
    this.#running?.door.stall()
  }

  thaw(): void {
    clearTimeout(this.#thaw)
    this.#running?.door.open()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die()
    this.#file?.close()
  }

  #streams(): IStreamsServer & Record<string, never> {
    const { log, faults } = this
    const seen = <Call extends { readonly metadata: Metadata }, Rest extends unknown[]>(handle: (call: Call, ...rest: Rest) => void) => {
      return (call: Call, ...rest: Rest): void => {
        this.#clients.add(String(call.metadata.get('connection-name')))
        handle(call, ...rest)
      }
    }
    return {
      read: seen(readOn({ log, faults })),
      append: seen(appendOn({ log, faults })),
      batchAppend: seen(batchAppendOn({ log, faults })),
      tombstone: ({ request }, answer) => {
        const stream = Buffer.from(request.getOptions()?.getStreamIdentifier()?.getStreamName_asU8() ?? '').toString()
        const decision = log.tombstone(stream)
        if (decision.kind !== 'stored') return answer(streamDeleted(stream))
        const position = new streamsPb.TombstoneResp.Position().setCommitPosition(String(decision.position)).setPreparePosition(String(decision.position))
        answer(null, new streamsPb.TombstoneResp().setPosition(position))
      },
      delete: (_, answer) => answer({ code: 12, details: 'the stub deletes for ever alone' }),
    } as IStreamsServer & Record<string, never>
  }

  #features(answer: Answer): void {
    const refusal = this.faults.refusalOf('features') ?? (this.faults.notReady ? NOT_READY : undefined)
    if (refusal !== undefined) {
      answer(refusal)
      return
    }
    const methods = ['batchappend', 'append', 'read', 'delete', 'tombstone'].map((name) =>
      new featuresPb.SupportedMethod().setMethodName(name).setServiceName(STREAMS.toLowerCase()),
    )
    answer(null, new featuresPb.SupportedMethods().setMethodsList(methods).setEventStoreServerVersion(this.#version()))
  }

  #members() {
    const { leader } = this.#options
    const self = { host: '127.0.0.1', port: this.#port, state: leader === undefined ? LEADER : FOLLOWER }
    const members = leader === undefined ? [self] : [self, { ...leader, state: LEADER }]
    return new gossipPb.ClusterInfo().setMembersList(
      members.map(({ host, port, state }) =>
        new gossipPb.MemberInfo()
          .setState(state)
          .setIsAlive(true)
          .setTimeStamp(String(Date.now()))
          .setHttpEndPoint(new gossipPb.EndPoint().setAddress(host).setPort(port)),
      ),
    )
  }

  #http(): RequestListener {
    return ({ url }, response) => {
      const answer = (body: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
      const { leader } = this.#options
      const state = this.faults.notReady ? 'discoverleader' : leader === undefined ? 'leader' : 'follower'
      if (url === '/info') return void answer({ esVersion: this.#version(), state, features: {}, authentication: { type: 'internal', properties: {} } })
      if (url !== '/gossip') return void response.writeHead(404).end()
      const self = { state: leader === undefined ? 'Leader' : 'Follower', isAlive: true, httpEndPointIp: '127.0.0.1', httpEndPointPort: this.#port }
      const other = leader && { state: 'Leader', isAlive: true, httpEndPointIp: leader.host, httpEndPointPort: leader.port }
      answer({ members: [self, other].filter(Boolean), serverIp: '127.0.0.1', serverPort: this.#port })
    }
  }

  #version(): string {
    return this.#options.version ?? '24.10.4'
  }
}

type Answer = (error: { readonly code: number; readonly details: string } | null, value?: unknown) => void
