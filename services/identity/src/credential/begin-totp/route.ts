import { timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import { z } from 'zod'
import { newTotp, TotpShown } from '../../factors.ts'
import type { IdentityParts } from '../../parts.ts'
import { totpBinding } from '../../sealings.ts'
import { selfOf } from '../../self.ts'
import { changesFactors } from '../authz.ts'
import { passkeyOwner } from '../queries.ts'

const OFFER_LIFE_MS = 600_000

export const beginTotpRoute = operation({
  post: '/me/credentials/totp/begin',
  id: 'beginTotp',
  summary: 'A new secret for the authenticator app; the old one works until a code of this is shown',
  authz: changesFactors,
  body: z.strictObject({}),
  reply: z.object({ totp: TotpShown, expires_at: z.string() }),
  refuses: [shared.token_refused, shared.invalid_body],

  /** The offer before it is void. */
  async answer({ caller }, { db, clock, keyring, rp }: IdentityParts) {
    const personId = selfOf(caller)
    const owner = await passkeyOwner(db, personId)
    if (owner === undefined) throw shared.token_refused()
    const { shown, sealed, keyId } = newTotp(keyring, totpBinding('offer', personId), { issuer: rp.name, account: owner.email })
    const expiresAt = timeOf(clock.now() + OFFER_LIFE_MS)
    await exec(
      db,
      sql`insert into identity.totp_offers (person_id, secret_sealed, key_id, expires_at)
          values (${personId}, ${sealed}, ${keyId}, ${expiresAt})
          on conflict (person_id) do update
            set secret_sealed = excluded.secret_sealed, key_id = excluded.key_id, expires_at = excluded.expires_at`,
    )
    return { totp: shown, expires_at: expiresAt }
  },
})
