import type { Decide, EngagementId } from '@loomworks/kernel'
import { refuse } from '../../errors.ts'
import type { EngagementEvent } from '../events.ts'
import type { Engagement } from '../evolve.ts'
import { openedFor, type Rights } from '../state.ts'
import { itself } from '../stream.ts'

export interface ArchiveEngagement {
  readonly engagement: EngagementId
  readonly operator: boolean
  readonly rights: Rights
}

/** The work is over, for ever: what is here can be read, and nothing is written any more. A personal engagement is never over. */
export const archiveEngagement: Decide<ArchiveEngagement, Engagement, EngagementEvent> = ({ engagement, operator, rights, actor }, state) => {
  const { owner, state: now } = openedFor(state, rights)
  if (owner !== undefined) throw refuse.personal_memory_only()
  if (!operator) throw refuse.operator_required()
  if (now === 'archived') throw refuse.wrong_state({ state: now })
  const object = itself(engagement)
  const objectVersion = (state.objects.get(object)?.version ?? 0) + 1
  return [{ type: 'EngagementArchived', actor, trust: 'direct_user', data: { engagement, object, objectType: 'engagement', objectVersion } }]
}
