import { type Clock, Transient } from '@loomworks/kernel'
import type { OpenApi, ServiceClient, Wiring } from '@loomworks/service-kit'
import { z } from 'zod'
import { authenticator } from './authenticate/authenticate.ts'
import { cookieNames } from './authenticate/credential.ts'
import { Introspection, TokenCache } from './authenticate/token-cache.ts'
import type { GatewayConfig } from './config.ts'
import { Upstreams } from './dispatch/upstreams.ts'
import { gatewayMetrics } from './gateway-metrics.ts'
import { rateLimits } from './limit/limits.ts'
import { OpenStreams } from './open-streams.ts'
import { consoleFiles } from './own/console.ts'
import { pagesOf } from './own/pages.ts'
import { baseHeaders, type PipelineParts } from './pipeline.ts'
import { RouteTable } from './routes.ts'
import type { SocketLimits } from './server.ts'

export interface GatewayParts extends PipelineParts, Pick<Wiring<GatewayConfig>, 'bus'> {
  /** Resolves when requests can be answered; throws Transient with what is missing. */
  readonly ready: () => Promise<void>
  /** Revocations are heard from now on. */
  readonly onListening: () => void
  /** Not ready any more, once begun. */
  readonly drain: { begun: boolean }
}

const Keys = z.looseObject({ keys: z.array(z.unknown()).min(1) })
const ASKED_AGAIN_MS = 1000
const IDENTITY_WITHIN_MS = 2000

/** What the pipeline is given, built once from the platform. */
export function parts(
  { config, client, clock, bus, log, metrics, addressOf }: Wiring<GatewayConfig>,
  document: OpenApi,
  limits: SocketLimits = {},
): GatewayParts {
  const cache = new TokenCache({
    introspect: (credentialHash, audience, again) =>
      client.call('identity', Introspection, { method: 'POST', path: '/internal/introspect', body: { credentialHash, audience, again } }),
    now: () => clock.now(),
  })
  const watch = gatewayMetrics(metrics, { upstreams: () => upstreams, cachedTokens: () => cache.size })
  const upstreams = new Upstreams({ addressOf, now: () => clock.now(), watch })
  const streams = new OpenStreams(limits.streamsCheckedEveryMs)
  const table = new RouteTable(document)
  const drain = { begun: false }
  const revocations = { areHeard: false }
  const answers = readiness(table, client, clock)
  const ready = () => {
    if (drain.begun) return Promise.reject(new Transient('draining'))
    return revocations.areHeard ? answers() : Promise.reject(new Transient('revocations are not heard yet'))
  }
  return {
    config,
    baseHeaders: baseHeaders(config),
    table,
    pages: pagesOf({ document, config, ready }),
    takeRate: rateLimits(config, clock, watch.limited),
    files: consoleFiles(config.consoleFolder),
    cookies: cookieNames(config.publicOrigin),
    authenticate: authenticator(cache, client),
    upstreams,
    streams,
    distrusted: new WeakSet(),
    drop(subject) {
      cache.drop(subject)
      streams.end(subject)
    },
    replaced: (session) => cache.drop(session),
    onListening() {
      revocations.areHeard = true
      cache.forgetAll()
    },
    clock,
    log,
    metrics,
    bus,
    ready,
    drain,
  }
}

/** The routes are loaded and identity answers now. It is asked at most once in a second, however many ask us. */
function readiness(table: RouteTable, client: ServiceClient, clock: Clock): () => Promise<void> {
  let asked: { readonly atMs: number; readonly answer: Promise<void> } | undefined
  const ask = async () => void (await client.call('identity', Keys, { path: '/internal/keys', timeoutMs: IDENTITY_WITHIN_MS }))
  return () => {
    if (table.size === 0) return Promise.reject(new Transient('no routes'))
    if (asked === undefined || clock.now() - asked.atMs >= ASKED_AGAIN_MS) asked = { atMs: clock.now(), answer: ask() }
    return asked.answer
  }
}
