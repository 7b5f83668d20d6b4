// The second factors a registration is given: a TOTP secret and ten recovery codes. They are shown once; what is kept opens
// nothing without the server's keys.

import { newId } from '@loomworks/kernel'
import { z } from 'zod'
import type { Keyring } from '../keyring.ts'
import { newRecoveryCodes, recoveryDigest } from '../recovery-codes.ts'
import { totpBinding } from '../sealings.ts'
import { base32, newTotpSecret, otpauthUri } from '../totp.ts'
import type { RegistrationId } from './state.ts'

export const FactorsShown = z.object({
  totp: z.object({ secret: z.string(), otpauth_uri: z.string() }),
  recovery_codes: z.array(z.string()).length(10),
  expires_at: z.string(),
})

export interface Factors {
  readonly shown: Omit<z.output<typeof FactorsShown>, 'expires_at'>
  readonly totpSealed: Buffer
  readonly recoveryDigests: readonly string[]
  readonly setId: string
  readonly keyId: string
}

export function newFactors(keyring: Keyring, id: RegistrationId, { issuer, account }: { readonly issuer: string; readonly account: string }): Factors {
  const secret = newTotpSecret()
  const codes = newRecoveryCodes()
  return {
    shown: { totp: { secret: base32(secret), otpauth_uri: otpauthUri(secret, issuer, account) }, recovery_codes: [...codes] },
    totpSealed: keyring.seal('totp', secret, totpBinding('registration', id)),
    recoveryDigests: codes.map((code) => recoveryDigest(keyring, code)),
    setId: newId(),
    keyId: keyring.keyId,
  }
}
