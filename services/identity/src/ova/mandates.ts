// Mandates (companion page §12, profile P0): that a Companion may carry out one act, with one service, within half a minute. Signed with the key of
// the day; whoever checks one needs the public keys of this day and the one before, and nobody's word.
import type { Capability, MandateMode, Money } from '@loomworks/contracts'
import { type Clock, newId, timeOf } from '@loomworks/kernel'
import type { Database } from '@loomworks/sql'
import { type GeneralJWS, GeneralSign, SignJWT } from 'jose'
import type { z } from 'zod'
import { keyPairsOn, type PublicJwk } from '../key-pairs.ts'
import type { Keyring } from '../keyring.ts'

const LIFE_S = 30
const DAY_MS = 86_400_000
const MANDATE_TYPE = 'ova-mandate+jwt'
const ISSUER_TYPE = 'ova-issuer+json'
/** Major units, the same for everybody: a proof that hides its amount shows the lowest that is enough. */
const RUNGS: readonly number[] = [1, 2, 5, 10, 20, 25, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 5000]

export interface Mandated {
  readonly aud: string
  readonly capability: Capability
  readonly act: string
  readonly amount?: z.output<typeof Money> | undefined
  readonly mode: MandateMode
  /** The key that presents it, one for each person and service. */
  readonly holder: z.output<typeof PublicJwk>
}

export interface Mandate {
  readonly mandate: string
  /** RFC 3339. */
  readonly expiresAt: string
}

export interface Issuer {
  readonly issuer: string
  readonly profiles: readonly ['p0']
  readonly rungs: readonly number[]
  readonly keys: readonly (z.output<typeof PublicJwk> & { readonly kid: string; readonly epoch: number })[]
  readonly at: string
}

export interface Mandates {
  /** Signs a mandate that is over by `endsAtMs`, 30 s at most from now. */
  mint(mandated: Mandated, endsAtMs: number): Promise<Mandate>
  /** What a verifier needs, signed with every key it names: who knew yesterday's believes today's. */
  issuer(): Promise<Issuer & { readonly statement: GeneralJWS }>
}

export function mandatesOn(db: Database, keyring: Keyring, clock: Clock, issuer: string): Mandates {
  const pairs = keyPairsOn(db, { keyring, clock, purpose: 'mandate', isOver: (createdMs, nowMs) => epochOf(createdMs) < epochOf(nowMs) })
  return {
    async mint({ holder, ...said }, endsAtMs) {
      const [{ kid, key }] = await pairs.current()
      const iat = Math.floor(clock.now() / 1000)
      const exp = mandateEndS(clock.now(), endsAtMs)
      const claims = { ...said, iss: issuer, iat, exp, jti: newId(), cnf: { jwk: holder }, epoch: epochOf(clock.now()) }
      return { mandate: await new SignJWT(claims).setProtectedHeader({ alg: 'EdDSA', typ: MANDATE_TYPE, kid }).sign(key), expiresAt: timeOf(exp * 1000) }
    },
    async issuer() {
      const published = await pairs.fresh()
      const keys = published.map(({ kid, jwk, createdMs }) => ({ ...jwk, kid, epoch: epochOf(createdMs) }))
      const told = { issuer, profiles: ['p0'], rungs: RUNGS, keys, at: timeOf(clock.now()) } as const
      const signing = new GeneralSign(Buffer.from(JSON.stringify(told)))
      for (const { kid, key } of published) signing.addSignature(key).setProtectedHeader({ alg: 'EdDSA', typ: ISSUER_TYPE, kid })
      return { ...told, statement: await signing.sign() }
    },
  }
}

/** When a mandate that is minted now is over, in seconds of the epoch: 30 s from now, or with the signature behind it. */
export function mandateEndS(nowMs: number, endsAtMs: number): number {
  return Math.min(Math.floor(nowMs / 1000) + LIFE_S, Math.floor(endsAtMs / 1000))
}

/** The day a key signs in, counted from 1970 in UTC. */
function epochOf(ms: number): number {
  return Math.floor(ms / DAY_MS)
}
