// The internal tokens of the deployment and the keys they are signed with. Identity is the only signer; a key signs for 30 days
// and is published for 30 more, so that a token never outlives its key.
import { type Clock, newId, timeOf } from '@loomworks/kernel'
import { ITK_ISSUER, ITK_LIFE_S, ITK_TYPE, type Itk } from '@loomworks/service-kit'
import type { Database } from '@loomworks/sql'
import { type JSONWebKeySet, SignJWT } from 'jose'
import { type KeyPair, keyPairsOn } from './key-pairs.ts'
import type { Keyring } from './keyring.ts'

const ROTATION_MS = 30 * 86_400_000

export type Claims = Omit<Itk, 'iss' | 'iat' | 'exp' | 'jti'>
export interface Minted {
  readonly token: string
  /** RFC 3339. */
  readonly expiresAt: string
}

export interface Signing {
  /** Signs a token of 60 s, or of less where it must end by then. */
  mint(claims: Claims, endsAtMs?: number): Promise<Minted>
  /** The two newest public keys. */
  keys(): Promise<JSONWebKeySet>
  /** Makes a key where the newest is 30 days old; drops what is no longer published. */
  rotate(): Promise<void>
}

export function signingOn(db: Database, keyring: Keyring, clock: Clock): Signing {
  const pairs = keyPairsOn(db, { keyring, clock, purpose: 'token', isOver: (createdMs, nowMs) => nowMs - createdMs >= ROTATION_MS })
  return {
    async mint(claims, endsAtMs = Number.POSITIVE_INFINITY) {
      const [newest] = await pairs.current()
      return minted(newest, claims, { nowMs: clock.now(), endsAtMs })
    },
    keys: async () => ({ keys: (await pairs.fresh()).map(({ kid, jwk }) => ({ ...jwk, kid, alg: 'EdDSA', use: 'sig' })) }),
    rotate: async () => void (await pairs.fresh()),
  }
}

interface Span {
  readonly nowMs: number
  readonly endsAtMs: number
}

async function minted({ kid, key }: KeyPair, claims: Claims, { nowMs, endsAtMs }: Span): Promise<Minted> {
  const iat = Math.floor(nowMs / 1000)
  const exp = Math.min(iat + ITK_LIFE_S, Math.ceil(endsAtMs / 1000))
  const token = await new SignJWT({ ...claims, iss: ITK_ISSUER, iat, exp, jti: newId() }).setProtectedHeader({ alg: 'EdDSA', typ: ITK_TYPE, kid }).sign(key)
  return { token, expiresAt: timeOf(exp * 1000) }
}
