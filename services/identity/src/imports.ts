// Persons who come from elsewhere. An import only writes rows: nobody can see such a person until they were adopted, which the host of the sagas does
// by itself. The same file may be imported again: who is there already stays as they are.
import { randomBytes } from 'node:crypto'
import { enqueue, outboxRowOf } from '@loomworks/bus'
import { IdentityFixupApplied } from '@loomworks/contracts'
import { actorFromService, emailLookup, idOf, isEmailAddress, newId, timeOf } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import { type Database, type Db, exec, many, one, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { nameOf } from './names.ts'

const USER_HANDLE_BYTES = 32
const DISPLAY_NAME_MAX = 80
const COMPANION_NAME_MAX = 50
const PAGE = 200

const named = (most: number) =>
  z.string().transform((text, context) => {
    const name = nameOf(text, most)
    if (name === undefined) context.addIssue({ code: 'custom', message: `has 1 to ${most} visible characters` })
    return name ?? z.NEVER
  })

/** One line of an import: a JSON object. Times are RFC 3339 UTC. */
export const ImportLine = z.strictObject({
  id: idOf<'person'>().optional(),
  email: z.string().trim().refine(isEmailAddress, { message: 'is no address of at most 254 characters' }),
  display_name: named(DISPLAY_NAME_MAX),
  companion_name: named(COMPANION_NAME_MAX).optional(),
  email_verified: z.boolean().optional(),
  referred_by: idOf<'person'>().optional(),
  created_at: z.iso.datetime().optional(),
})
export type ImportLine = z.output<typeof ImportLine>

const WrittenRow = z.object({ id: idOf<'person'>() })

export interface Imported {
  /** The ids of who is new. */
  readonly persons: readonly string[]
  /** How many lines named somebody who is here, by id or address. */
  readonly known: number
}

/** Writes who is not here yet, a page a transaction, and tells audit of it once. */
export async function importPersons(db: Database, lines: readonly ImportLine[], nowMs: number): Promise<Imported> {
  const persons: string[] = []
  for (let at = 0; at < lines.length; at += PAGE) {
    const written = await db.transaction(async (tx) => {
      const page = await insertPage(tx, lines.slice(at, at + PAGE), nowMs)
      if (page.length > 0) await stateImport(tx, nowMs)
      return page
    })
    persons.push(...written)
  }
  // Who is named by a later line of the same file is known only now.
  await keepReferrers(db, lines)
  return { persons, known: lines.length - persons.length }
}

async function insertPage(tx: Db, lines: readonly ImportLine[], nowMs: number): Promise<readonly string[]> {
  const now = timeOf(nowMs)
  const rows = lines.map((line) => ({
    id: line.id ?? newId(nowMs),
    handle: randomBytes(USER_HANDLE_BYTES).toString('hex'),
    email: line.email,
    lookup: emailLookup(line.email),
    verified: line.email_verified === true ? (line.created_at ?? now) : null,
    name: line.display_name,
    companion: line.companion_name ?? 'Companion',
    created: line.created_at ?? now,
  }))
  const written = await many(
    tx,
    WrittenRow,
    sql`insert into identity.persons (id, user_handle, email, email_lookup, email_verified_at, display_name, signup_display_name, companion_name, state, created_at,
                                      imported_at)
        select id, decode(handle, 'hex'), email, lookup, verified, name, name, companion, 'pending', created, ${now}
          from jsonb_to_recordset(${JSON.stringify(rows)}) as line (id uuid, handle text, email text, lookup text, verified timestamptz, name text, companion text,
                                                                      created timestamptz)
        on conflict do nothing
        returning id`,
  )
  return written.map(({ id }) => id)
}

/** One fact a page, which names nobody: none of them is there to be seen yet. */
async function stateImport(tx: Tx, nowMs: number): Promise<void> {
  const fixupId = newId<'fixup'>(nowMs)
  const stating = { at: timeOf(nowMs), actor: actorFromService('migrations'), correlationId: fixupId, causationId: fixupId, traceparent: childTrace() }
  await enqueue(tx, 'identity', [outboxRowOf({ type: IdentityFixupApplied, data: { fixupId, fields: ['persons.imported'] }, cause: fixupId }, stating)])
}

async function keepReferrers(db: Db, lines: readonly ImportLine[]): Promise<void> {
  const named = lines.flatMap(({ email, referred_by }) => (referred_by === undefined ? [] : [{ lookup: emailLookup(email), by: referred_by }]))
  if (named.length === 0) return
  await exec(
    db,
    sql`update identity.persons p
           set referred_by = r.id
          from jsonb_to_recordset(${JSON.stringify(named)}) as line (lookup text, by uuid), identity.persons r
         where p.email_lookup = line.lookup and p.state <> 'erased' and p.imported_at is not null and p.referred_by is null and r.id = line.by and r.id <> p.id`,
  )
}

const WaitingRow = z.object({ waiting: z.int() })

/** How many of these are not adopted yet. */
export async function waitingForAdoption(db: Db, persons: readonly string[]): Promise<number> {
  const { waiting } = await one(
    db,
    WaitingRow,
    sql`select count(*)::int as waiting from identity.persons where id = any(${[...persons]}::uuid[]) and personal_engagement_id is null`,
  )
  return waiting
}
