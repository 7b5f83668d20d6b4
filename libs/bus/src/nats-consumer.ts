// One durable consumer of NATS in this process. It asks for no more messages than handlers may start, so what arrives is begun at
// once; the server itself keeps to max pending over all instances. What a handler said goes out on whatever connection there is.
import { setTimeout as delay } from 'node:timers/promises'
import { Transient } from '@loomworks/kernel'
import { Handling, type HandlingMeans, type Settlement } from './handling.ts'
import { Lease } from './lease.ts'
import type { JetStream } from './nats-api.ts'
import { type Delivered, deliveredOf, isDelivery } from './nats-message.ts'
import { type Link, pauseMs, type Wire, type WireMessage, type WireSubscription } from './nats-wire.ts'
import type { ConsumerSpec, Delivery, Verdict } from './port.ts'

export interface PullMeans extends HandlingMeans {
  readonly link: Link
  readonly api: JetStream
  /** Makes the durable where it is gone and this process may; Terminal where it may not. */
  restore(spec: ConsumerSpec): Promise<void>
}

/** A message that a handler has. */
interface Held {
  readonly seq: bigint
  /** The subject by which the message is acknowledged. */
  readonly ackSubject: string
  readonly lease: Lease
  untilMs: number
}

const MOST_AT_ONCE = 64
const PULL_MS = 30_000
/** Words of the server while it has no message: two of them missed, and nobody is there any more. */
const HEARTBEAT_MS = 4500
const STALL_MS = 10_000
const WATCH_EVERY_MS = 1000
const FIRST_AGAIN_MS = 200
const LAST_AGAIN_MS = 5000
const NANOS_PER_MS = 1_000_000
/** The server counts from when it sent a message, this process from when it got it, and no message may be with two live handlers. */
const SOONER = 0.9
const SOONER_AT_MOST_MS = 500
const MOST_TALLIED = 10_000

const ACK = '+ACK'
const WORKING = '+WPI'
/** Without a reason: older servers ignore a termination that carries one. */
const TERMINATED = '+TERM'
const HEARTBEAT = 100
const EXPIRED = 408

export class PullConsumer {
  readonly spec: ConsumerSpec
  readonly #means: PullMeans
  readonly #handling: Handling
  readonly #leaseMs: number
  readonly #running = new Set<Promise<void>>()
  /** What handlers hold, by place in the stream. */
  readonly #held = new Map<bigint, Held>()
  /** Deliveries to this process in a row, by place in the stream, of which nobody said anything. NATS counts deliveries, answered or
   *  not, and keeps no other count; what a process has not seen itself it takes as answered, or an outage would end in dead letters. */
  readonly #silent = new Map<bigint, number>()
  readonly #unsaid: { readonly held: Held; readonly word: string }[] = []
  readonly #stop = new AbortController()
  readonly #leaveLink: () => void
  readonly #watch: NodeJS.Timeout
  #wire: Wire | undefined
  #subscription: WireSubscription | undefined
  #inbox = ''
  /** Messages that were asked for and have not come. */
  #asked = 0
  #heardAt = 0
  #movedAt = 0
  #examinedAt = 0
  #reviving: Promise<void> | undefined
  #revivals = 0

  constructor(spec: ConsumerSpec, handler: (delivery: Delivery) => Promise<Verdict>, means: PullMeans) {
    this.spec = spec
    this.#means = means
    this.#handling = new Handling(spec, handler, means)
    this.#leaseMs = Math.max(spec.ackWaitMs * SOONER, spec.ackWaitMs - SOONER_AT_MOST_MS)
    this.#leaveLink = means.link.onUp((wire) => this.#attach(wire))
    this.#watch = setInterval(() => this.#look(), WATCH_EVERY_MS).unref()
  }

