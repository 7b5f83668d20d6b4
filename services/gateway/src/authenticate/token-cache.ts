// Internal tokens by credential and audience. Identity mints, the gateway keeps: until shortly before the token's end, or until it
// hears that the session, or what the person may do, is no longer the same.
import { type ServiceName, Transient } from '@loomworks/kernel'
import { Itk } from '@loomworks/service-kit'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'

/** Of the claims of a token what the gateway decides by. There are many of them, so no more is kept. */
const Claims = Itk.pick({
  sub: true,
  sid: true,
  sponsor: true,
  act: true,
  scope: true,
  roles: true,
  account: true,
  restricted: true,
  step_up: true,
  exp: true,
})
type Claims = Readonly<z.output<typeof Claims>>

export interface Entry {
  readonly token: string
  readonly claims: Claims
  /** Which rate they are held to; absent where nobody is known. */
  readonly rateClass?: RateClass
}
const RateClass = z.enum(['person', 'operator', 'agent'])
type RateClass = z.output<typeof RateClass>

type Found = Entry | { readonly code: string }

/** Identity's answer about a credential (identity page §12). */
export const Introspection = z.union([
  z.object({ active: z.literal(true), token: z.string(), expiresAt: z.string(), rateClass: RateClass }),
  z.object({ active: z.literal(false), code: z.string() }),
])

const MOST_ENTRIES = 100_000
const REFUSED_FOR_MS = 2000
const RENEW_BEFORE_MS = 5000
const DROPS_REMEMBERED_MS = 60_000
const SWEPT_EVERY = 1000
const SCOPES_SHARED = 1000
const TRIES_MOST = 10

export interface TokenCacheOptions {
  /** `again`: the credential is not shown now, what it once opened is still open. */
  readonly introspect: (credentialHash: string, audience: ServiceName, again: boolean) => Promise<z.output<typeof Introspection>>
  readonly now: () => number
  readonly mostEntries?: number
}

export class TokenCache {
  readonly #options: TokenCacheOptions
  readonly #known: LRUCache<string, Found>
  readonly #asking = new Map<string, Promise<Found>>()
  /** Keys by what drops them; most have one. */
  readonly #bySubject = new Map<string, string | Set<string>>()
  /** Few kinds of rights are held by many. */
  readonly #scopes = new LRUCache<string, string>({ max: SCOPES_SHARED })
  /** Subjects dropped lately, each with the number of that drop: an answer that was on its way meanwhile is worth nothing. */
  readonly #dropped: LRUCache<string, number>
  #drops = 0
  /** The drop that was of everything. */
  #forgotten = 0
  #kept = 0

  constructor(options: TokenCacheOptions) {
    const { mostEntries = MOST_ENTRIES } = options
    this.#options = options
    // By size and not by `max`, for which all the room would be taken at once.
    const bounded = { maxSize: mostEntries, sizeCalculation: () => 1, perf: { now: options.now } }
    this.#known = new LRUCache({ ...bounded, ttlResolution: 0, dispose: (entry, key) => this.#forget(entry, key) })
    this.#dropped = new LRUCache({ ...bounded, ttl: DROPS_REMEMBERED_MS })
  }

  /** The token of a credential for a service, or the code by which it is refused. Transient where what it stands on changes as fast as it can be
   *  asked about. */
  async find(credentialHash: string, audience: ServiceName, again: boolean = false): Promise<Found> {
    const key = `${audience} ${credentialHash}`
    return this.#known.get(key) ?? this.#asking.get(key) ?? this.#ask(key, () => this.#options.introspect(credentialHash, audience, again))
  }

  /** Forgets what stands on a session (its id) or a person. */
  drop(subject: string): void {
    this.#dropped.set(subject, ++this.#drops)
    // Whoever comes from now on asks anew: whom a question is about is not known before its answer.
    this.#asking.clear()
    const keys = this.#bySubject.get(subject) ?? []
    for (const key of typeof keys === 'string' ? [keys] : [...keys]) this.#known.delete(key)
  }

  /** Forgets everything, also what is on its way: something may have changed that nobody told us. */
  forgetAll(): void {
    this.#forgotten = ++this.#drops
    this.#asking.clear()
    this.#known.clear()
  }

  get size(): number {
    return this.#known.size
  }

  #ask(key: string, introspect: () => ReturnType<TokenCacheOptions['introspect']>): Promise<Found> {
    const asking = this.#answered(key, introspect).finally(() => {
      if (this.#asking.get(key) === asking) this.#asking.delete(key)
    })
    this.#asking.set(key, asking)
    return asking
  }

  /** Several things of one person are told in a row: each makes an answer that is on its way an old one. */
  async #answered(key: string, introspect: () => ReturnType<TokenCacheOptions['introspect']>): Promise<Found> {
    for (let tries = 0; tries < TRIES_MOST; tries++) {
      const found = this.#keep(key, this.#drops, await introspect())
      if (found !== undefined) return found
    }
    throw new Transient('what a credential stands on changed whenever it was asked about')
  }

  /** What is found, kept; undefined where it is old already: something it stands on was dropped after it was asked for. */
  #keep(key: string, askedAfter: number, answer: z.output<typeof Introspection>): Found | undefined {
    if (!answer.active) {
      const refused = { code: answer.code }
      this.#known.set(key, refused, { ttl: REFUSED_FOR_MS })
      return refused
    }
    const { token, rateClass } = answer
    const claims = claimsOf(token)
    const entry = { token, claims: { ...claims, scope: this.#shared(claims.scope) }, rateClass }
    const lifeMs = claims.exp * 1000 - RENEW_BEFORE_MS - this.#options.now()
    const stale = subjectsOf(claims).some((subject) => (this.#dropped.get(subject) ?? 0) > askedAfter)
    if (stale || this.#forgotten > askedAfter) return undefined
    if (lifeMs <= 0) return entry
    this.#known.set(key, entry, { ttl: lifeMs })
    for (const subject of subjectsOf(claims)) this.#index(subject, key)
    // What is over makes room, also where nobody asks for it again.
    if (++this.#kept % SWEPT_EVERY === 0) this.#known.purgeStale()
    return entry
  }

  #shared(scope: string): string {
    const known = this.#scopes.get(scope)
    if (known === undefined) this.#scopes.set(scope, scope)
    return known ?? scope
  }

  #index(subject: string, key: string): void {
    const keys = this.#bySubject.get(subject)
    if (keys === undefined || keys === key) this.#bySubject.set(subject, key)
    else if (typeof keys === 'string') this.#bySubject.set(subject, new Set([keys, key]))
    else keys.add(key)
  }

  #forget(found: Found, key: string): void {
    if (!('claims' in found)) return
    for (const subject of subjectsOf(found.claims)) {
      const keys = this.#bySubject.get(subject)
      if (keys instanceof Set) keys.delete(key)
      if (keys === key || (keys instanceof Set && keys.size === 0)) this.#bySubject.delete(subject)
    }
  }
}

/** Whose change makes a token old: its session's, its holder's, and that of who answers for an agent. */
export function subjectsOf({ sid, sub, sponsor }: Claims): readonly string[] {
  return [sub, ...(sid === undefined ? [] : [sid]), ...(sponsor === undefined ? [] : [sponsor])]
}

/** The claims of a token that identity just handed over itself; who verifies it is the service it is for. */
export function claimsOf(token: string): Claims {
  return Claims.parse(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()))
}
