// The second factors a person is given: a TOTP secret and ten recovery codes. They are shown once; what is kept opens nothing without
// the server's keys.
import { type Id, newId } from '@loomworks/kernel'
import { z } from 'zod'
import type { Keyring } from './keyring.ts'
import { newRecoveryCodes, recoveryDigest } from './recovery-codes.ts'
import { base32, newTotpSecret, otpauthUri } from './totp.ts'

export const TotpShown = z.object({ secret: z.string(), otpauth_uri: z.string() })
export const CodesShown = z.array(z.string()).length(10)
export const FactorsShown = z.object({ totp: TotpShown, recovery_codes: CodesShown, expires_at: z.string() })

/** What an authenticator app lists the secret under. */
export interface TotpLabel {
  readonly issuer: string
  readonly account: string
}

export interface OfferedTotp {
  readonly shown: z.output<typeof TotpShown>
  readonly sealed: Buffer
  readonly keyId: string
}

export function newTotp(keyring: Keyring, binding: string, { issuer, account }: TotpLabel): OfferedTotp {
  const secret = newTotpSecret()
  return {
    shown: { secret: base32(secret), otpauth_uri: otpauthUri(secret, issuer, account) },
    sealed: keyring.seal('totp', secret, binding),
    keyId: keyring.keyId,
  }
}

export interface CodeSet {
  readonly shown: readonly string[]
  readonly digests: readonly string[]
  readonly setId: Id<'credential'>
  readonly keyId: string
}

export function newCodes(keyring: Keyring): CodeSet {
  const shown = newRecoveryCodes()
  return { shown, digests: shown.map((code) => recoveryDigest(keyring, code)), setId: newId(), keyId: keyring.keyId }
}

export interface Factors {
  readonly shown: Omit<z.output<typeof FactorsShown>, 'expires_at'>
  readonly totpSealed: Buffer
  readonly recoveryDigests: readonly string[]
  readonly setId: string
  readonly keyId: string
}

/** Both, for who has neither yet. */
export function newFactors(keyring: Keyring, binding: string, label: TotpLabel): Factors {
  const totp = newTotp(keyring, binding, label)
  const codes = newCodes(keyring)
  return {
    shown: { totp: totp.shown, recovery_codes: [...codes.shown] },
    totpSealed: totp.sealed,
    recoveryDigests: codes.digests,
    setId: codes.setId,
    keyId: keyring.keyId,
  }
}
