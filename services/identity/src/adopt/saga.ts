// Adopting a person (saga page §3): who was imported, or found without one, gets a personal engagement and both memberships, or nothing.
import { AdoptInput, attachEngagement, inductPersonalEngagement, joinCommons } from '@loomworks/contracts'
import { derivedId, idOf, type PersonId, type SagaId } from '@loomworks/kernel'
import { defineSaga } from '@loomworks/sagas'
import { z } from 'zod'

const DEADLINE_MS = 30_000
const AdoptIds = z.object({ engagementId: idOf<'engagement'>() })

export const adoptSagaId = (personId: PersonId, attempt: number): SagaId => derivedId(personId, 'adopt', attempt)

const both = ({ personId }: AdoptInput, ids: Readonly<Record<string, string>>) => ({ personId, ...AdoptIds.parse(ids) })

export const adoptSaga = defineSaga({
  name: 'adopt',
  version: 1,
  input: AdoptInput,
  streamPrefix: 'saga-adopt-',
  ids: (sagaId) => ({ engagementId: derivedId(sagaId, 'engagement') }),
  deadlineMs: DEADLINE_MS,
  steps: ({ step }) => ({
    induct: step(inductPersonalEngagement, { after: [], data: both }),
    commonsJoin: step(joinCommons, { after: [], data: both }),
    attach: step(attachEngagement, { after: ['induct', 'commonsJoin'], pivot: true, data: both }),
  }),
})
