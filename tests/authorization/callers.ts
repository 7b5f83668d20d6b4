// How each kind of caller comes: what it shows the gateway, and what a service gets to see of it.
import { Refusal, type ServiceName, tokenHash } from '@loomworks/kernel'
import { type Platform, type ServiceClient, ServiceToken, serviceClient } from '@loomworks/service-kit'
import { type Database, exec, type Sql } from '@loomworks/sql'
import { z } from 'zod'
import type { Person } from './people.ts'

export interface Caller {
  /** What it shows the gateway: null for nothing, undefined where it never comes that way. */
  readonly credential: () => string | null | undefined
  /** The token that comes with what it asks a service; undefined where it never gets so far. */
  readonly tokenFor: (audience: ServiceName) => Promise<string | undefined>
  /** Makes the credential as good as new, after something that may have ended it. */
  readonly renew: () => Promise<void>
}

/** What makes a whole session another one: before the log-in, and after it. */
export interface Kept {
  readonly before?: Sql
  readonly after?: (sessionId: string) => readonly Sql[]
}

/** Tokens live for a minute. */
const ASKED_AGAIN_MS = 30_000
const Introspected = z.object({ token: z.string().optional() })
const stays = async () => undefined

export class Callers {
  readonly #db: Database
  readonly #clientOf: (service: ServiceName) => ServiceClient

  constructor(db: Database, clientOf: (service: ServiceName) => ServiceClient) {
    this.#db = db
    this.#clientOf = clientOf
  }

  /** Nobody: a service gets the gateway's own token. */
  nobody(): Caller {
    return { credential: () => null, tokenFor: (audience) => this.#clientOf('gateway').tokenFor(audience), renew: stays }
  }

  /** A credential that stays as it is. */
  bearing(credential: string): Caller {
    return { credential: () => credential, tokenFor: remembered((audience) => this.#introspected(credential, audience)), renew: stays }
  }

  /** A person by a session of its own. */
  async session({ client }: Person, { before, after }: Kept = {}): Promise<Caller> {
    let credential = ''
    let tokenFor: Caller['tokenFor'] = async () => undefined
    const renew = async () => {
      if (before !== undefined) await exec(this.#db, before)
      const { session } = await client.logIn()
      for (const change of after?.(session.id) ?? []) await exec(this.#db, change)
      credential = session.token
      tokenFor = remembered((audience) => this.#introspected(session.token, audience))
    }
    await renew()
    return { credential: () => credential, tokenFor: (audience) => tokenFor(audience), renew }
  }

  /** A person's Companion, asked by them a moment ago: it comes to a service from another one, never through the gateway. */
  async companion({ client }: Person): Promise<Caller> {
    const { session } = await client.logIn()
    const exchanged = async (audience: ServiceName) =>
      this.#exchanged({ approvalMode: 'explicit', audience, token: await this.#introspected(session.token, 'companion') })
    return { credential: () => undefined, tokenFor: remembered(exchanged), renew: stays }
  }

  /** A Companion that nobody asked, and that names a right which is not its person's: it gets no token to act with, and what is left to it is
   *  the service's own. */
  unapproved({ id: personId }: Person, capabilityRef: string): Caller {
    const asRefused = (audience: ServiceName) => (error: unknown) => {
      if (error instanceof Refusal && error.code === 'auth.actor_refused') return this.#clientOf('companion').tokenFor(audience)
      throw error
    }
    const tokenFor = remembered((audience) => this.#exchanged({ approvalMode: 'pre_authorized', audience, personId, capabilityRef }).catch(asRefused(audience)))
    return { credential: () => undefined, tokenFor, renew: stays }
  }

  async #exchanged(approval: object): Promise<string> {
    const body = { as: 'companion', ...approval }
    return (await this.#clientOf('companion').call('identity', ServiceToken, { method: 'POST', path: '/internal/tokens/exchange', body })).token
  }

  async #introspected(credential: string, audience: ServiceName): Promise<string | undefined> {
    const body = { credentialHash: tokenHash(credential), audience }
    return (await this.#clientOf('gateway').call('identity', Introspected, { method: 'POST', path: '/internal/introspect', body })).token
  }
}

function remembered<T>(ask: (audience: ServiceName) => Promise<T>): (audience: ServiceName) => Promise<T> {
  const held = new Map<ServiceName, { readonly at: number; readonly answer: Promise<T> }>()
  return (audience) => {
    const known = held.get(audience)
    if (known !== undefined && performance.now() - known.at < ASKED_AGAIN_MS) return known.answer
    const answer = ask(audience)
    held.set(audience, { at: performance.now(), answer })
    return answer
  }
}

/** The services' own ways to each other, one for each that the matrix speaks as. */
export function clientsOn({ addressOf, secretOf, clock }: Platform) {
  const clients = new Map<ServiceName, ServiceClient>()
  return {
    of(service: ServiceName): ServiceClient {
      const known = clients.get(service) ?? serviceClient({ service, secret: secretOf(service), addressOf, now: () => clock.now() })
      clients.set(service, known)
      return known
    },
    async close() {
      for (const client of clients.values()) await client.close()
    },
  }
}
