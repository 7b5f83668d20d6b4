// The six services of an instance, in this process.
import type { Clock, ServiceName } from '@loomworks/kernel'
import { type AnyService, type Platform, type RunningService, startService } from '@loomworks/service-kit'
import { SERVICES } from './services.ts'

const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 10_000

export interface Ready {
  readonly name: ServiceName
  readonly ready: true
  /** From the start of all of them. */
  readonly ms: number
}

/** A service of a running instance; the others go on without it. */
export interface Part {
  stop(): Promise<void>
  /** Starts it again and waits until it is ready. */
  start(): Promise<void>
}

/** The six services on one platform. */
export class Parts {
  readonly #platform: Platform
  readonly #clockOf: (service: ServiceName) => Clock
  readonly #running = new Map<ServiceName, RunningService>()

  constructor(platform: Platform, clockOf: (service: ServiceName) => Clock = () => platform.clock) {
    this.#platform = platform
    this.#clockOf = clockOf
  }

  /** All at once, in any order. When one refuses, the others run all the same, so that they can be stopped. */
  async start(): Promise<readonly Ready[]> {
    const begun = performance.now()
    const starts = await Promise.allSettled(SERVICES.map((definition) => this.#start(definition)))
    for (const start of starts) if (start.status === 'rejected') throw start.reason
    return Promise.all(
      [...this.#running.values()].map(async (service) => {
        await service.ready(READY_WITHIN_MS)
        return { name: service.name, ready: true, ms: Math.round(performance.now() - begun) } as const
      }),
    )
  }

  of(name: ServiceName): Part {
    return {
      stop: async () => this.#running.get(name)?.stop(STOP_WITHIN_MS),
      start: async () => {
        for (const definition of SERVICES) if (definition.name === name) await this.#start(definition)
        await this.#running.get(name)?.ready(READY_WITHIN_MS)
      },
    }
  }

  /** One after the other, the gateway first: nobody asks a service that is gone. */
  async stop(): Promise<void> {
    for (const { name } of [...SERVICES].reverse()) await this.#running.get(name)?.stop(STOP_WITHIN_MS)
  }

  async #start(definition: AnyService): Promise<void> {
    const { name } = definition
    this.#running.set(name, await startService(definition, { ...this.#platform, clock: this.#clockOf(name) }))
  }
}