  #attach(wire: Wire): void {
    if (this.#stop.signal.aborted) return
    this.#wire = wire
    this.#inbox = wire.inbox()
    this.#asked = 0
    this.#heardAt = this.#movedAt = performance.now()
    const inbox = this.#inbox
    this.#subscription = wire.subscribe(inbox, (message) => this.#heard(message, inbox))
    for (const { held, word } of this.#unsaid.splice(0)) if (held.untilMs > performance.now()) this.#say(held, word)
    this.#pull()
  }

  /** Asks for more once half of the room is free: one question for many messages. */
  #pull(): void {
    const most = Math.min(this.spec.maxPending, MOST_AT_ONCE)
    const free = most - this.#held.size - this.#asked
    if (this.#stop.signal.aborted || this.#wire === undefined || this.#reviving !== undefined || free < Math.max(1, most / 2)) return
    const { stream, durable } = this.spec
    if (this.#asked === 0) this.#heardAt = this.#movedAt = performance.now()
    const pull = { batch: free, expires: PULL_MS * NANOS_PER_MS, idle_heartbeat: HEARTBEAT_MS * NANOS_PER_MS }
    if (this.#sent(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`, JSON.stringify(pull), this.#inbox)) this.#asked += free
  }

  #heard(message: WireMessage, inbox: string): void {
    this.#heardAt = performance.now()
    if (isDelivery(message)) this.#took(message, inbox)
    else if (inbox === this.#inbox) this.#told(message)
  }

  /** The server's own words: that it is there, that a question has had its time, or that something is wrong. */
  #told({ code, description, headers }: WireMessage): void {
    const pending = headers['Nats-Pending-Messages']
    if (code === HEARTBEAT) this.#revivals = 0
    else if (code === EXPIRED && pending !== undefined) {
      this.#revivals = 0
      this.#asked = Math.max(0, this.#asked - Number(pending))
      this.#pull()
    } else this.#revive(`the server says ${code} ${description}`)
  }

  #took(message: WireMessage, inbox: string): void {
    this.#movedAt = performance.now()
    this.#revivals = 0
    if (inbox === this.#inbox) this.#asked = Math.max(0, this.#asked - 1)
    // Given back at once: others need not wait for the end of the ack wait.
    if (this.#stop.signal.aborted) return void this.#sent(message.reply, '-NAK')
    this.#begin(deliveredOf(message, this.spec.stream))
  }

  #begin({ ackSubject, ...message }: Delivered): void {
    // A server that was killed may have forgotten what it delivered; the handler that has the message settles it.
    if (this.#held.has(message.seq)) return
    const lease = new Lease(this.#leaseMs, () => this.#released(held))
    const held: Held = { seq: message.seq, ackSubject, lease, untilMs: performance.now() + this.#leaseMs }
    this.#held.set(held.seq, held)
    const running = this.#run({ ...message, signal: lease.signal, working: () => this.#working(held) }, held).finally(() => {
      lease.end()
      this.#running.delete(running)
      this.#released(held)
    })
    this.#running.add(running)
  }

  #working(held: Held): void {
    if (!held.lease.held) return
    held.lease.renew()
    held.untilMs = performance.now() + this.#leaseMs
    this.#sent(held.ackSubject, WORKING)
  }

  /** A handler that lost its message takes no room: it might never end. */
  #released(held: Held): void {
    if (this.#held.get(held.seq) === held) this.#held.delete(held.seq)
    this.#pull()
  }

  async #run(delivery: Delivery, held: Held): Promise<void> {
    const settlement = await this.#handling.handled(delivery, this.#tallied(delivery.seq))
    // Somebody else may have the message by now: what is said after the lease is too late.
    if (!held.lease.held) return
    if (typeof settlement === 'string' || settlement.answered) this.#silent.delete(delivery.seq)
    this.#say(held, wordFor(settlement))
  }

  #tallied(seq: bigint): number {
    const count = (this.#silent.get(seq) ?? 0) + 1
    this.#silent.delete(seq)
    this.#silent.set(seq, count)
    for (const oldest of this.#silent.keys()) {
      if (this.#silent.size <= MOST_TALLIED) break
      this.#silent.delete(oldest)
    }
    return count
  }

  /** Without a connection the word waits for the next one, as long as the message is still ours. */
  #say(held: Held, word: string): void {
    if (!this.#sent(held.ackSubject, word)) this.#unsaid.push({ held, word })
  }

  #sent(subject: string, data: string, reply?: string): boolean {
    try {
      const { wire } = this.#means.link
      wire?.send(subject, data, reply)
      return wire !== undefined
    } catch {
      return false
    }
  }

  /** Heartbeats that do not come, and messages that wait although somebody asked: then the asking begins anew. */
  #look(): void {
    const now = performance.now()
    if (this.#asked === 0 || this.#means.link.wire === undefined || this.#reviving !== undefined) return
    if (now - this.#heardAt > STALL_MS) this.#revive('its heartbeats are missing')
    else if (now - Math.max(this.#movedAt, this.#examinedAt) > STALL_MS) {
      this.#examinedAt = now
      void this.#examine(this.#movedAt).catch(this.#means.trouble)
    }
  }

  async #examine(movedAt: number): Promise<void> {
    const { stream, durable, maxPending } = this.spec
    const info = await this.#means.api.consumer(stream, durable)
    if (info === undefined) this.#revive('the server has lost it')
    else if (info.num_pending > 0 && info.num_ack_pending < maxPending && this.#movedAt === movedAt)
      this.#revive(`${info.num_pending} messages wait and none comes`)
  }

  #revive(why: string): void {
    if (this.#reviving !== undefined || this.#stop.signal.aborted) return
    this.#means.trouble(new Transient(`${this.spec.durable} is read anew: ${why}`))
    this.#reviving = this.#revived()
  }

  /** Asks on an inbox of its own again, after making the durable where it is gone. */
  async #revived(): Promise<void> {
    const wire = this.#wire
    await pauseMs(Math.min(LAST_AGAIN_MS, FIRST_AGAIN_MS * 2 ** this.#revivals++), this.#stop.signal)
    await this.#means.restore(this.spec).catch(this.#means.trouble)
    this.#reviving = undefined
    if (wire === undefined || wire !== this.#means.link.wire || wire !== this.#wire) return this.#pull()
    void this.#subscription?.leave()
    this.#attach(wire)
  }

  /** Takes nothing new, lets running handlers end, and confirms what they said. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stop.abort()
    clearInterval(this.#watch)
    this.#leaveLink()
    const over = delay(deadlineMs, undefined, { ref: false })
    await Promise.race([Promise.all([this.#subscription?.leave(), ...this.#running]), over])
    for (const { lease } of this.#held.values()) lease.warn()
    await Promise.race([this.#means.link.wire?.flush().catch(this.#means.trouble), over])
  }
}

function wordFor(settlement: Settlement): string {
  if (settlement === 'acknowledged') return ACK
  if (settlement === 'dead') return TERMINATED
  // Never at once: a plain refusal burns deliveries in milliseconds.
  return `-NAK {"delay":${Math.max(1, Math.round(settlement.delayMs)) * NANOS_PER_MS}}`
}
