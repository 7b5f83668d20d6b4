// Which buckets a request takes from (identity page §13.3): every address has one for all it does, and narrower ones where secrets
// are tried; who is known has one more, from wherever they ask.
import type { Clock, Refusal } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import type { GatewayConfig } from '../config.ts'
import type { Route } from '../routes.ts'
import { limitKey } from './client-address.ts'
import { Limiter, type Taken } from './gcra.ts'

/** Both take one request: headers that tell the client where it stands, and 429 `rate_limited` where that is one too many. */
export interface TakeRate {
  ofAddress(route: Pick<Route, 'rate'>, address: string): Standing
  /** Of whoever a credential belongs to; nothing is taken for a request of nobody in particular. */
  ofPrincipal(principal: Principal): Standing
}

/** Whose credential a request came with, and the rate they are held to; none where nobody is known. */
interface Principal {
  readonly rateClass?: 'person' | 'operator' | 'agent'
  readonly claims: { readonly sub: string }
}

export interface Standing {
  readonly headers: Readonly<Record<string, string>>
  readonly refused?: Refusal
}

const UNLIMITED: Standing = { headers: {} }

/** `onLimited` is told which rate a request was one too many for. */
export function rateLimits({ limitsOn, rates }: GatewayConfig, clock: Clock, onLimited: (rate: string) => void): TakeRate {
  if (!limitsOn) return { ofAddress: () => UNLIMITED, ofPrincipal: () => UNLIMITED }
  const all = new Limiter(rates.ip)
  const narrow = { auth: new Limiter(rates.auth), signup_begin: new Limiter(rates.signup_begin), claim: new Limiter(rates.claim) }
  const principals = { person: new Limiter(rates.person), agent: new Limiter(rates.agent), operator: new Limiter(rates.operator) }
  const standing = (name: string, limiter: Limiter, taken: Taken) => {
    if (!taken.allowed) onLimited(name)
    return standingOf(name, limiter, taken)
  }
  return {
    ofAddress({ rate }, address) {
      const key = limitKey(address)
      const wide = all.take(key, clock.now())
      if (!wide.allowed || rate === 'ip_only' || rate === 'default') return standing('ip', all, wide)
      return standing(rate, narrow[rate], narrow[rate].take(key, clock.now()))
    },
    ofPrincipal({ rateClass, claims }) {
      if (rateClass === undefined) return UNLIMITED
      return standing(rateClass, principals[rateClass], principals[rateClass].take(claims.sub, clock.now()))
    },
  }
}

/** What the client is told where two buckets were taken from: of each how it stands. */
export function bothStandings({ headers: one }: Standing, { headers: other }: Standing): Standing['headers'] {
  if (one.ratelimit === undefined || other.ratelimit === undefined) return other
  return { ratelimit: `${one.ratelimit}, ${other.ratelimit}`, 'ratelimit-policy': `${one['ratelimit-policy']}, ${other['ratelimit-policy']}` }
}

/** RateLimit header fields (draft-ietf-httpapi-ratelimit-headers). */
function standingOf(name: string, limiter: Limiter, { allowed, remaining, resetMs }: Taken): Standing {
  const seconds = Math.ceil(resetMs / 1000)
  const headers = { ratelimit: `"${name}";r=${remaining};t=${seconds}`, 'ratelimit-policy': `"${name}";${limiter.policy}` }
  return allowed ? { headers } : { headers, refused: shared.rate_limited(undefined, Math.max(1, seconds)) }
}
