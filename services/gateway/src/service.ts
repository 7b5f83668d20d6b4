import { defineService, type OpenApi } from '@loomworks/service-kit'
import document from '../openapi.json' with { type: 'json' }
import { hearRevocations } from './authenticate/hear-revocations.ts'
import { GatewayConfig } from './config.ts'
import { parts } from './parts.ts'
import { gatewayServer, type SocketLimits } from './server.ts'

/** One door: who asks, what they may, how often; then the service that owns the answer. */
export const gateway = gatewayWith(document as unknown as OpenApi)

/** The gateway of an API: its routes are the operations of the document. */
export function gatewayWith(api: OpenApi, limits?: SocketLimits) {
  return defineService({
    name: 'gateway',
    config: GatewayConfig,
    refusals: [],
    operations: [],
    wire: (wiring) => parts(wiring, api, limits),
    server: (wired) => gatewayServer(wired, limits),
    workers: (wired) => [
      hearRevocations({
        bus: wired.bus,
        drop: wired.drop,
        onListening: wired.onListening,
        onTrouble: (error) => wired.log.warn({ err: error }, 'revocations are not heard'),
      }),
    ],
  })
}
