// Connections to the services: HTTP pools, over Unix sockets where all of them live in one process.
import type { ServiceName } from '@loomworks/kernel'
import type { Address } from '@loomworks/service-kit'
import { Pool } from 'undici'

const CONNECTIONS = 128
const CONNECT_MS = 1000

export class Upstreams {
  readonly #addressOf: (service: ServiceName) => Address
  readonly #pools = new Map<ServiceName, Pool>()

  constructor(addressOf: (service: ServiceName) => Address) {
    this.#addressOf = addressOf
  }

  of(service: ServiceName): Pool {
    const known = this.#pools.get(service)
    if (known !== undefined) return known
    const { origin, socketPath } = this.#addressOf(service)
    const pool = new Pool(origin, {
      connections: CONNECTIONS,
      pipelining: 1,
      connect: { timeout: CONNECT_MS, ...(socketPath !== undefined && { socketPath }) },
    })
    this.#pools.set(service, pool)
    return pool
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()))
  }
}
