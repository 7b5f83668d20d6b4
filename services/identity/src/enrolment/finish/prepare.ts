import type { Id } from '@loomworks/kernel'
import { shared } from '@loomworks/service-kit'
import { exec, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { consumeForEnrolment } from '../../challenges.ts'
import { passkeyOwner } from '../../credential/queries.ts'
import type { Enrolment } from '../../enrolments.ts'
import { enrolment as refuse, credential as refuseCredential, passkey as refusePasskey } from '../../errors.ts'
import { type FactorsShown, newFactors } from '../../factors.ts'
import type { IdentityParts } from '../../parts.ts'
import { provenRegistration, type RegistrationCredential } from '../../passkeys.ts'
import { totpBinding } from '../../sealings.ts'

const KnownRow = z.object({ known: z.boolean() })
const DEFAULT_NAME = 'Passkey'

export interface PasskeyMade {
  readonly challengeId: Id<'challenge'>
  readonly credential: RegistrationCredential
  readonly name: string | undefined
}

/** Notes the proven passkey and gives the second factors. Done again, with another challenge, it takes the place of the first time. */
export async function prepared(
  { db, clock, keyring, rp }: IdentityParts,
  { id, person_id: personId, expires_at }: Enrolment,
  { challengeId, credential, name }: PasskeyMade,
): Promise<z.output<typeof FactorsShown>> {
  const challenge = await consumeForEnrolment(db, challengeId, personId, clock.now())
  const proven = challenge === undefined ? undefined : await provenRegistration(rp, challenge, credential)
  if (proven === undefined) throw refusePasskey.rejected()
  const { known } = await one(
    db,
    KnownRow,
    sql`select exists (select from identity.webauthn_credentials where credential_id = ${Buffer.from(proven.credentialId, 'base64url')}) as known`,
  )
  if (known) throw refuseCredential.taken()
  const owner = await passkeyOwner(db, personId)
  if (owner === undefined) throw shared.account_locked()
  const factors = newFactors(keyring, totpBinding('enrolment', id), { issuer: rp.name, account: owner.email })
  const kept = await exec(
    db,
    sql`update identity.enrolment_tokens
           set credential = ${JSON.stringify({ ...proven, name: name ?? DEFAULT_NAME })}, totp_sealed = ${factors.totpSealed},
               recovery_digests = ${[...factors.recoveryDigests]}, key_id = ${factors.keyId}, set_id = ${factors.setId}
         where id = ${id} and state = 'open'`,
  )
  if (kept === 0) throw refuse.unknown()
  return { ...factors.shown, recovery_codes: [...factors.shown.recovery_codes], expires_at }
}
