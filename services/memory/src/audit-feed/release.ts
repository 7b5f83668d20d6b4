import { PersonActivated } from '@loomworks/contracts'
import { on } from '@loomworks/service-kit'
import type { MemoryParts } from '../parts.ts'
import { release } from './gates.ts'

/** The person is active: what their engagement has to say may be heard from now on. */
export const releaseHeld = on<MemoryParts, typeof PersonActivated.schema>(
  PersonActivated,
  async (tx, { personId, personalEngagementId }, _heard, { relay }) => {
    const released = await release(tx, personalEngagementId, personId)
    if (released > 0) relay.wakeAfter(tx)
  },
)
