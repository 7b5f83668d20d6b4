// The door of the stub: one port for gRPC and for HTTP/1, as the server has it, with or without TLS. Every byte passes a gate, so
// that a server can be shown that stands still with its connections open.
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'

export interface DoorOptions {
  readonly port: number
  readonly tls?: { readonly cert: string; readonly key: string }
  readonly onHttp: RequestListener
  readonly onGrpc: (connection: Duplex) => void
}

export interface Door {
  readonly port: number
  /** Connections that speak gRPC. */
  readonly connections: number
  /** The connections that are open now hang; new ones do not. */
  stall(): void
  /** Nothing goes in or out until `open`. */
  shut(): void
  open(): void
  /** Ends every connection that is open now. */
  cut(): void
  /** Cuts and listens no longer. */
  close(): Promise<void>
}

export async function openDoor({ port, tls, onHttp, onGrpc }: DoorOptions): Promise<Door> {
  const http = createHttpServer(onHttp)
  const gates = new Set<Gate>()
  const clients = new Set<Gate>()
  let shut = false
  const admit = (socket: Socket | TLSSocket, isGrpc: boolean) => {
    const gate = new Gate(socket, shut)
    gates.add(gate)
    if (isGrpc) clients.add(gate)
    gate.on('close', () => {
      gates.delete(gate)
      clients.delete(gate)
    })
    if (isGrpc) onGrpc(gate)
    else http.emit('connection', gate)
  }
  const server = tls === undefined ? plain(admit) : secured(tls, admit)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const set = (now: boolean) => {
    shut = now
    for (const gate of gates) gate.set(now)
  }
  const cut = () => {
    for (const gate of gates) gate.destroy()
  }
  return {
    get connections() {
      return clients.size
    },
    cut,
    port: (server.address() as AddressInfo).port,
    stall: () => {
      for (const gate of gates) gate.set(true)
    },
    shut: () => set(true),
    open: () => set(false),
    close: async () => {
      server.close()
      cut()
      if (server.listening) await once(server, 'close')
    },
  }
}

type Admit = (socket: Socket, isGrpc: boolean) => void

/** HTTP/2 without TLS begins with a line that no request of HTTP/1 has. */
function plain(admit: Admit): Server {
  return createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (first) => {
      socket.pause()
      socket.unshift(first)
      admit(socket, first.toString('latin1', 0, 4) === 'PRI ')
    })
  })
}

function secured(tls: { readonly cert: string; readonly key: string }, admit: Admit): Server {
  return createTlsServer({ ...tls, noDelay: true, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    socket.on('error', () => undefined)
    admit(socket, socket.alpnProtocol === 'h2')
  }).on('tlsClientError', () => undefined)
}

class Gate extends Duplex {
  readonly #socket: Socket
  #shut: boolean
  #held: (() => void)[] = []

  constructor(socket: Socket, shut: boolean) {
    super()
    this.#socket = socket
    this.#shut = shut
    socket.on('data', (chunk) => {
      if (!this.push(chunk)) socket.pause()
    })
    socket.on('end', () => this.push(null))
    socket.on('close', () => this.destroy())
    if (shut) socket.pause()
  }

  set(shut: boolean): void {
    this.#shut = shut
    if (shut) return void this.#socket.pause()
    this.#socket.resume()
    for (const write of this.#held.splice(0)) write()
  }

  override _read(): void {
    if (!this.#shut) this.#socket.resume()
  }

  override _write(chunk: Buffer, _: string, done: (error?: Error | null) => void): void {
    const write = () => void this.#socket.write(chunk, done)
    if (this.#shut) this.#held.push(write)
    else write()
  }

  override _final(done: () => void): void {
    this.#socket.end(done)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}
