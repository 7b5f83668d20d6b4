// The words of the NATS protocol as they pass, cut where a message begins and ends (https://docs.nats.io/reference/reference-protocols).

export interface Frame {
  readonly bytes: Buffer
  /** Of a message; absent for everything else that is said. */
  readonly subject: string | undefined
}

const LINE_END = Buffer.from('\r\n')
const MESSAGES: ReadonlySet<string> = new Set(['PUB', 'HPUB', 'MSG', 'HMSG'])

export class NatsFrames {
  #rest: Buffer = Buffer.alloc(0)

  /** The whole frames of what has come so far. */
  split(chunk: Buffer): readonly Frame[] {
    const frames: Frame[] = []
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame)
    return frames
  }

  #next(): Frame | undefined {
    const end = this.#rest.indexOf(LINE_END)
    if (end < 0) return undefined
    const words = this.#rest.toString('latin1', 0, end).split(/\s+/)
    const isMessage = MESSAGES.has(words[0]?.toUpperCase() ?? '')
    const length = end + LINE_END.length + (isMessage ? Number(words.at(-1)) + LINE_END.length : 0)
    if (this.#rest.length < length) return undefined
    const bytes = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return { bytes, subject: isMessage ? words[1] : undefined }
  }
}
