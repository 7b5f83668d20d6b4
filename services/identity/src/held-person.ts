import { PersonState } from '@loomworks/contracts'
import type { PersonId } from '@loomworks/kernel'
import { type Db, maybe, prepared, sql } from '@loomworks/sql'
import { z } from 'zod'

const Held = z.object({ state: PersonState })

/** The state of a person whom nobody else changes until the transaction ends; undefined where there is none. What a person owns is locked
 *  after the person, never before. */
export async function heldState(tx: Db, personId: PersonId): Promise<PersonState | undefined> {
  const held = await maybe(tx, Held, prepared('held_person', sql`select state from identity.persons where id = ${personId} for no key update`))
  return held?.state
}
