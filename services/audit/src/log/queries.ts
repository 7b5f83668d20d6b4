import { type Db, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'

const Checkpoint = z.object({ size: z.bigint().transform(Number), root: z.instanceof(Buffer), note: z.string() })

/** The newest checkpoint that was signed. */
export function newestCheckpoint(db: Db): Promise<z.output<typeof Checkpoint> | undefined> {
  return maybe(db, Checkpoint, sql`select size, root, note from audit.checkpoint order by size desc limit 1`)
}
