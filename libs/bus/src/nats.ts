// The bus on NATS JetStream, and the only file that knows the driver: it makes connections and puts the parts together. Connections
// are lazy and come again for ever, so services start in any order.
import { Terminal, Transient } from '@loomworks/kernel'
import { connect, createInbox, type Msg, type NatsConnection, NatsError, headers as newHeaders, type Subscription } from 'nats'
import { JetStream, receiptOf } from './nats-api.ts'
import { PullConsumer } from './nats-consumer.ts'
import { covers } from './nats-filters.ts'
import { browsed, tailed } from './nats-look.ts'
import { headersOf } from './nats-message.ts'
import { NatsPublisher, type Receipt } from './nats-publisher.ts'
import { ensureTopology, type TopologyOptions } from './nats-topology.ts'
import { type Asking, Link, NobodyThere, pauseMs, type Wire, type WireMessage, type WireSubscription } from './nats-wire.ts'
import type {
  Bus,
  BusHealth,
  ConsumerSpec,
  Consumption,
  Delivery,
  Depth,
  Outgoing,
  Stored,
  StreamName,
  StreamSpec,
  TailOptions,
  Topology,
  Verdict,
} from './port.ts'

export interface NatsBusOptions {
  /** `nats://host:port`, several with commas; may carry `user:password@`. */
  readonly servers: string
  /** The service, or `migrate`: names the connection and the inbox `_INBOX.<name>` that its answers come to. */
  readonly name: string
  readonly user?: string
  readonly password?: string
  /** May make streams and durables; who may not only compares. */
  readonly mayCreate: boolean
  /** Copies of each stream that is made, in a cluster. */
  readonly replicas?: number
  /** Says that something did not work; the bus goes on by itself. */
  readonly onTrouble: (error: unknown) => void
  /** Told of a handler that threw; what becomes of the delivery is judged by the bus. */
  readonly onFailure?: (error: unknown, delivery: Delivery) => void
}

const PUBLISH_MS = 5000
/** An acknowledgement is lost with its connection as a rule, so this is long: behind a slow disk a full window takes seconds. */
const ACK_MS = 3000
const HEALTH_MS = 1000
const CONNECT_MS = 5000
/** A server that answers no ping three times in a row is frozen. */
const PING_MS = 2000
const AGAIN_MS = 500
const FLOOR = [2, 10] as const

export class NatsBus implements Bus {
  readonly #options: NatsBusOptions
  readonly #link: Link
  readonly #api: JetStream
  readonly #publisher: NatsPublisher
  readonly #consumers = new Map<string, PullConsumer>()
  /** What was ensured so far: a server may come back without it. */
  readonly #streams = new Map<StreamName, StreamSpec>()
  readonly #durables = new Map<string, ConsumerSpec>()
  readonly #subjects = new Set<string>()
  readonly #stop = new AbortController()
  #leaveLink: (() => void) | undefined

