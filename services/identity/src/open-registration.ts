// How a signup begins, whoever begins it: a registration, its secret, and a challenge for the passkey.
import { randomBytes } from 'node:crypto'
import { type Id, newId, timeOf, tokenHash } from '@loomworks/kernel'
import { exec, sql } from '@loomworks/sql'
import { askForRegistration } from './challenges.ts'
import { mailCode } from './email-codes.ts'
import type { IdentityParts } from './parts.ts'
import { creationOptions } from './passkeys.ts'

const REGISTRATION_LIFE_MS = 1_800_000
export const REGISTRATIONS_BUSY_RETRY_S = 5
const SECRET_BYTES = 32
const USER_HANDLE_BYTES = 32
const DEFAULT_COMPANION_NAME = 'Companion'

/** How the address will be proven: not at all, by a mailed code, or by the grant that was given to it. */
type Proof = { readonly by: 'none' | 'code' } | { readonly by: 'claim'; readonly grantId: string }

interface Beginning {
  readonly email: string
  readonly displayName: string
  readonly companionName?: string
  readonly proof: Proof
}

export interface Begun {
  readonly id: Id<'registration'>
  readonly secret: string
  readonly expiresAt: string
  readonly options: Record<string, unknown> & { challenge: string }
}

/** Looks at nobody's address: a known and an unknown one take the same path, and where a code is mailed a known one gets another letter. */
export async function openRegistration(parts: IdentityParts, { email, displayName, companionName = DEFAULT_COMPANION_NAME, proof }: Beginning): Promise<Begun> {
  const nowMs = parts.clock.now()
  const now = timeOf(nowMs)
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const owner = { userHandle: randomBytes(USER_HANDLE_BYTES), email, displayName }
  const id = newId<'registration'>(nowMs)
  const expiresAt = timeOf(nowMs + REGISTRATION_LIFE_MS)
  const { challenge } = await parts.db.transaction(async (tx) => {
    await exec(
      tx,
      sql`insert into identity.pending_registrations (id, secret_hash, state, email, display_name, companion_name, user_handle, email_proof, claim_grant_id, created_at,
                                                      updated_at, expires_at)
          values (${id}, ${tokenHash(secret)}, 'begun', ${email}, ${displayName}, ${companionName}, ${owner.userHandle}, ${proof.by},
                  ${proof.by === 'claim' ? proof.grantId : null}, ${now}, ${now}, ${expiresAt})`,
    )
    if (proof.by === 'code') await mailCode(tx, parts, { registrationId: id }, email)
    return askForRegistration(tx, id, nowMs)
  })
  return { id, secret, expiresAt, options: { ...(await creationOptions(parts.rp, owner, challenge)) } }
}
