import { Answered, operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { ChallengeId, consumeForPerson } from '../../challenges.ts'
import { credential, passkey as refusals } from '../../errors.ts'
import { CredentialName } from '../../names.ts'
import type { IdentityParts } from '../../parts.ts'
import { provenRegistration, RegistrationCredential } from '../../passkeys.ts'
import { selfOf, sessionOfCaller } from '../../self.ts'
import { sessionAnswer } from '../../session-answer.ts'
import { SessionShown } from '../../sessions.ts'
import { changesPasskeys } from '../authz.ts'
import { livePasskey, PasskeyShown } from '../queries.ts'
import { keepPasskey } from './keep.ts'

const DEFAULT_NAME = 'Passkey'

export const finishAddPasskeyRoute = operation({
  post: '/me/credentials/passkeys/finish',
  id: 'finishAddPasskey',
  summary: 'Add the passkey that was made; ends the restriction of a recovery',
  authz: changesPasskeys,
  body: z.strictObject({
    challenge_id: ChallengeId,
    credential: RegistrationCredential,
    display_name: CredentialName.optional(),
    /** After a recovery: leaves the other sessions open. */
    keep_sessions: z.boolean().default(false),
  }),
  reply: z.object({ passkey: PasskeyShown, session: SessionShown.optional() }),
  status: 201,
  refuses: [refusals.rejected, credential.taken, credential.limit, credential.clone_suspected, shared.token_refused, shared.invalid_body],

  async answer({ body, caller, token }, parts: IdentityParts) {
    const { db, clock, cookies, rp } = parts
    const personId = selfOf(caller)
    const sessionId = sessionOfCaller(token)
    const consumed = await consumeForPerson(db, body.challenge_id, { purpose: 'add_credential', personId, sessionId }, clock.now())
    const proven = consumed.taken === 'whole' ? await provenRegistration(rp, consumed.challenge, body.credential) : undefined
    if (proven === undefined) throw refusals.rejected()
    const keeping = { personId, sessionId, passkey: proven, name: body.display_name ?? DEFAULT_NAME, keepSessions: body.keep_sessions, caller }
    const { id, rotated } = await keepPasskey(parts, keeping)
    const passkey = await livePasskey(db, personId, id)
    if (rotated === undefined) return new Answered(201, { passkey })
    return sessionAnswer(cookies, { ...rotated, status: 201, body: { passkey } })
  },
})
