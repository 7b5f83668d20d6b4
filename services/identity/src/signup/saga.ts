// The signup as a saga (saga page §3): all or nothing, and nothing visible in between.
import { activatePerson, confirmGrant, createPendingPerson, inductPersonalEngagement, joinCommons, reserveGrant, SignupInput } from '@loomworks/contracts'
import { derivedId, type EngagementId, idOf, type PersonId, type SagaId } from '@loomworks/kernel'
import { defineSaga } from '@loomworks/sagas'
import { z } from 'zod'

const DEADLINE_MS = 30_000

const SignupIds = z.object({ personId: idOf<'person'>(), engagementId: idOf<'engagement'>() })
/** The ids of the person and of their engagement are known before either exists. */
export const personOfSaga = (sagaId: SagaId): PersonId => derivedId(sagaId, 'person')
const engagementOfSaga = (sagaId: SagaId): EngagementId => derivedId(sagaId, 'engagement')

const isClaim = (input: SignupInput) => input.tokenHash !== undefined
const idsIn = (ids: Readonly<Record<string, string>>) => SignupIds.parse(ids)

export const signupSaga = defineSaga({
  name: 'signup',
  version: 1,
  input: SignupInput,
  streamPrefix: 'saga-signup-',
  ids: (sagaId) => ({ personId: personOfSaga(sagaId), engagementId: engagementOfSaga(sagaId) }),
  deadlineMs: DEADLINE_MS,
  steps: ({ step }) => ({
    reserve: step(reserveGrant, {
      after: [],
      when: isClaim,
      data: ({ tokenHash = '', emailHash = '', emailNormalizedHash = '' }, ids) => ({
        tokenHash,
        emailHash,
        emailNormalizedHash,
        personId: idsIn(ids).personId,
      }),
    }),
    // Before the pair, so that a taken address never leaves a voided engagement behind.
    createPending: step(createPendingPerson, { after: ['reserve'], data: ({ registrationId }, ids) => ({ registrationId, personId: idsIn(ids).personId }) }),
    induct: step(inductPersonalEngagement, { after: ['createPending'], data: (_input, ids) => idsIn(ids) }),
    commonsJoin: step(joinCommons, { after: ['createPending'], data: (_input, ids) => idsIn(ids) }),
    activate: step(activatePerson, {
      after: ['induct', 'commonsJoin'],
      pivot: true,
      data: (input, ids, replies) => {
        const referredBy = replies(reserveGrant)?.referredBy
        return { ...idsIn(ids), claimed: isClaim(input), ...(referredBy !== undefined && { referredBy }) }
      },
    }),
    confirm: step(confirmGrant, {
      after: ['activate'],
      when: isClaim,
      data: (_input, ids, replies) => ({ grantId: replies(reserveGrant)?.grantId ?? '', personId: idsIn(ids).personId }),
    }),
  }),
})
