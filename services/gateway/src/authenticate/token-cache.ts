// Internal tokens by credential and audience. Identity mints, the gateway keeps: until shortly before the token's end, or until it
// hears that the session, or what the person may do, is no longer the same.
import type { ServiceName } from '@loomworks/kernel'
import { Itk } from '@loomworks/service-kit'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'

export interface Entry {
  readonly token: string
  readonly claims: Itk
  /** Which rate they are held to; absent where nobody is known. */
  readonly rateClass?: RateClass
}
const RateClass = z.enum(['person', 'operator', 'agent'])
type RateClass = z.output<typeof RateClass>

export type Introspected = { readonly entry: Entry; readonly untilMs: number } | { readonly code: string }

/** Identity's answer about a credential (identity page §12). */
export const Introspection = z.union([
  z.object({ active: z.literal(true), token: z.string(), expiresAt: z.string(), rateClass: RateClass }),
  z.object({ active: z.literal(false), code: z.string() }),
])

const MOST_ENTRIES = 100_000
const REFUSED_FOR_MS = 2000
const RENEW_BEFORE_MS = 5000
const DROPS_REMEMBERED_MS = 60_000

export interface TokenCacheOptions {
  readonly introspect: (credentialHash: string, audience: ServiceName) => Promise<z.output<typeof Introspection>>
  readonly now: () => number
  readonly mostEntries?: number
}

interface Asked {
  readonly at: number
  readonly era: number
}

export class TokenCache {
  readonly #options: TokenCacheOptions
  readonly #known: LRUCache<string, Introspected>
  readonly #asking = new Map<string, Promise<Introspected>>()
  readonly #bySubject = new Map<string, Set<string>>()
  /** Subjects dropped lately: an answer that was on its way meanwhile is not kept. */
  readonly #dropped: LRUCache<string, number>
  /** Grows when everything is forgotten: what was asked in an era that is over is not kept. */
  #era = 0

  constructor(options: TokenCacheOptions) {
    const { mostEntries = MOST_ENTRIES } = options
    this.#options = options
    this.#known = new LRUCache({ max: mostEntries, perf: { now: options.now }, ttlResolution: 0, dispose: (entry, key) => this.#forget(entry, key) })
    this.#dropped = new LRUCache({ max: mostEntries, ttl: DROPS_REMEMBERED_MS, perf: { now: options.now } })
  }

  /** The token of a credential for a service, or the code by which it is refused. */
  async find(credentialHash: string, audience: ServiceName): Promise<Entry | { readonly code: string }> {
    const key = `${audience} ${credentialHash}`
    const known = this.#known.get(key)
    if (known !== undefined && 'untilMs' in known && known.untilMs > this.#options.now()) return known.entry
    if (known !== undefined && 'code' in known) return known
    const asked = this.#asking.get(key) ?? this.#ask(key, credentialHash, audience)
    const answer = await asked
    return 'entry' in answer ? answer.entry : answer
  }

  /** Forgets what stands on a session (its id) or a person. */
  drop(subject: string): void {
    this.#dropped.set(subject, this.#options.now())
    for (const key of [...(this.#bySubject.get(subject) ?? [])]) this.#known.delete(key)
  }

  /** Forgets everything, also what is on its way: something may have changed that nobody told us. */
  forgetAll(): void {
    this.#era++
    this.#known.clear()
  }

  get size(): number {
    return this.#known.size
  }

  #ask(key: string, credentialHash: string, audience: ServiceName): Promise<Introspected> {
    const asked = { at: this.#options.now(), era: this.#era }
    const asking = this.#options
      .introspect(credentialHash, audience)
      .then((answer) => this.#keep(key, asked, answer))
      .finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  #keep(key: string, asked: Asked, answer: z.output<typeof Introspection>): Introspected {
    if (!answer.active) {
      const refused = { code: answer.code }
      this.#known.set(key, refused, { ttl: REFUSED_FOR_MS })
      return refused
    }
    const entry = { token: answer.token, claims: claimsOf(answer.token), rateClass: answer.rateClass }
    const kept = { entry, untilMs: entry.claims.exp * 1000 - RENEW_BEFORE_MS }
    const stale = subjectsOf(entry.claims).some((subject) => (this.#dropped.get(subject) ?? Number.NEGATIVE_INFINITY) >= asked.at)
    if (stale || asked.era !== this.#era) return kept
    this.#known.set(key, kept)
    for (const subject of subjectsOf(entry.claims)) this.#index(subject, key)
    return kept
  }

  #index(subject: string, key: string): void {
    const keys = this.#bySubject.get(subject) ?? new Set()
    keys.add(key)
    this.#bySubject.set(subject, keys)
  }

  #forget(entry: Introspected, key: string): void {
    if (!('entry' in entry)) return
    for (const subject of subjectsOf(entry.entry.claims)) {
      const keys = this.#bySubject.get(subject)
      keys?.delete(key)
      if (keys?.size === 0) this.#bySubject.delete(subject)
    }
  }
}

/** Whose change makes a token old: its session's, its holder's, and that of who answers for an agent. */
function subjectsOf({ sid, sub, sponsor }: Itk): readonly string[] {
  return [sub, ...(sid === undefined ? [] : [sid]), ...(sponsor === undefined ? [] : [sponsor])]
}

/** The claims of a token that identity just handed over itself; who verifies it is the service it is for. */
export function claimsOf(token: string): Itk {
  return Itk.parse(JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()))
}
