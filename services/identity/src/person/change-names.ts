import { PersonNamesChanged } from '@loomworks/contracts'
import type { Caller, PersonId } from '@loomworks/kernel'
import { timeOf } from '@loomworks/kernel'
import { exec, ident, sql } from '@loomworks/sql'
import { fact, statePersonFacts, statingFor } from '../facts.ts'
import type { IdentityParts } from '../parts.ts'

type NameField = 'display_name' | 'companion_name'

/** Sets one name of the person; the same name again states nothing. */
export async function changeName(
  { db, clock, relay }: IdentityParts,
  personId: PersonId,
  { field, name, caller }: { readonly field: NameField; readonly name: string; readonly caller: Caller },
): Promise<void> {
  await db.transaction(async (tx) => {
    const column = ident(field)
    const changed = await exec(tx, sql`update identity.persons set ${column} = ${name} where id = ${personId} and state = 'active' and ${column} <> ${name}`)
    if (changed === 0) return
    await statePersonFacts(tx, personId, [fact(PersonNamesChanged, { personId, fields: [field] })], statingFor(caller, timeOf(clock.now())))
    relay.wakeAfter(tx)
  })
}
