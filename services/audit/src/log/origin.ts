import { newId } from '@loomworks/kernel'
import { type Db, exec, one, sql } from '@loomworks/sql'
import { z } from 'zod'

const OriginRow = z.object({ origin: z.string() })

/** The name of this log, made at the first start and the same ever after: `<host>/audit/<log id>`. */
export async function originOfLog(db: Db, host: string): Promise<string> {
  const logId = newId<'log'>()
  await exec(db, sql`insert into audit.log_state (log_id, origin) values (${logId}, ${`${host}/audit/${logId}`}) on conflict (only_row) do nothing`)
  const { origin } = await one(db, OriginRow, sql`select origin from audit.log_state`)
  return origin
}
