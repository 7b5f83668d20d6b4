// Both ends of a stream of server-sent events, as small as they can be: one that says the same to all, and those that hear it.
import { createServer, type Server, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'

/** Says 1, 2, 3 … to everybody; who comes back is told what they missed. Anything else it is asked is answered `{}`. */
export class Speaker implements AsyncDisposable {
  readonly #server: Server
  readonly #open = new Set<ServerResponse>()
  #said = 0

  private constructor() {
    this.#server = createServer((request, response) => {
      if (request.url?.endsWith('/events') !== true) return void response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': here\n\n')
      for (let n = Number(request.headers['last-event-id'] ?? this.#said) + 1; n <= this.#said; n++) response.write(eventOf(n))
      this.#open.add(response)
      response.once('close', () => this.#open.delete(response))
    })
  }

  static on(socketPath: string): Promise<Speaker> {
    const speaker = new Speaker()
    return new Promise((done) => speaker.#server.listen(socketPath, () => done(speaker)))
  }

  /** Gives what it said. */
  say(): number {
    this.#said++
    for (const response of this.#open) response.write(eventOf(this.#said))
    return this.#said
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}

function eventOf(n: number): string {
  return `id: ${n}\nevent: said\ndata: {"n":${n}}\n\n`
}

interface Listening {
  readonly port: number
  readonly target: string
  readonly token: string
}

/** Follows a stream over a connection of its own, and counts what it misses and what it hears twice. */
export class Listener implements Disposable {
  readonly #listening: Listening
  #socket: Socket | undefined
  #text = ''
  last: number | undefined
  missed = 0
  repeated = 0

  constructor(listening: Listening) {
    this.#listening = listening
  }

  get isOpen(): boolean {
    return this.#socket !== undefined
  }

  /** Resolves with the first words of the answer. */
  open(): Promise<void> {
    const { port, target, token } = this.#listening
    const resumed = this.last === undefined ? '' : `last-event-id: ${this.last}\r\n`
    const socket = connect(port, '127.0.0.1').setEncoding('latin1')
    this.#text = ''
    socket.write(`GET ${target} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\n${resumed}\r\n`)
    return new Promise((done, failed) => {
      socket.once('data', (chunk: string) => {
        if (!chunk.startsWith('HTTP/1.1 200 ')) return failed(new Error(`not a stream: ${chunk}`))
        this.#socket = socket
        done()
      })
      socket.on('data', (chunk: string) => this.#hear(chunk))
      socket.on('error', failed)
      socket.once('close', () => {
        this.#socket = undefined
        failed(new Error('the connection ended'))
      })
    })
  }

  #hear(chunk: string): void {
    this.#text += chunk
    const whole = this.#text.lastIndexOf('\n\n')
    if (whole < 0) return
    for (const [, id] of this.#text.slice(0, whole).matchAll(/^id: (\d+)$/gm)) this.#note(Number(id))
    this.#text = this.#text.slice(whole)
  }

  #note(n: number): void {
    const expected = (this.last ?? n - 1) + 1
    if (n < expected) this.repeated++
    else this.missed += n - expected
    this.last = Math.max(n, expected)
  }

  [Symbol.dispose](): void {
    this.#socket?.destroy()
  }
}
