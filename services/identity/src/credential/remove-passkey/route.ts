import { CredentialRemoved } from '@loomworks/contracts'
import { idOf, type PersonId, timeOf } from '@loomworks/kernel'
import { Answered, operation, shared } from '@loomworks/service-kit'
import { type Db, exec, one, sql } from '@loomworks/sql'
import { z } from 'zod'
import { credential } from '../../errors.ts'
import { fact, statePersonFacts, statingFor } from '../../facts.ts'
import type { IdentityParts } from '../../parts.ts'
import { selfOf, sessionOfCaller } from '../../self.ts'
import { endSessionsOf } from '../../sessions.ts'
import { changesPasskey } from '../authz.ts'
import { holdFactors } from '../own.ts'
import { livePasskey, openedBy } from '../queries.ts'

export const removePasskeyRoute = operation({
  delete: '/me/credentials/passkeys/:id',
  id: 'removePasskey',
  summary: 'Remove a passkey, and end the sessions it opened',
  authz: changesPasskey,
  params: z.strictObject({ id: idOf<'credential'>() }),
  reply: z.undefined(),
  status: 204,
  refuses: [credential.last_passkey, credential.clone_suspected, shared.not_found, shared.token_refused, shared.invalid_body],

  /** The row stays, so that what the passkey signed can still be checked. */
  async answer({ params, caller, token }, { db, clock, relay, cookies }: IdentityParts) {
    const personId = selfOf(caller)
    const sessionId = sessionOfCaller(token)
    const nowMs = clock.now()
    const stating = statingFor(caller, timeOf(nowMs))
    const ownSessionEnds = await db.transaction(async (tx) => {
      await holdFactors(tx, { personId, sessionId })
      const passkey = await livePasskey(tx, personId, params.id)
      if (passkey === undefined) throw shared.not_found()
      if (!(await hasAnother(tx, personId, passkey.id))) throw credential.last_passkey()
      const ends = (await openedBy(tx, sessionId)) === passkey.id
      await exec(tx, sql`update identity.webauthn_credentials set state = 'removed' where id = ${passkey.id}`)
      const gone = fact(CredentialRemoved, { personId, credentialRef: passkey.id, kind: 'passkey', reason: 'removed' })
      await statePersonFacts(tx, personId, [gone], stating)
      await endSessionsOf(tx, personId, { reason: 'revoked', credentialId: passkey.id, nowMs, stating })
      relay.wakeAfter(tx)
      return ends
    })
    return new Answered(204, undefined, { cookies: ownSessionEnds ? [cookies.clearSession()] : [] })
  },
})

const Another = z.object({ another: z.boolean() })

/** Is there a passkey besides this one that opens a session? One that was set aside does not. */
async function hasAnother(tx: Db, personId: PersonId, id: string): Promise<boolean> {
  const { another } = await one(
    tx,
    Another,
    sql`select exists (select from identity.webauthn_credentials where person_id = ${personId} and state = 'active' and id <> ${id}) as another`,
  )
  return another
}
