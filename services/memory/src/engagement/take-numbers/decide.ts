// Numbers that engagements are shown by. They are taken in blocks on the administrative stream, so no two processes give the same
// one; gaps are allowed, reuse is not.
import { WELL_KNOWN_ENGAGEMENTS } from '@loomworks/contracts'
import { actorFromService, type Decide } from '@loomworks/kernel'
import type { EngagementEvent } from '../events.ts'
import type { Engagement } from '../evolve.ts'

export interface TakeNumbers {
  /** The first number that may be given. */
  readonly start: number
  readonly count: number
}

export const takeNumbers: Decide<TakeNumbers, Engagement, EngagementEvent> = ({ start, count }, { numbersTaken }) => {
  const from = Math.max(start, numbersTaken + 1)
  const data = { engagement: WELL_KNOWN_ENGAGEMENTS.administrative.id, from, to: from + count - 1 }
  return [{ type: 'DisplayNumbersTaken', actor: actorFromService('memory'), trust: 'tool_internal', data }]
}
