// What listens for a service: the kit's Fastify server, or one of its own (the gateway). Runners know nothing else of either.
import { mkdir, rm } from 'node:fs/promises'
import type { ListenOptions } from 'node:net'
import path from 'node:path'
import { Transient } from '@loomworks/kernel'
import type { FastifyInstance } from 'fastify'
import type { Address } from './client.ts'

export interface HttpServer {
  listen(address: Address): Promise<void>
  /** Resolves when the server may be used; throws Transient with what is missing. */
  ready(): Promise<void>
  /** Takes nothing new and lets running requests end. */
  close(): Promise<void>
}

export function kitServer(app: FastifyInstance): HttpServer {
  return {
    listen: async (address) => void (await app.listen(await listenOptions(address))),
    async ready() {
      const answer = await app.inject({ method: 'GET', url: '/readyz' })
      if (answer.statusCode !== 200) throw new Transient(`not ready: ${answer.body}`)
    },
    close: () => app.close(),
  }
}

/** Where to listen: a Unix socket, whose stale file is removed, or a port of the loopback or of the given host. */
export async function listenOptions({ origin, socketPath }: Address): Promise<ListenOptions> {
  if (socketPath !== undefined) {
    await mkdir(path.dirname(socketPath), { recursive: true })
    await rm(socketPath, { force: true })
    return { path: socketPath }
  }
  const { hostname, port } = new URL(origin)
  return { host: hostname === 'localhost' ? '127.0.0.1' : hostname, port: Number(port) }
}
