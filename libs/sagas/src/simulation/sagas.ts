// Sagas to explore and simulate: the real messages of the signup, in the shapes that matter. Which steps are there depends on the
// input, as in the real one.
import {
  activatePerson,
  confirmGrant,
  createPendingPerson,
  inductPersonalEngagement,
  joinCommons,
  reserveGrant,
  SignupInput,
  type StepMessage,
} from '@loomworks/contracts'
import { derivedId, type EngagementId, type Id, type PersonId } from '@loomworks/kernel'
import { type AnySaga, anySaga, defineSaga } from '../definition.ts'

const HASH = 'a'.repeat(64)
const withToken = (input: SignupInput) => input.tokenHash !== undefined
const person = (ids: Readonly<Record<string, string>>) => ids.personId as PersonId
const engagement = (ids: Readonly<Record<string, string>>) => ids.engagementId as EngagementId

/** reserve → createPending → (induct ∥ commonsJoin) → pivot activate → confirm. */
export const parallelSaga = defineSaga({
  name: 'signup',
  version: 1,
  input: SignupInput,
  streamPrefix: 'saga-signup-',
  deadlineMs: 30_000,
  ids: (sagaId) => ({ personId: derivedId(sagaId, 'person'), engagementId: derivedId(sagaId, 'engagement') }),
  steps: ({ step }) => ({
    reserve: step(reserveGrant, {
      after: [],
      when: withToken,
      data: (input, ids) => ({ tokenHash: input.tokenHash ?? '', emailHash: HASH, emailNormalizedHash: HASH, personId: person(ids) }),
    }),
    createPending: step(createPendingPerson, { after: ['reserve'], data: (input, ids) => ({ registrationId: input.registrationId, personId: person(ids) }) }),
    induct: step(inductPersonalEngagement, { after: ['createPending'], data: (_input, ids) => ({ personId: person(ids), engagementId: engagement(ids) }) }),
    commonsJoin: step(joinCommons, { after: ['createPending'], data: (_input, ids) => ({ personId: person(ids), engagementId: engagement(ids) }) }),
    activate: step(activatePerson, {
      after: ['induct', 'commonsJoin'],
      pivot: true,
      data: (input, ids) => ({ personId: person(ids), engagementId: engagement(ids), claimed: withToken(input) }),
    }),
    confirm: step(confirmGrant, {
      after: ['activate'],
      when: withToken,
      data: (_input, ids, replies) => ({ grantId: replies(reserveGrant)?.grantId ?? '', personId: person(ids) }),
    }),
  }),
})

/** reserve → createPending → pivot activate → confirm: nothing side by side. */
export const sequentialSaga: AnySaga = anySaga({
  ...parallelSaga,
  steps: Object.fromEntries(
    Object.entries(parallelSaga.steps)
      .filter(([id]) => id !== 'induct' && id !== 'commonsJoin')
      .map(([id, each]) => [id, id === 'activate' ? { ...each, after: ['createPending'] } : each]),
  ),
})

export const signupInput = (token: boolean): SignupInput => ({
  registrationId: '01938f5e-6a64-7d0b-9d4e-0a1f6f2d7c44' as Id<'registration'>,
  attempt: 1,
  ...(token && { tokenHash: 'A'.repeat(43), emailHash: HASH, emailNormalizedHash: HASH }),
})

/** The first business failure that a step may answer, or none. */
export function failureOf(message: StepMessage | undefined): string | undefined {
  return Object.keys(message?.fails ?? {})[0]
}
