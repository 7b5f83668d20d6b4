import type { Position } from '@loomworks/event-store'
import { type Db, exec, ident, one, type Sql, sql } from '@loomworks/sql'
import { z } from 'zod'

const Checkpoint = z.object({ position: z.bigint() })

export function checkpointTable(schema: string): Sql {
  return ident(`${schema}.projection_checkpoint`)
}

/** Where a projection stands; it is at the beginning the first time it is asked for. */
export async function checkpointOf(db: Db, schema: string, name: string): Promise<Position> {
  const table = checkpointTable(schema)
  await exec(db, sql`insert into ${table} (name, position) values (${name}, 0) on conflict (name) do nothing`)
  const { position } = await one(db, Checkpoint, sql`select position from ${table} where name = ${name}`)
  return String(position)
}

/** Moves a checkpoint from where it must stand; false where somebody else moved it. What the transaction writes can be made
 *  again from the log, so its commit does not wait for the disk. */
export async function moveCheckpoint(db: Db, schema: string, { name, from, to, instance }: Move): Promise<boolean> {
  const moved = await exec(
    db,
    sql`update ${checkpointTable(schema)} set position = ${to}, instance = ${instance}, moved_at = clock_timestamp()
         where name = ${name} and position = ${from}
        returning set_config('synchronous_commit', 'off', true)`,
  )
  return moved === 1
}

export interface Move {
  readonly name: string
  readonly from: Position
  readonly to: Position
  readonly instance: string
}
