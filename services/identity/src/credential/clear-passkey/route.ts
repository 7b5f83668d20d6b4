import { CredentialAdded } from '@loomworks/contracts'
import { idOf, timeOf } from '@loomworks/kernel'
import { operation, shared } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import { z } from 'zod'
import { credential } from '../../errors.ts'
import { fact, statePersonFacts, statingFor } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf, sessionOfCaller } from '../../self.ts'
import { changesPasskey } from '../authz.ts'
import { holdFactors } from '../own.ts'
import { livePasskey, PasskeyShown } from '../queries.ts'

export const clearPasskeyRoute = operation({
  post: '/me/credentials/passkeys/:id/clear',
  id: 'clearPasskey',
  summary: 'Say that a passkey which was set aside is mine alone',
  authz: changesPasskey,
  params: z.strictObject({ id: idOf<'credential'>() }),
  reply: PasskeyShown,
  refuses: [credential.clone_suspected, shared.not_found, shared.token_refused, shared.invalid_body],

  /** Its counter stays where it was: it never falls. One that is in use already is answered as it is. */
  async answer({ params, caller, token }, { db, clock, relay }: IdentityParts) {
    const personId = selfOf(caller)
    const sessionId = sessionOfCaller(token)
    return db.transaction(async (tx) => {
      await holdFactors(tx, { personId, sessionId })
      const passkey = await livePasskey(tx, personId, params.id)
      if (passkey === undefined) throw shared.not_found()
      if (passkey.state === 'active') return passkey
      await exec(tx, sql`update identity.webauthn_credentials set state = 'active', clone_suspected_at = null where id = ${params.id}`)
      const back = fact(CredentialAdded, { personId, credentialRef: passkey.id, kind: 'passkey', aaguid: passkey.aaguid, backedUp: passkey.backed_up })
      await statePersonFacts(tx, personId, [back], statingFor(caller, timeOf(clock.now())))
      relay.wakeAfter(tx)
      return { ...passkey, state: 'active' as const, clone_suspected_at: null }
    })
  },
})
