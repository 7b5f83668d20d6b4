import { PersonNamesChanged } from '@loomworks/contracts'
import { Transient } from '@loomworks/kernel'
import { on } from '@loomworks/service-kit'
import { exec, sql } from '@loomworks/sql'

/** The new name itself stays with identity; the row remembers how far it has heard. A fact from before the profile is too early and
 *  comes again, so that none is lost. */
export const noteRename = on<unknown, typeof PersonNamesChanged.schema>(PersonNamesChanged, async (tx, { personId }, { revision = 0 }) => {
  const known = await exec(
    tx,
    sql`update companion.profile
           set source_revision = greatest(source_revision, ${revision})
         where person_id = ${personId}`,
  )
  if (known === 0) throw new Transient('the profile is not here yet')
})
