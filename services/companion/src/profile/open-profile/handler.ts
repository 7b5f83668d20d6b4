import { PersonActivated } from '@loomworks/contracts'
import { on } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'

/** An activated person has a Companion from this moment on. A repeat, or a later fact that was heard first, changes nothing. */
export const openProfile = on<unknown, typeof PersonActivated.schema>(PersonActivated, async (tx, { personId, personalEngagementId }, { revision = 0 }) => {
  await exec(
    tx,
    sql`insert into companion.profile (person_id, personal_engagement_id, source_revision)
        values (${personId}, ${personalEngagementId}, ${revision})
        on conflict (person_id) do nothing`,
  )
})
