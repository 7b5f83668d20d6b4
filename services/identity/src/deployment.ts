import { Terminal } from '@loomworks/kernel'
import { type Db, exec, one, sql } from '@loomworks/sql'
import { z } from 'zod'

const RpIdRow = z.object({ rp_id: z.string() })

/** Every passkey is bound to the RP id it was made under. The first start keeps it; a start with another one is refused
 *  (Terminal `deployment.rp_id`), because nobody could log in any more. */
export async function requireSameDeployment(db: Db, rpId: string): Promise<void> {
  await exec(db, sql`insert into identity.deployment (rp_id) values (${rpId}) on conflict (only_row) do nothing`)
  const { rp_id } = await one(db, RpIdRow, sql`select rp_id from identity.deployment`)
  if (rp_id !== rpId)
    throw new Terminal('deployment.rp_id', `The passkeys of this database belong to "${rp_id}", not to "${rpId}". Set RP_ID or PUBLIC_ORIGIN back.`)
}
