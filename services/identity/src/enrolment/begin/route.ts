import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { askForEnrolment, ChallengeId } from '../../challenges.ts'
import { namedPasskeys, passkeyOwner } from '../../credential/queries.ts'
import { enrolmentFor } from '../../enrolments.ts'
import { credential, enrolment } from '../../errors.ts'
import { requireRoom } from '../../owned-factors.ts'
import type { IdentityParts } from '../../parts.ts'
import { CeremonyOptions, creationOptions } from '../../passkeys.ts'
import { bearerOf } from '../token.ts'

export const beginEnrolmentRoute = operation({
  post: '/auth/enrol/begin',
  id: 'beginEnrolment',
  summary: 'Begin to make a passkey with an enrolment token as bearer',
  authz: { actors: ['anonymous', 'person'], object: 'enrolment', relation: 'none', hide: false },
  limits: { rate: 'auth' },
  body: z.strictObject({}),
  reply: z.object({ challenge_id: ChallengeId, options: CeremonyOptions, expires_at: z.string() }),
  refuses: [enrolment.unknown, enrolment.waiting, enrolment.expired, credential.limit, shared.account_locked, shared.invalid_body],

  async answer({ header }, { db, clock, rp }: IdentityParts) {
    const { person_id: personId, expires_at } = await enrolmentFor(db, bearerOf(header), clock.now())
    const owner = await passkeyOwner(db, personId)
    if (owner === undefined) throw shared.account_locked()
    await requireRoom(db, personId)
    const owned = await namedPasskeys(db, personId, ['active', 'suspect'])
    const { id, challenge } = await askForEnrolment(db, personId, clock.now())
    return { challenge_id: id, options: { ...(await creationOptions(rp, owner, challenge, owned)) }, expires_at }
  },
})