  constructor(options: NatsBusOptions) {
    this.#options = options
    this.#link = new Link(() => dialled(options), options.onTrouble)
    this.#api = new JetStream(this.#link)
    this.#publisher = new NatsPublisher({
      send: (message) => this.#stored(message),
      connected: () => this.#link.wire !== undefined,
      ready: (signal) => this.#link.up(signal),
    })
  }

  get #topologyOptions(): TopologyOptions {
    return { mayCreate: this.#options.mayCreate, replicas: this.#options.replicas }
  }

  /** Waits for the server as long as it takes. */
  async ensure(topology: Topology): Promise<void> {
    for (const subject of topology.streams.flatMap(({ subjects }) => subjects)) this.#subjects.add(subject)
    for (;;) {
      try {
        await this.#link.up(this.#stop.signal)
        await ensureTopology(this.#api, topology, this.#topologyOptions)
        return this.#remember(topology)
      } catch (error) {
        if (!(error instanceof Transient) || this.#stop.signal.aborted) throw error
        this.#options.onTrouble(error)
      }
      await pauseMs(AGAIN_MS, this.#stop.signal)
    }
  }

  /** From the first time on, each connection is asked whether everything is still there. */
  #remember({ streams, consumers }: Topology): void {
    for (const stream of streams) this.#streams.set(stream.name, stream)
    for (const consumer of consumers) this.#durables.set(consumer.durable, consumer)
    if (this.#leaveLink !== undefined) return
    const first = this.#link.wire
    this.#leaveLink = this.#link.onUp((wire) => {
      if (wire !== first) void this.#found().catch(this.#options.onTrouble)
    })
  }

  async #found(): Promise<void> {
    await ensureTopology(this.#api, { streams: [...this.#streams.values()], consumers: [...this.#durables.values()] }, this.#topologyOptions)
  }

  publish(message: Outgoing, { deadlineMs = PUBLISH_MS }: { readonly deadlineMs?: number } = {}): Promise<Receipt> {
    return this.#publisher.publish(message, deadlineMs)
  }

  async #stored(message: Outgoing): Promise<Receipt> {
    const headers = headersOf(message)
    const { wire } = this.#link
    if (wire === undefined) throw new Transient('the bus is not connected')
    try {
      return receiptOf((await wire.request(message.subject, message.data, { headers, timeoutMs: ACK_MS })).data)
    } catch (error) {
      if (!(error instanceof NobodyThere) || this.#expects(message.subject) || (await this.#api.takes(message.subject))) throw error
      throw new Terminal('unroutable', 'no stream takes this subject', { cause: error })
    }
  }

  /** Should there be a stream for it? Then one will come, or come again, and nothing is to be given up. */
  #expects(subject: string): boolean {
    return [...this.#subjects].some((filter) => covers(filter, subject))
  }

  consume(spec: ConsumerSpec, handler: (delivery: Delivery) => Promise<Verdict>): Consumption {
    if (this.#consumers.has(spec.durable)) throw new Terminal('bus.durable_taken', `this process reads ${spec.durable} already`)
    const { onTrouble, onFailure = () => undefined } = this.#options
    const consumer = new PullConsumer(spec, handler, {
      link: this.#link,
      api: this.#api,
      restore: (lost) => this.#restored(lost),
      publish: (message, options) => this.publish(message, options),
      failed: onFailure,
      trouble: onTrouble,
    })
    this.#consumers.set(spec.durable, consumer)
    return { stop: (deadlineMs) => this.#stopped(consumer, deadlineMs) }
  }

  /** A server that came back without its store has lost the stream too. */
  async #restored(spec: ConsumerSpec): Promise<void> {
    const stream = this.#streams.get(spec.stream)
    await ensureTopology(this.#api, { streams: stream === undefined ? [] : [stream], consumers: [spec] }, this.#topologyOptions)
  }

  async #stopped(consumer: PullConsumer, deadlineMs: number): Promise<void> {
    await consumer.stop(deadlineMs)
    if (this.#consumers.get(consumer.spec.durable) === consumer) this.#consumers.delete(consumer.spec.durable)
  }

  tail(stream: StreamName, filter: string, { signal, onListening }: TailOptions): AsyncIterable<Stored> {
    const means = { link: this.#link, api: this.#api, onTrouble: this.#options.onTrouble }
    return tailed(means, { stream, filter }, { signal: AbortSignal.any([signal, this.#stop.signal]), ...(onListening && { onListening }) })
  }

  browse(stream: StreamName, filter: string, from = 0n): AsyncIterable<Stored> {
    return browsed(this.#api, { stream, filter, from })
  }

  async depth(consumers: readonly Pick<ConsumerSpec, 'stream' | 'durable'>[]): Promise<readonly Depth[]> {
    return Promise.all(
      consumers.map(async ({ stream, durable }) => {
        const info = await this.#api.consumer(stream, durable)
        return { durable, waiting: info?.num_pending ?? 0, pending: info?.num_ack_pending ?? 0 }
      }),
    )
  }

  /** Asks JetStream itself: a connection alone stores nothing. */
  async health(): Promise<BusHealth> {
    try {
      const found = await this.#api.stream('EVENTS', HEALTH_MS)
      return found === undefined ? { ok: false, detail: 'the bus has no stream EVENTS' } : { ok: true }
    } catch (error) {
      return { ok: false, detail: error instanceof Error ? error.message : String(error) }
    }
  }

  async drain(deadlineMs: number): Promise<void> {
    const over = AbortSignal.timeout(deadlineMs)
    await Promise.all([...this.#consumers.values()].map((consumer) => this.#stopped(consumer, deadlineMs)))
    await Promise.race([this.#publisher.settled(), aborted(over)])
    this.#stop.abort()
    this.#publisher.close()
    await this.#link.close()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

async function dialled(options: NatsBusOptions): Promise<Wire> {
  return new NatsWire(await natsConnection(options), options.name, options.onTrouble)
}

/** A connection of the driver itself, as the bus makes its own. Terminal when the server will not have us or is too old. */
export async function natsConnection({
  servers,
  name,
  user,
  password,
}: Pick<NatsBusOptions, 'servers' | 'name' | 'user' | 'password'>): Promise<NatsConnection> {
  const urls = servers.split(',').map((each) => new URL(each.includes('://') ? each.trim() : `nats://${each.trim()}`))
  const [first] = urls
  const nc = await connect({
    servers: urls.map(({ protocol, host }) => `${protocol}//${host}`),
    name,
    inboxPrefix: `_INBOX.${name}`,
    user: user ?? decodeURIComponent(first?.username ?? ''),
    pass: password ?? decodeURIComponent(first?.password ?? ''),
    reconnect: false,
    timeout: CONNECT_MS,
    pingInterval: PING_MS,
    noAsyncTraces: true,
  }).catch((error: unknown) => {
    throw refusedLogin(error)
  })
  const version = nc.info?.version ?? ''
  if (isNewEnough(version)) return nc
  await nc.close()
  throw new Terminal('bus.server_too_old', `The bus runs nats-server ${version}; ${FLOOR.join('.')} or newer is needed.`)
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1])
}

function refusedLogin(error: unknown): Error {
  if (error instanceof NatsError && error.isAuthError())
    return new Terminal('bus.login_refused', 'The bus refused user and password: check NATS_URL and what `loom migrate` made.', { cause: error })
  return new Transient('the bus cannot be reached', { cause: error })
}

/** A connection of the driver. */
class NatsWire implements Wire {
  readonly #nc: NatsConnection
  readonly #prefix: string
  readonly ended: Promise<unknown>

  constructor(nc: NatsConnection, name: string, onTrouble: (error: unknown) => void) {
    this.#nc = nc
    this.#prefix = `_INBOX.${name}`
    this.ended = nc.closed()
    void this.#listen(onTrouble)
  }

  /** A request that is refused fails by itself; what expects no answer would be refused without a word. */
  async #listen(onTrouble: (error: unknown) => void): Promise<void> {
    for await (const { type, permissionContext } of this.#nc.status()) {
      if (type !== 'error' || permissionContext === undefined) continue
      const { operation, subject } = permissionContext
      if (operation === 'subscription' || /^\$JS\.(ACK|API\.CONSUMER\.MSG\.NEXT)\./.test(subject))
        onTrouble(new Terminal('bus.subject_refused', `this service has no right to the ${operation} of ${subject}`))
    }
  }

  async request(subject: string, data: string, { headers, timeoutMs }: Asking): Promise<WireMessage> {
    try {
      return wireMessageOf(await this.#nc.request(subject, data, { timeout: Math.max(1, timeoutMs), ...(headers && { headers: encoded(headers) }) }))
    } catch (error) {
      throw failureOf(error, subject)
    }
  }

  send(subject: string, data: string, reply?: string): void {
    this.#nc.publish(subject, data, reply === undefined ? undefined : { reply })
  }

  subscribe(subject: string, heard: (message: WireMessage) => void): WireSubscription {
    const callback = (error: Error | null, message: Msg) => {
      if (error === null) heard(wireMessageOf(message))
    }
    const subscription = this.#nc.subscribe(subject, { callback })
    return { leave: () => left(subscription) }
  }

  inbox(): string {
    return createInbox(this.#prefix)
  }

  flush(): Promise<void> {
    return this.#nc.flush()
  }

  close(): Promise<void> {
    return this.#nc.close()
  }
}

/** A connection that has ended has no subscriptions to leave. */
async function left(subscription: Subscription): Promise<void> {
  await subscription.drain().catch(() => undefined)
}

function encoded(record: Readonly<Record<string, string>>) {
  const all = newHeaders()
  for (const [name, value] of Object.entries(record)) all.set(name, value)
  return all
}

function wireMessageOf(message: Msg): WireMessage {
  const { subject, reply = '', headers } = message
  const record: Record<string, string> = {}
  for (const name of headers?.keys() ?? []) record[name] = headers?.get(name) ?? ''
  return { subject, reply, headers: record, code: headers?.code ?? 0, description: headers?.description ?? '', data: message.string() }
}

const TERMINAL: Readonly<Record<string, readonly [code: string, sentence: string]>> = {
  PERMISSIONS_VIOLATION: ['bus.subject_refused', 'this service may not publish on that subject'],
  MAX_PAYLOAD_EXCEEDED: ['bus.message_too_large', 'the server takes no message of this size'],
  BAD_HEADER: ['bus.header_refused', 'a header holds a line break, or its name a character that no header has'],
  BAD_SUBJECT: ['unroutable', 'a message without a subject'],
}

function failureOf(error: unknown, subject: string): Error {
  if (!(error instanceof NatsError)) return error instanceof Error ? error : new Error(String(error))
  const [code, sentence] = TERMINAL[error.code] ?? []
  if (code !== undefined) return new Terminal(code, `${sentence}: ${subject}`, { cause: error })
  if (error.code === '503') return new NobodyThere(`nobody answers ${subject}`, { cause: error })
  return new Transient(`no answer to ${subject}`, { cause: error })
}
