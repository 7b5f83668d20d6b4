import type { Decide, EngagementId } from '@loomworks/kernel'
import { refuse } from '../../errors.ts'
import { AddableType } from '../../vocabulary.ts'
import type { EngagementEvent } from '../events.ts'
import type { Engagement } from '../evolve.ts'
import { committed, type Rights, seen, writableFor } from '../state.ts'

export interface CommitMemory {
  readonly engagement: EngagementId
  readonly object: string
  /** One commits what one has read. */
  readonly expectedVersion: number
  readonly rights: Rights
}

/** A draft becomes part of what the engagement holds true; what it supersedes ends in the same append. */
export const commitMemory: Decide<CommitMemory, Engagement, EngagementEvent> = ({ engagement, object, expectedVersion, rights, actor }, state) => {
  writableFor(state, rights)
  const draft = seen(state, object, rights)
  const type = AddableType.safeParse(draft.type)
  if (draft.lifetime.k !== 'Drafted' || !type.success) throw refuse.wrong_state({ lifetime: draft.lifetime.k })
  if (draft.version !== expectedVersion) throw refuse.version_conflict({ currentVersion: draft.version })
  return committed(state, [{ ...draft, type: type.data }], { engagement, actor, rights })
}
