import { EngagementStateChanged } from '@loomworks/contracts'
import { on } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'
import type { IdentityParts } from '../../parts.ts'

/** The newest state that was told. Events of an engagement come in their order, so one whose opening was not heard is nobody's here. */
export const noteState = on<IdentityParts, typeof EngagementStateChanged.schema>(
  EngagementStateChanged,
  async (tx, { engagement, state }, { revision = 0 }) => {
    await exec(
      tx,
      sql`update identity.engagement_ref
           set state = ${state}, revision = ${revision}
         where engagement_id = ${engagement} and revision < ${revision}`,
    )
  },
)
