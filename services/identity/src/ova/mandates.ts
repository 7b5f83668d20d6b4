// Mandates (companion page §12, profile P0): that a Companion may carry out one act, with one service, within half a minute. Signed with the key of
// the day; whoever checks one needs the public keys of this day and the one before, and nobody's word.
import type { Capability, MandateMode, Money } from '@loomworks/contracts'
import { type Clock, newId, timeOf } from '@loomworks/kernel'
import type { Database } from '@loomworks/sql'
import { GeneralSign, SignJWT } from 'jose'
import { z } from 'zod'
import { keyPairsOn, PublicJwk } from '../key-pairs.ts'
import type { Keyring } from '../keyring.ts'

const LIFE_S = 30
const DAY_MS = 86_400_000
const MANDATE_TYPE = 'ova-mandate+jwt'
const ISSUER_TYPE = 'ova-issuer+json'
/** Major units, the same for everybody: a proof that hides its amount shows the lowest that is enough. */
const RUNGS = [1, 2, 5, 10, 20, 25, 50, 75, 100, 150, 200, 300, 500, 1000, 2000, 5000]

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

const Signature = z.object({ protected: z.string(), signature: z.string() })
export const Issuer = z.object({
  issuer: z.string(),
  profiles: z.array(z.enum(['p0'])),
  rungs: z.array(z.int()),
  /** `epoch`: the day of the key, counted from 1970 in UTC. */
  keys: z.array(PublicJwk.extend({ kid: z.string(), epoch: z.int() })),
  at: z.string(),
  /** The same, signed with each of the keys (RFC 7515, general form): who knew yesterday's believes today's. */
  statement: z.object({ payload: z.string(), signatures: z.array(Signature) }),
})
export type Issuer = z.output<typeof Issuer>

/** From when until when a mandate is good, in seconds of the epoch. */
export interface Life {
  readonly iat: number
  readonly exp: number
}
export type Sign = (mandated: Mandated, life: Life) => Promise<Mandate>

export interface Mandates {
  /** What signs with the key of the day, and asks no database: so it can be called within a transaction. */
  signer(): Promise<Sign>
  /** What a verifier needs. */
  issuer(): Promise<Issuer>
}

export function mandatesOn(db: Database, keyring: Keyring, clock: Clock, issuer: string): Mandates {
  const pairs = keyPairsOn(db, { keyring, clock, purpose: 'mandate', isOver: (createdMs, nowMs) => epochOf(createdMs) < epochOf(nowMs) })
  return {
    async signer() {
      const [{ kid, key, createdMs }] = await pairs.current()
      return async ({ holder, ...said }, { iat, exp }) => {
        const claims = { ...said, iss: issuer, iat, exp, jti: newId(), cnf: { jwk: holder }, epoch: epochOf(createdMs) }
        return { mandate: await new SignJWT(claims).setProtectedHeader({ alg: 'EdDSA', typ: MANDATE_TYPE, kid }).sign(key), expiresAt: timeOf(exp * 1000) }
      }
    },
    async issuer() {
      const published = await pairs.fresh()
      const keys = published.map(({ kid, jwk, createdMs }) => ({ ...jwk, kid, epoch: epochOf(createdMs) }))
      const told = { issuer, profiles: ['p0' as const], rungs: RUNGS, keys, at: timeOf(clock.now()) }
      const signing = new GeneralSign(Buffer.from(JSON.stringify(told)))
      for (const { kid, key } of published) signing.addSignature(key).setProtectedHeader({ alg: 'EdDSA', typ: ISSUER_TYPE, kid })
      return Issuer.parse({ ...told, statement: await signing.sign() })
    },
  }
}

/** A mandate that is minted now is good for 30 s, or as long as the signature behind it; undefined where that is over. */
export function lifeOf(nowMs: number, endsAtMs: number): Life | undefined {
  const iat = Math.floor(nowMs / 1000)
  const exp = Math.min(iat + LIFE_S, Math.floor(endsAtMs / 1000))
  return exp * 1000 > nowMs ? { iat, exp } : undefined
}

/** The day a key signs in, counted from 1970 in UTC. */
function epochOf(ms: number): number {
  return Math.floor(ms / DAY_MS)
}
