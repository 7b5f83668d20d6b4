// The client of a benchmark: one request again and again over kept connections. It does as little as it can, for on two cores what
// it spends is taken from what is measured.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const HEAD_END = '\r\n\r\n'

export class Wire implements Disposable {
  readonly #socket: Socket
  readonly #head: string
  #answer: ((text: string) => void) | undefined
  #failed: ((error: Error) => void) | undefined
  #text = ''

  private constructor(socket: Socket, head: string) {
    this.#socket = socket.setNoDelay(true).setEncoding('latin1')
    this.#head = head
    socket.on('data', (chunk: string) => this.#take(chunk))
    socket.on('close', () => this.#failed?.(new Error('the connection ended')))
    socket.on('error', (error) => this.#failed?.(error))
  }

  /** A connection to a port of this host, for a GET of one target. */
  static async to(port: number, target: string, headers: Readonly<Record<string, string>> = {}): Promise<Wire> {
    const lines = Object.entries({ host: `127.0.0.1:${port}`, accept: 'application/json', ...headers }).map(([name, value]) => `${name}: ${value}`)
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new Wire(socket, [`GET ${target} HTTP/1.1`, ...lines].join('\r\n'))
  }

  /** Asks once, with some headers more where they are given; throws unless the answer is a 200. */
  async ask(headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const more = Object.entries(headers).map(([name, value]) => `\r\n${name}: ${value}`)
    const text = await new Promise<string>((done, failed) => {
      this.#answer = done
      this.#failed = failed
      this.#socket.write(`${this.#head}${more.join('')}${HEAD_END}`)
    })
    if (!text.startsWith('HTTP/1.1 200 ')) throw new Error(`not what was asked for: ${text}`)
  }

  #take(chunk: string): void {
    this.#text += chunk
    const end = this.#text.indexOf(HEAD_END)
    if (end < 0) return
    const length = Number(/content-length: (\d+)/i.exec(this.#text)?.[1] ?? 0)
    if (this.#text.length < end + HEAD_END.length + length) return
    const text = this.#text
    this.#text = ''
    this.#answer?.(text)
  }

  [Symbol.dispose](): void {
    this.#failed = undefined
    this.#socket.destroy()
  }
}
