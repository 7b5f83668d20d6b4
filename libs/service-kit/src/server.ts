// What listens for a service: the kit's Fastify server, or one of its own (the gateway). Runners know nothing else of either.
import { mkdir, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { ListenOptions } from 'node:net'
import path from 'node:path'
import { Transient } from '@loomworks/kernel'
import type { FastifyInstance } from 'fastify'
import type { Address } from './pool.ts'
import { shared } from './shared-refusals.ts'

export interface HttpServer {
  listen(address: Address): Promise<void>
  /** Resolves when the server may be used; throws Transient with what is missing. */
  ready(): Promise<void>
  /** Says from now on that it is not ready and that connections end with their answer, and goes on serving: whoever sends requests has
   *  the time to turn elsewhere. */
  drain(): void
  /** Takes nothing new and lets running requests end; what still runs at the deadline is cut off. */
  close(deadlineMs: number): Promise<void>
}

export function kitServer(app: FastifyInstance): HttpServer {
  let draining = false
  app.addHook('onRequest', async (request, reply) => {
    if (!draining) return
    reply.header('connection', 'close')
    if (request.url === '/readyz') throw shared.draining()
  })
  return {
    listen: async (address) => void (await app.listen(await listenOptions(address))),
    async ready() {
      const answer = await app.inject({ method: 'GET', url: '/readyz' })
      if (answer.statusCode !== 200) throw new Transient(`not ready: ${answer.body}`)
    },
    drain() {
      draining = true
    },
    close: (deadlineMs) => closedWithin(app.server, () => app.close(), deadlineMs),
  }
}

/** Closes a server; its connections are cut when they are still busy at the deadline. */
export async function closedWithin(server: Server, close: () => Promise<void>, deadlineMs: number): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), deadlineMs)
  await close().finally(() => clearTimeout(cut))
}

/** Where to listen: a Unix socket, whose stale file is removed, or a port of the loopback or of the given host. */
export async function listenOptions({ origin, socketPath, listen = {} }: Address): Promise<ListenOptions> {
  if (socketPath !== undefined) {
    await mkdir(path.dirname(socketPath), { recursive: true })
    await rm(socketPath, { force: true })
    return { path: socketPath }
  }
  const { hostname, port, protocol } = new URL(origin)
  // A URL leaves out the port that its scheme stands for.
  const { host = hostname === 'localhost' ? '127.0.0.1' : hostname } = listen
  return { host, port: listen.port ?? Number(port || (protocol === 'https:' ? 443 : 80)) }
}
