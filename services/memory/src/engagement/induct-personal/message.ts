// The signup's step in memory: a personal engagement, opened or undone. The stream is the fence.
import { inductPersonalEngagement } from '@loomworks/contracts'
import { actorFromService } from '@loomworks/kernel'
import { streamStep } from '@loomworks/sagas'
import type { MemoryParts } from '../../parts.ts'
import type { EventOf } from '../events.ts'
import { inductedCycle, inductedSeed, streamOf } from '../stream.ts'
import { inductPersonal } from './decide.ts'

export const induct = streamStep<typeof inductPersonalEngagement, MemoryParts>(inductPersonalEngagement, {
  stream: ({ engagementId }) => streamOf(engagementId),
  facts: (order) => inductPersonal(order),
  done: ({ engagementId }, events) => ({
    engagementId,
    seed: inductedSeed(engagementId),
    cycle: inductedCycle(engagementId),
    position: events.at(-1)?.position ?? '0',
  }),
  voidFact: ({ engagementId: engagement, personId: owner }): EventOf<'EngagementVoided'> => ({
    type: 'EngagementVoided',
    actor: actorFromService('memory'),
    trust: 'tool_internal',
    data: { engagement, owner },
  }),
  isVoid: ({ type }) => type === 'EngagementVoided',
})
