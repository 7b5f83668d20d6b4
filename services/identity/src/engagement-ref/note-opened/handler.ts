import { EngagementOpened } from '@loomworks/contracts'
import { on } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import { grantMembership } from '../../memberships.ts'
import type { IdentityParts } from '../../parts.ts'

/** An engagement is known from here on, and who opened it is its operator. What memory opens itself is active and nobody's; what
 *  people open is a candidate. Heard again it changes nothing, not even where the operator has left meanwhile. */
export const noteOpened = on<IdentityParts, typeof EngagementOpened.schema>(
  EngagementOpened,
  async (tx, { engagement, visibility, displayIdentifier, openedBy }, heard, { relay }) => {
    const state = openedBy.kind === 'service' ? 'active' : 'candidate'
    const isNew = await exec(
      tx,
      sql`insert into identity.engagement_ref (engagement_id, display_identifier, visibility, state, revision)
          values (${engagement}, ${displayIdentifier}, ${visibility}, ${state}, ${heard.revision ?? 0})
          on conflict (engagement_id) do nothing`,
    )
    if (isNew === 0 || (openedBy.kind !== 'person' && openedBy.kind !== 'companion')) return
    const { at, actor, correlationId, traceparent } = heard
    const stating = { at, actor, correlationId, causationId: heard.messageId, traceparent }
    await grantMembership(tx, { engagement, principal: { kind: 'person', id: openedBy.id }, designations: ['operator'] }, stating)
    relay.wakeAfter(tx)
  },
)
