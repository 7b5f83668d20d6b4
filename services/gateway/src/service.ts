import { defineService, type OpenApi } from '@loomworks/service-kit'
import document from '../openapi.json' with { type: 'json' }
import { hearRevocations } from './authenticate/hear-revocations.ts'
import { GatewayConfig } from './config.ts'
import { parts } from './parts.ts'
import { gatewayServer, readiness } from './server.ts'

/** One door: who asks, what they may, how often; then the service that owns the answer. */
export const gateway = defineService({
  name: 'gateway',
  config: GatewayConfig,
  refusals: [],
  operations: [],
  wire: (wiring) => parts(wiring, document as unknown as OpenApi),
  server: (wired, { client }) => gatewayServer({ parts: wired, ready: readiness(wired.table.size, () => client.tokenFor('identity')) }),
  workers: (wired) => [
    hearRevocations({ bus: wired.bus, drop: wired.drop, onTrouble: (error) => wired.log.warn({ err: error }, 'revocations are not heard') }),
  ],
})
