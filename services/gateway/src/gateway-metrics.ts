// What an operator sees of the gateway beside times and streams: how the services behind it do, and whom it holds back. Nothing personal is
// in a label.
import type { ServiceMetrics } from '@loomworks/service-kit'
import { Counter, Gauge } from 'prom-client'
import type { Outcome } from './dispatch/breaker.ts'
import type { Upstreams } from './dispatch/upstreams.ts'

export interface GatewayMetrics {
  /** Notes what became of a call to a service. */
  called(upstream: string, outcome: Outcome): void
  /** Notes a call that was tried again. */
  retried(upstream: string): void
  /** Notes a request that one of the rates was too slow for. */
  limited(rate: string): void
}

export interface Watched {
  readonly upstreams: () => Upstreams
  readonly cachedTokens: () => number
}

export function gatewayMetrics({ registry }: ServiceMetrics, { upstreams, cachedTokens }: Watched): GatewayMetrics {
  const registers = [registry]
  const calls = new Counter({
    name: 'gateway_upstream_calls_total',
    help: 'Calls to a service, by how they ended.',
    labelNames: ['upstream', 'outcome'],
    registers,
  })
  const retries = new Counter({ name: 'gateway_retries_total', help: 'Calls to a service that were tried again.', labelNames: ['upstream'], registers })
  const limited = new Counter({ name: 'gateway_rate_limited_total', help: 'Requests refused by a rate.', labelNames: ['rate'], registers })
  new Gauge({
    name: 'gateway_breaker_open',
    help: '1 while a service is left alone because it fails.',
    labelNames: ['upstream'],
    registers,
    collect() {
      for (const { name, breaker } of upstreams().all) this.set({ upstream: name }, breaker.isOpen ? 1 : 0)
    },
  })
  new Gauge({
    name: 'gateway_cached_tokens',
    help: 'Internal tokens held, of sessions and services.',
    registers,
    collect() {
      this.set(cachedTokens())
    },
  })
  // Finding a series by its labels costs more than counting in it, and there are few of them.
  const series = new Map<string, Counter.Internal>()
  const seriesOf = (upstream: string, outcome: Outcome) => {
    const key = `${upstream} ${outcome}`
    const known = series.get(key) ?? calls.labels({ upstream, outcome })
    series.set(key, known)
    return known
  }
  return {
    called: (upstream, outcome) => seriesOf(upstream, outcome).inc(),
    retried: (upstream) => retries.inc({ upstream }),
    limited: (rate) => limited.inc({ rate }),
  }
}
