// Public keys as authenticators send them (COSE_Key, RFC 9053). The library takes a key whose bytes were cut short; such a key
// would be kept and never open anything, so each is looked at once before it is kept.
import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { decodeCredentialPublicKey } from '@simplewebauthn/server/helpers'
import { z } from 'zod'

const LABEL = { type: 1, alg: 3, first: -1, second: -2, third: -3 } as const
const RSA_BITS_MIN = 2048

const Bytes = z.instanceof(Uint8Array)
const Bytes32 = Bytes.refine((bytes) => bytes.length === 32)
const Es256 = z.object({ type: z.literal(2), alg: z.literal(-7), first: z.literal(1), second: Bytes32, third: Bytes32 })
const EdDsa = z.object({ type: z.literal(1), alg: z.literal(-8), first: z.literal(6), second: Bytes32 })
const Rs256 = z.object({ type: z.literal(3), alg: z.literal(-257), first: Bytes, second: Bytes })
const CoseKey = z.discriminatedUnion('alg', [Es256, EdDsa, Rs256])
type CoseKey = z.output<typeof CoseKey>

/** The COSE algorithm of a key that can verify signatures: -7 (ES256), -8 (EdDSA), -257 (RS256, ≥ 2048 bits); undefined for any
 *  other, for one that fits another algorithm than it names, and for a point that is on no curve. */
export function usableAlgorithm(publicKey: Uint8Array): number | undefined {
  try {
    const map = decodeCredentialPublicKey(new Uint8Array(publicKey)) as unknown as ReadonlyMap<number, unknown>
    const key = CoseKey.parse(Object.fromEntries(Object.entries(LABEL).map(([name, label]) => [name, map.get(label)])))
    const { asymmetricKeyDetails } = createPublicKey({ key: jwkOf(key), format: 'jwk' })
    return (asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN) >= RSA_BITS_MIN ? key.alg : undefined
  } catch {
    return undefined
  }
}

function jwkOf(key: CoseKey): JsonWebKey {
  switch (key.alg) {
    case -7:
      return { kty: 'EC', crv: 'P-256', x: text(key.second), y: text(key.third) }
    case -8:
      return { kty: 'OKP', crv: 'Ed25519', x: text(key.second) }
    case -257:
      return { kty: 'RSA', n: text(key.first), e: text(key.second) }
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
