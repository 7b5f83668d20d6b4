// Streams stay open for as long as whoever opened them may see what they tell: they end with the session, when what their credential opens
// is no longer enough, and when this instance stops. Each holder has a few of them, so that nobody can hold all.
import type { ServerResponse } from 'node:http'
import { shared } from '@loomworks/service-kit'

const MOST_PER_HOLDER = 10
const FULL_RETRY_S = 5
const CHECKED_EVERY_MS = 55_000
const COME_BACK_LEAST_MS = 1000
const COME_BACK_MOST_MS = 5000

export interface Opening {
  /** Whose stream it is: the principal, or the address of somebody unknown. */
  readonly holder: string
  /** The session and the person it stands on. */
  readonly subjects: readonly string[]
  /** May they still? False ends the stream; while it cannot be found out, the stream stays. */
  readonly stillMay: () => Promise<boolean>
}

export class OpenStreams {
  readonly #bySubject = new Map<string, Set<ServerResponse>>()
  readonly #byHolder = new Map<string, number>()
  readonly #all = new Set<ServerResponse>()
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
    this.#all.add(response)
    for (const subject of subjects) this.#of(subject).add(response)
    const check = () => void stillMay().then((may) => (may ? undefined : end(response)), ignored)
    const checking = setInterval(check, this.#checkedEveryMs)
    response.once('close', () => {
      clearInterval(checking)
      this.#all.delete(response)
      this.#release(holder)
      for (const subject of subjects) this.#forget(subject, response)
    })
  }

  end(subject: string): void {
    for (const response of this.#bySubject.get(subject) ?? []) end(response)
  }

  /** Asks every client to come back, each at a moment of its own, and ends. Nothing is opened any more. */
  endAll(): void {
    this.#ended = true
    for (const response of this.#all) {
      const comeBackMs = Math.round(COME_BACK_LEAST_MS + Math.random() * (COME_BACK_MOST_MS - COME_BACK_LEAST_MS))
      if (isStreaming(response)) response.write(`retry: ${comeBackMs}\n\n`)
      end(response)
    }
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

/** One whose head is not out yet has no whole answer: it is cut off. */
function end(response: ServerResponse): void {
  if (response.headersSent) response.end()
  else response.destroy()
}

/** Whether they still may cannot be found out now; the next time will tell. */
function ignored(): void {}
