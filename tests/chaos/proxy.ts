// A TCP proxy that mistreats what passes: latency, reset, black hole, half-close; and for NATS, whose words it understands, whatever a
// watcher decides about each message by its subject.
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Frame, NatsFrames } from './nats-frames.ts'

export type Way = 'out' | 'in'

/** What becomes of a message; told before a byte of it goes on. */
export type Watcher = (way: Way, frame: Frame) => 'pass' | 'drop'

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

export class FaultProxy implements AsyncDisposable {
  /** Of each chunk, one way. */
  latencyMs = 0
  watcher: Watcher | undefined
  readonly port: number
  readonly #listener: Server
  readonly #pairs = new Set<Pair>()
  #open = Promise.resolve()
  #reopen: () => void = () => undefined

  private constructor(listener: Server, port: number) {
    this.#listener = listener
    this.port = port
  }

  static open(targetPort: number, protocol: 'nats' | 'bytes'): Promise<FaultProxy> {
    return new Promise((done) => {
      const listener = createServer({ allowHalfOpen: true }, (client) => proxy.#connect(client, targetPort, protocol))
      let proxy: FaultProxy
      listener.listen(0, '127.0.0.1', () => {
        const address = listener.address()
        proxy = new FaultProxy(listener, typeof address === 'object' && address !== null ? address.port : 0)
        done(proxy)
      })
    })
  }

  /** Nothing passes and nobody is told, until it is healed. */
  blackhole(): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#open = promise
    this.#reopen = resolve
  }

  reset(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy()
      server.destroy()
    }
  }

  /** The service hears that the server says no more; the server does not. */
  halfClose(): void {
    for (const { client } of this.#pairs) client.end()
  }

  unblock(): void {
    this.#reopen()
    this.#open = Promise.resolve()
  }

  heal(): void {
    this.latencyMs = 0
    this.watcher = undefined
    this.unblock()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.heal()
    this.reset()
    await new Promise((done) => this.#listener.close(done))
  }

  #connect(client: Socket, targetPort: number, protocol: 'nats' | 'bytes'): void {
    const server = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true })
    const pair = { client, server }
    this.#pairs.add(pair)
    this.#pass('out', pair, protocol === 'nats' ? new NatsFrames() : undefined)
    this.#pass('in', { client: server, server: client }, protocol === 'nats' ? new NatsFrames() : undefined)
    const over = () => {
      this.#pairs.delete(pair)
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) socket.once('close', over).on('error', over)
  }

  /** From `client` to `server`, in order, with nothing kept beyond the chunk that waits. */
  #pass(way: Way, { client: from, server: to }: Pair, frames: NatsFrames | undefined): void {
    let passing = Promise.resolve()
    from.on('data', (chunk: Buffer) => {
      from.pause()
      passing = passing.then(async () => {
        await this.#open
        if (this.latencyMs > 0) await delay(this.latencyMs)
        const bytes = frames === undefined ? chunk : this.#watched(way, frames, chunk)
        if (bytes.length > 0 && to.writable && !to.write(bytes)) await drained(to)
        from.resume()
      })
    })
    from.on('end', () => void passing.then(() => to.end()))
  }

  #watched(way: Way, frames: NatsFrames, chunk: Buffer): Buffer {
    const passed = frames.split(chunk).filter((frame) => frame.subject === undefined || (this.watcher?.(way, frame) ?? 'pass') === 'pass')
    return Buffer.concat(passed.map(({ bytes }) => bytes))
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((done) => {
    socket.once('drain', done)
    socket.once('close', done)
  })
}
