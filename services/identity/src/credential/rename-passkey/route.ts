import { idOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { CredentialName } from '../../names.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf } from '../../self.ts'
import { changesPasskey } from '../authz.ts'
import { PASSKEY_COLUMNS, PasskeyShown } from '../queries.ts'

export const renamePasskeyRoute = operation({
  patch: '/me/credentials/passkeys/:id',
  id: 'renamePasskey',
  summary: 'Call a passkey something else',
  authz: changesPasskey,
  params: z.strictObject({ id: idOf<'credential'>() }),
  body: z.strictObject({ display_name: CredentialName }),
  reply: PasskeyShown,
  refuses: [shared.not_found, shared.invalid_body],

  async answer({ params, body, caller }, { db }: IdentityParts) {
    const renamed = await maybe(
      db,
      PasskeyShown,
      sql`update identity.webauthn_credentials
             set display_name = ${body.display_name}
           where id = ${params.id} and person_id = ${selfOf(caller)} and state <> 'removed'
          returning ${PASSKEY_COLUMNS}`,
    )
    if (renamed === undefined) throw shared.not_found()
    return renamed
  },
})
