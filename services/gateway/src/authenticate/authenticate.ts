// Who asks: once per request, one token for one audience (identity page §13.1, step 7).
import type { Refusal, ServiceName } from '@loomworks/kernel'
import { type ServiceClient, shared } from '@loomworks/service-kit'
import type { Route } from '../routes.ts'
import type { Credential } from './credential.ts'
import { claimsOf, type Entry, type TokenCache } from './token-cache.ts'

/** `again`: not for a request that comes, but for an answer that is still open. */
export type Authenticate = (route: Route, credential: Credential | undefined, again?: boolean) => Promise<Entry>

/** Where nobody needs to be known, a credential that opens nothing counts as none. */
export function authenticator(cache: TokenCache, client: ServiceClient): Authenticate {
  const own = new Map<ServiceName, Entry>()
  const anonymous = async (audience: ServiceName): Promise<Entry> => {
    const token = await client.tokenFor(audience)
    const known = own.get(audience)
    if (known?.token === token) return known
    const entry = { token, claims: claimsOf(token) }
    own.set(audience, entry)
    return entry
  }
  return async (route, credential, again = false) => {
    const open = route.authz.actors.includes('anonymous')
    if (credential === undefined) {
      if (!open) throw shared.unauthenticated()
      return anonymous(route.owner)
    }
    const found = await cache.find(credential.hash, route.owner, again)
    if (!('code' in found)) return found
    if (open) return anonymous(route.owner)
    throw refusedAs(found.code)
  }
}

function refusedAs(code: string): Refusal {
  if (code === 'session_expired') return shared.session_expired()
  return code === 'account_locked' ? shared.account_locked() : shared.token_refused()
}
