// The internal token (identity page §12): an Ed25519 JWT of ≤ 60 s that identity alone signs, for one audience. Every service
// verifies every request with it; nothing else opens a door, not even from the same host.
import { AccountStatus, Restriction, Role, Scope } from '@loomworks/contracts'
import { Actor, idOf, ServiceName } from '@loomworks/kernel'
import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { shared } from './shared-refusals.ts'

export const ITK_ISSUER = 'loomworks-identity'
export const ITK_TYPE = 'itk+jwt'
export const ITK_LIFE_S = 60

export const Itk = z.object({
  iss: z.literal(ITK_ISSUER),
  aud: ServiceName,
  sub: z.string(),
  azp: ServiceName,
  iat: z.int(),
  exp: z.int(),
  jti: z.string(),
  sid: idOf<'session'>().optional(),
  act: Actor,
  amr: z.array(z.string()).optional(),
  auth_time: z.int().optional(),
  step_up: z.object({ at: z.int(), level: z.enum(['passkey', 'any']) }).optional(),
  scope: z.string(),
  roles: z.array(Role).optional(),
  account: AccountStatus.optional(),
  /** What the session is kept to; absent where it is whole. */
  restricted: Restriction.optional(),
  /** The one engagement that an agent belongs to. */
  engagement: idOf<'engagement'>().optional(),
  /** Who answers for the agent: where they may do less, so may it. */
  sponsor: idOf<'person'>().optional(),
})
export type Itk = Readonly<z.output<typeof Itk>>

/** Who a token stands for and what it opens. */
export type Rights = Pick<Itk, 'act' | 'scope' | 'roles' | 'account' | 'restricted' | 'step_up'>

export function scopesOf(token: Itk): ReadonlySet<Scope> {
  return new Set(token.scope.split(' ').filter((scope): scope is Scope => Scope.safeParse(scope).success))
}

/** Is this scope among those of the token? Asked on every request, so nothing is taken apart for it. */
export function hasScope({ scope }: Rights, wanted: Scope): boolean {
  return ` ${scope} `.includes(` ${wanted} `)
}

export interface TokenVerifier {
  /** The claims of a valid token for this service; refuses `internal_token_invalid` (401) whatever is wrong with it. */
  verify(token: string): Promise<Itk>
}

const CACHED_TOKENS = 10_000
const CLOCK_LEEWAY_S = 5
const REFETCH_MS = 10_000

/** Verifies tokens for one audience. Keys are fetched when first needed, and again for an unknown `kid`, at most once in 10 s. */
export function tokenVerifier(audience: string, fetchKeys: () => Promise<JSONWebKeySet>, now: () => number): TokenVerifier {
  const seen = new LRUCache<string, Itk>({ max: CACHED_TOKENS })
  const keys = keySource(fetchKeys, now)
  return {
    async verify(token) {
      const known = seen.get(token)
      if (known && known.exp * 1000 > now()) return known
      const claims = await claimsOf(token, audience, keys, now)
      seen.set(token, claims)
      return claims
    },
  }
}

type LocalKeys = ReturnType<typeof createLocalJWKSet>
type KeySource = (fresh: boolean) => Promise<LocalKeys>

function keySource(fetchKeys: () => Promise<JSONWebKeySet>, now: () => number): KeySource {
  let held: Promise<LocalKeys> | undefined
  let fetchedAt = 0
  const fetched = () => {
    fetchedAt = now()
    return fetchKeys().then(createLocalJWKSet)
  }
  return (fresh) => {
    const former = held
    if (former === undefined) {
      held = fetched()
      held.catch(() => {
        held = undefined
      })
      return held
    }
    // Anybody can name an unknown key: while identity is away that must not cost us the keys we have.
    if (fresh && now() - fetchedAt > REFETCH_MS) held = fetched().catch(() => former)
    return held ?? former
  }
}

async function claimsOf(token: string, audience: string, keys: KeySource, now: () => number): Promise<Itk> {
  const options = { audience, issuer: ITK_ISSUER, typ: ITK_TYPE, algorithms: ['EdDSA'], currentDate: new Date(now()), clockTolerance: 0 }
  const verified = await jwtVerify(token, await keys(false), options).catch(async (error: unknown) => {
    if (error instanceof errors.JWKSNoMatchingKey) return jwtVerify(token, await keys(true), options).catch(refused)
    return refused()
  })
  const claims = Itk.safeParse(verified.payload)
  if (!claims.success || claims.data.iat * 1000 > now() + CLOCK_LEEWAY_S * 1000 || claims.data.exp - claims.data.iat > ITK_LIFE_S) return refused()
  return claims.data
}

function refused(): never {
  throw shared.internal_token_invalid()
}
