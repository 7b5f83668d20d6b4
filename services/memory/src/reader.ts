import { type Database, type Db, exec, sql } from '@loomworks/sql'

/** Reads as somebody: the views show what this principal may read, so no query repeats that filter. */
export function asReader<T>(db: Database, principalId: string, work: (tx: Db) => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    await exec(tx, sql`select set_config('role', 'memory_reader', true), set_config('loom.principal', ${principalId}, true)`)
    return work(tx)
  })
}
