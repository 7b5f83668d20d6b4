// What stands before several gateways: each connection goes to the next one that takes it.
import { connect, createServer, type Server, type Socket } from 'node:net'

export class Balancer implements AsyncDisposable {
  readonly url: string
  targets: readonly number[] = []
  readonly #server: Server
  readonly #open = new Set<Socket>()
  #turn = 0

  private constructor(server: Server, port: number) {
    this.#server = server
    this.url = `http://localhost:${port}`
  }

  static open(): Promise<Balancer> {
    return new Promise((done) => {
      let balancer: Balancer
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => balancer.#pass(client, 0))
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        balancer = new Balancer(server, typeof address === 'object' && address !== null ? address.port : 0)
        done(balancer)
      })
    })
  }

  #pass(client: Socket, tried: number): void {
    const port = this.targets[this.#turn++ % this.targets.length]
    if (port === undefined || tried > this.targets.length) return void client.destroy()
    const gateway = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    gateway.once('error', () => (gateway.connecting || gateway.pending ? this.#pass(client, tried + 1) : client.destroy()))
    gateway.once('connect', () => {
      gateway.on('error', () => client.destroy())
      for (const socket of [client, gateway]) {
        this.#open.add(socket)
        socket.once('close', () => this.#open.delete(socket))
      }
      client.on('error', () => gateway.destroy())
      client.once('close', () => gateway.destroy())
      client.pipe(gateway).pipe(client)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy()
    await new Promise((done) => this.#server.close(done))
  }
}
