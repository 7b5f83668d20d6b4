// One root for each person, from which every service gets a key of its own for what it seals about them. Roots are destroyed with their person:
// what was sealed under them is then gone, wherever a copy of it lies.
import { hkdfSync, randomBytes } from 'node:crypto'
import type { PersonId, ServiceName } from '@loomworks/kernel'
import { timeOf } from '@loomworks/kernel'
import { exec, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { IdentityParts } from './parts.ts'
import { rootBinding } from './sealings.ts'

const KEY_BYTES = 32
const RootRow = z.object({ wrapped: z.instanceof(Buffer).nullable() })

/** The key of a person for one service (HKDF-SHA-256 of the root, the service as its label). `gone`: destroyed; undefined: nobody. */
export async function subjectKey(parts: IdentityParts, personId: PersonId, service: ServiceName): Promise<Buffer | 'gone' | undefined> {
  const root = (await rootOf(parts, personId)) ?? (await madeRoot(parts, personId))
  return Buffer.isBuffer(root) ? Buffer.from(hkdfSync('sha256', root, '', service, KEY_BYTES)) : root
}

async function rootOf({ db, keyring }: IdentityParts, personId: PersonId): Promise<Buffer | 'gone' | undefined> {
  const row = await maybe(db, RootRow, sql`select wrapped from identity.subject_keys where person_id = ${personId}`)
  if (row === undefined) return undefined
  return row.wrapped === null ? 'gone' : keyring.open('subject', row.wrapped, rootBinding(personId))
}

/** The first who asks makes it; of two at once one wins, and both get the winner's. Nobody who is being erased gets one any more. */
async function madeRoot(parts: IdentityParts, personId: PersonId): Promise<Buffer | 'gone' | undefined> {
  const { db, keyring, clock } = parts
  const wrapped = keyring.seal('subject', randomBytes(KEY_BYTES), rootBinding(personId))
  await exec(
    db,
    sql`insert into identity.subject_keys (person_id, wrapped, created_at)
        select id, ${wrapped}, ${timeOf(clock.now())} from identity.persons where id = ${personId} and state not in ('erasing', 'erased')
        on conflict (person_id) do nothing`,
  )
  return rootOf(parts, personId)
}
