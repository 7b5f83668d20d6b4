// Streams stay open for as long as whoever opened them may see what they tell: they end with the session, when what their credential opens
// is no longer enough, and when this instance stops. Each holder has a few of them, so that nobody can hold all.
import type { ServerResponse } from 'node:http'
import { shared } from '@loomworks/service-kit'

const MOST_PER_HOLDER = 10
const FULL_RETRY_S = 5
const CHECKED_EVERY_MS = 55_000
const COME_BACK_LEAST_MS = 1000
const COME_BACK_MOST_MS = 5000
const NEWLINE = 0x0a

export interface Opening {
  /** Whose stream it is: the principal, or the address of somebody unknown. */
  readonly holder: string
  /** What it stands on: the person or agent, the session, who answers for the agent. */
  readonly subjects: readonly string[]
  /** May they still? False ends the stream; while it cannot be found out, the stream stays. */
  readonly stillMay: () => Promise<boolean>
}

interface Standing {
  /** What has passed are whole events: something may be said of our own. */
  isWhole: boolean
}

export class OpenStreams {
  readonly #bySubject = new Map<string, Set<ServerResponse>>()
  readonly #byHolder = new Map<string, number>()
  readonly #all = new Map<ServerResponse, Standing>()
  readonly #checkedEveryMs: number
  #ended = false

  constructor(checkedEveryMs: number = CHECKED_EVERY_MS) {
    this.#checkedEveryMs = checkedEveryMs
  }

  /** 429 `too_many_streams` for an eleventh of one holder, 503 `draining` once this instance stops. One whose client has left is none: nothing
   *  would ever say that it ends. */
  add(response: ServerResponse, { holder, subjects, stillMay }: Opening): void {
    if (response.destroyed) return
    const held = this.#byHolder.get(holder) ?? 0
    if (this.#ended) throw shared.draining(undefined, 1)
    if (held >= MOST_PER_HOLDER) throw shared.too_many_streams(undefined, FULL_RETRY_S)
    this.#byHolder.set(holder, held + 1)
    this.#all.set(response, { isWhole: true })
    for (const subject of subjects) this.#of(subject).add(response)
    const check = () => void stillMay().then((may) => (may ? undefined : this.#end(response)), ignored)
    const checking = setInterval(check, this.#checkedEveryMs)
    response.once('close', () => {
      clearInterval(checking)
      this.#all.delete(response)
      this.#release(holder)
      for (const subject of subjects) this.#forget(subject, response)
    })
  }

  /** Notes what has passed of a stream. */
  passed(response: ServerResponse, chunk: Buffer): void {
    const standing = this.#all.get(response)
    if (standing !== undefined) standing.isWhole = chunk.at(-1) === NEWLINE && chunk.at(-2) === NEWLINE
  }

  /** What stands on a subject that is over, or may do something else from now on, ends; who still may comes back. */
  end(subject: string): void {
    for (const response of this.#bySubject.get(subject) ?? []) this.#end(response)
  }

  /** Everything ends, and nothing is opened any more. */
  endAll(): void {
    this.#ended = true
    for (const response of this.#all.keys()) this.#end(response)
  }

  /** Asks the client to come back, each at a moment of its own, and ends: a stream that ends without a word has nothing more to say. Nothing is
   *  said in the middle of an event, and one whose head is not out yet has no whole answer: it is cut off. */
  #end(response: ServerResponse): void {
    if (!response.headersSent) return void response.destroy()
    const comeBackMs = Math.round(COME_BACK_LEAST_MS + Math.random() * (COME_BACK_MOST_MS - COME_BACK_LEAST_MS))
    if (isStreaming(response) && this.#all.get(response)?.isWhole) response.write(`retry: ${comeBackMs}\n\n`)
    response.end()
  }

  #of(subject: string): Set<ServerResponse> {
    const open = this.#bySubject.get(subject) ?? new Set()
    this.#bySubject.set(subject, open)
    return open
  }

  #forget(subject: string, response: ServerResponse): void {
    const open = this.#bySubject.get(subject)
    open?.delete(response)
    if (open?.size === 0) this.#bySubject.delete(subject)
  }

  #release(holder: string): void {
    const left = (this.#byHolder.get(holder) ?? 1) - 1
    if (left === 0) this.#byHolder.delete(holder)
    else this.#byHolder.set(holder, left)
  }
}

function isStreaming(response: ServerResponse): boolean {
  return response.headersSent && !response.writableEnded && response.statusCode === 200
}

/** Whether they still may cannot be found out now; the next time will tell. */
function ignored(): void {}
