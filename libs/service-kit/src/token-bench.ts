// Internal tokens for the kit's own tests: right ones, and wrong ones in one thing each.
import { type Clock, newId } from '@loomworks/kernel'
import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from 'jose'
import { ITK_ISSUER, ITK_LIFE_S, ITK_TYPE, type Itk } from './token.ts'

/** What may differ from a right token. */
export interface Wrong {
  readonly claims?: Readonly<Record<string, unknown>>
  readonly typ?: string
  readonly kid?: string
}

export interface Signer {
  readonly jwks: JSONWebKeySet
  /** A token of a person for memory, sent by the gateway, unless it is said otherwise. */
  sign(wrong?: Wrong): Promise<string>
}

export async function signer(clock: Clock, kid = 'k1'): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA')
  return {
    jwks: { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'EdDSA', use: 'sig' }] },
    sign: ({ claims = {}, typ = ITK_TYPE, kid: named = kid } = {}) =>
      new SignJWT({ ...claimsAt(clock), ...claims }).setProtectedHeader({ alg: 'EdDSA', typ, kid: named }).sign(privateKey),
  }
}

export function claimsAt(clock: Clock): Itk {
  const iat = Math.floor(clock.now() / 1000)
  const id = newId<'person'>()
  return {
    iss: ITK_ISSUER,
    aud: 'memory',
    sub: id,
    azp: 'gateway',
    iat,
    exp: iat + ITK_LIFE_S,
    jti: newId(),
    act: { kind: 'person', id },
    scope: 'memory.read memory.write',
    account: 'active',
  }
}
