// A claim by somebody who has an account already (saga page §4): the grant is theirs, or nothing happened.
import { admitClaim, ClaimInput, confirmGrant, reserveGrant, settleClaim } from '@loomworks/contracts'
import { derivedId, type PersonId, type SagaId } from '@loomworks/kernel'
import { defineSaga } from '@loomworks/sagas'

const DEADLINE_MS = 30_000

/** The same token claimed again by the same person is the same saga, until it was undone. */
export const claimSagaId = (personId: PersonId, tokenHash: string, attempt: number): SagaId => derivedId(personId, tokenHash, attempt)

export const claimSaga = defineSaga({
  name: 'claim',
  version: 1,
  input: ClaimInput,
  streamPrefix: 'saga-claim-',
  ids: () => ({}),
  deadlineMs: DEADLINE_MS,
  steps: ({ step }) => ({
    reserve: step(reserveGrant, {
      after: [],
      data: ({ personId, tokenHash, emailHash, emailNormalizedHash }) => ({ personId, tokenHash, emailHash, emailNormalizedHash }),
    }),
    admitClaim: step(admitClaim, { after: ['reserve'], readOnly: true, data: ({ personId }) => ({ personId }) }),
    confirm: step(confirmGrant, {
      after: ['admitClaim'],
      pivot: true,
      data: ({ personId }, _ids, replies) => ({ grantId: replies(reserveGrant)?.grantId ?? '', personId }),
    }),
    settleClaim: step(settleClaim, {
      after: ['confirm'],
      data: ({ personId }, _ids, replies) => {
        const referredBy = replies(reserveGrant)?.referredBy
        return { personId, ...(referredBy !== undefined && { referredBy }) }
      },
    }),
  }),
})
