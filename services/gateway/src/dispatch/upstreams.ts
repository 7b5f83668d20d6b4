// Connections to the services: HTTP pools, over Unix sockets where all of them live in one process.
import type { ServiceName } from '@loomworks/kernel'
import { type Address, poolTo } from '@loomworks/service-kit'
import type { Pool } from 'undici'

const CONNECTIONS = 128

export class Upstreams {
  readonly #addressOf: (service: ServiceName) => Address
  readonly #pools = new Map<ServiceName, Pool>()

  constructor(addressOf: (service: ServiceName) => Address) {
    this.#addressOf = addressOf
  }

  of(service: ServiceName): Pool {
    const known = this.#pools.get(service)
    if (known !== undefined) return known
    const pool = poolTo(this.#addressOf(service), CONNECTIONS)
    this.#pools.set(service, pool)
    return pool
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()))
  }
}
