import { Actor, idOf } from '@loomworks/kernel'
import { type Db, exec, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import { LetterDecision } from '../../vocabulary.ts'

export const Decided = z.object({
  id: idOf<'decision'>(),
  letter: z.bigint(),
  decision: LetterDecision,
  edited: z.boolean(),
  reason: z.string(),
  decided_by: Actor,
  decided_at: z.string(),
})
export type Decided = z.output<typeof Decided>

/** What was decided about these letters, in the order in which it was. */
export function decisionsOn(db: Db, letters: readonly bigint[]): Promise<readonly Decided[]> {
  return many(
    db,
    Decided,
    sql`select id, letter, decision, edited, reason, decided_by, decided_at
          from identity.dead_letter_decision
         where letter = any (${letters.map(String)}::bigint[])
         order by decided_at, id`,
  )
}

export interface Deciding extends Decided {
  readonly messageId: string
  readonly sagaId: string | undefined
}

export async function keepDecision(db: Db, { id, letter, messageId, sagaId, decision, edited, reason, decided_by, decided_at }: Deciding): Promise<void> {
  await exec(
    db,
    sql`insert into identity.dead_letter_decision (id, letter, message_id, saga_id, decision, edited, reason, decided_by, decided_at)
        values (${id}, ${String(letter)}, ${messageId}, ${sagaId ?? null}, ${decision}, ${edited}, ${reason}, ${JSON.stringify(decided_by)}, ${decided_at})`,
  )
}
