import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { askForPerson, ChallengeId } from '../../challenges.ts'
import { credential } from '../../errors.ts'
import { requireRoom } from '../../owned-factors.ts'
import type { IdentityParts } from '../../parts.ts'
import { CeremonyOptions, creationOptions } from '../../passkeys.ts'
import { selfOf, sessionOfCaller } from '../../self.ts'
import { changesPasskeys } from '../authz.ts'
import { namedPasskeys, passkeyOwner } from '../queries.ts'

export const beginAddPasskeyRoute = operation({
  post: '/me/credentials/passkeys/begin',
  id: 'beginAddPasskey',
  summary: 'Begin to add a passkey',
  authz: changesPasskeys,
  body: z.strictObject({}),
  reply: z.object({ challenge_id: ChallengeId, options: CeremonyOptions }),
  refuses: [credential.limit, shared.token_refused, shared.invalid_body],

  async answer({ caller, token }, { db, clock, rp }: IdentityParts) {
    const personId = selfOf(caller)
    const owner = await passkeyOwner(db, personId)
    if (owner === undefined) throw shared.token_refused()
    await requireRoom(db, personId)
    const owned = await namedPasskeys(db, personId, ['active', 'suspect'])
    const { id, challenge } = await askForPerson(db, { purpose: 'add_credential', personId, sessionId: sessionOfCaller(token) }, clock.now())
    return { challenge_id: id, options: { ...(await creationOptions(rp, owner, challenge, owned)) } }
  },
})
