import { type Answered, operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import { ChallengeId } from '../../challenges.ts'
import { enrolmentFor } from '../../enrolments.ts'
import { credential, enrolment, passkey, totp } from '../../errors.ts'
import { FactorsShown } from '../../factors.ts'
import { CredentialName } from '../../names.ts'
import type { IdentityParts } from '../../parts.ts'
import { RegistrationCredential } from '../../passkeys.ts'
import { Me, meOf } from '../../person/queries.ts'
import { sessionAnswer } from '../../session-answer.ts'
import { SessionShown } from '../../sessions.ts'
import { TotpCode } from '../../totp-proof.ts'
import { SessionDelivery } from '../../vocabulary.ts'
import { bearerOf } from '../token.ts'
import { enrolled } from './enrol.ts'
import { prepared } from './prepare.ts'

const ByPasskey = z.strictObject({ challenge_id: ChallengeId, credential: RegistrationCredential, credential_name: CredentialName.optional() })
const ByCode = z.strictObject({ totp_code: TotpCode, session_delivery: SessionDelivery.default('cookie') })

export const finishEnrolmentRoute = operation({
  post: '/auth/enrol/finish',
  id: 'finishEnrolment',
  summary: 'Show the new passkey and get the second factors; then show a code of theirs and be in',
  authz: { actors: ['anonymous', 'person'], object: 'enrolment', relation: 'none', hide: false },
  limits: { rate: 'auth' },
  body: z.union([ByPasskey, ByCode]),
  reply: z.union([FactorsShown, z.object({ person: Me, session: SessionShown })]),
  refuses: [
    enrolment.unknown,
    enrolment.waiting,
    enrolment.no_passkey,
    enrolment.expired,
    passkey.rejected,
    credential.taken,
    credential.limit,
    totp.invalid,
    totp.throttled,
    shared.account_locked,
    shared.token_refused,
    shared.invalid_body,
  ],

  /** Nothing of the person's changes before the code is shown: a passkey whose factors got lost on the way leaves them what they had. */
  async answer({ body, caller, clientIp, header }, parts: IdentityParts): Promise<Answered | z.output<typeof FactorsShown>> {
    const found = await enrolmentFor(parts.db, bearerOf(header), parts.clock.now())
    if ('credential' in body) return prepared(parts, found, { challengeId: body.challenge_id, credential: body.credential, name: body.credential_name })
    const { totp_code: code, session_delivery: delivery } = body
    const session = await enrolled(parts, found, { code, delivery, caller, clientIp, device: header('user-agent') ?? '' })
    const person = await meOf(parts.db, found.person_id)
    if (person === undefined) throw shared.token_refused()
    return sessionAnswer(parts.cookies, { session, delivery, body: { person } })
  },
})
