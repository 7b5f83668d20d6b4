import type { ServerResponse } from 'node:http'

/** Streams that stay open while a session lives; they end with it. */
export class OpenStreams {
  readonly #bySubject = new Map<string, Set<ServerResponse>>()

  add(response: ServerResponse, subjects: readonly string[]): void {
    for (const subject of subjects) {
      const open = this.#bySubject.get(subject) ?? new Set()
      open.add(response)
      this.#bySubject.set(subject, open)
      response.once('close', () => {
        open.delete(response)
        if (open.size === 0) this.#bySubject.delete(subject)
      })
    }
  }

  end(subject: string): void {
    for (const response of this.#bySubject.get(subject) ?? []) response.end()
  }

  endAll(): void {
    for (const subject of [...this.#bySubject.keys()]) this.end(subject)
  }
}
