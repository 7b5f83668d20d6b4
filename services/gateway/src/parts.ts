import type { OpenApi, Wiring } from '@loomworks/service-kit'
import { authenticator } from './authenticate/authenticate.ts'
import { cookieNames } from './authenticate/credential.ts'
import { Introspection, TokenCache } from './authenticate/token-cache.ts'
import type { GatewayConfig } from './config.ts'
import { Upstreams } from './dispatch/upstreams.ts'
import { rateLimits } from './limit/limits.ts'
import { OpenStreams } from './open-streams.ts'
import { pagesOf } from './own/pages.ts'
import type { PipelineParts } from './pipeline.ts'
import { RouteTable } from './routes.ts'

export type GatewayParts = PipelineParts & Pick<Wiring<GatewayConfig>, 'bus'>

/** What the pipeline is given, built once from the platform. */
export function parts({ config, client, clock, bus, log, metrics, addressOf }: Wiring<GatewayConfig>, document: OpenApi): GatewayParts {
  const cache = new TokenCache({
    introspect: (credentialHash, audience) =>
      client.call('identity', Introspection, { method: 'POST', path: '/internal/introspect', body: { credentialHash, audience } }),
    now: () => clock.now(),
  })
  const streams = new OpenStreams()
  return {
    config,
    table: new RouteTable(document),
    pages: pagesOf({ document, config, reachable: async () => void (await client.tokenFor('identity')) }),
    takeRate: rateLimits(config, clock),
    cookies: cookieNames(config.publicOrigin),
    authenticate: authenticator(cache, client),
    upstreams: new Upstreams(addressOf),
    streams,
    drop(subject) {
      cache.drop(subject)
      streams.end(subject)
    },
    clock,
    log,
    metrics,
    bus,
  }
}
