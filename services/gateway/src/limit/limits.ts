// Which buckets a request takes from (identity page §13.3): every address has one for all it does, and narrower ones where secrets
// are tried.
import type { Clock } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import type { GatewayConfig } from '../config.ts'
import type { Route } from '../routes.ts'
import { limitKey } from './client-address.ts'
import { Limiter, type Taken } from './gcra.ts'

/** Throws 429 `rate_limited`; gives the headers that tell the client where it stands. */
export type TakeRate = (route: Route, address: string) => Readonly<Record<string, string>>

const NO_HEADERS = {}

export function rateLimits({ limitsOn, rates }: GatewayConfig, clock: Clock): TakeRate {
  if (!limitsOn) return () => NO_HEADERS
  const all = new Limiter(rates.ip)
  const narrow = { auth: new Limiter(rates.auth), signup_begin: new Limiter(rates.signup_begin), claim: new Limiter(rates.claim) }
  return ({ rate }, address) => {
    const key = limitKey(address)
    const wide = taken(all, key, clock.now())
    if (rate === 'ip_only' || rate === 'default') return headersOf('ip', all, wide)
    return headersOf(rate, narrow[rate], taken(narrow[rate], key, clock.now()))
  }
}

function taken(limiter: Limiter, key: string, nowMs: number): Taken {
  const result = limiter.take(key, nowMs)
  if (!result.allowed) throw shared.rate_limited(undefined, Math.ceil(result.resetMs / 1000))
  return result
}

/** RateLimit header fields (draft-ietf-httpapi-ratelimit-headers). */
function headersOf(name: string, limiter: Limiter, { remaining, resetMs }: Taken): Readonly<Record<string, string>> {
  return { ratelimit: `"${name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`, 'ratelimit-policy': `"${name}";${limiter.policy}` }
}
