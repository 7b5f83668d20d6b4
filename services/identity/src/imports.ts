// Persons who come from elsewhere. An import only writes rows: nobody can see such a person until they were adopted, which the host of the sagas does
// by itself. It comes whole or not at all, so that nobody is adopted before it is known who brought them. The same file may be imported again: who is
// there already stays as they are.
import { randomBytes } from 'node:crypto'
import { enqueue, outboxRowOf } from '@loomworks/bus'
import { IdentityFixupApplied } from '@loomworks/contracts'
import { actorFromService, EmailAddress, emailLookup, idOf, newId, type PersonId, timeOf } from '@loomworks/kernel'
import { childTrace } from '@loomworks/service-kit'
import { type Database, type Db, exec, many, one, sql, type Tx } from '@loomworks/sql'
import { z } from 'zod'
import { nameOf } from './names.ts'

const USER_HANDLE_BYTES = 32
const DISPLAY_NAME_MAX = 80
const COMPANION_NAME_MAX = 50
const PAGE = 200
/** Lines of one import: it is one transaction, for which a signup with one of its addresses waits. */
export const IMPORT_LINES_MAX = 50_000

const named = (most: number) =>
  z.string().transform((text, context) => {
    const name = nameOf(text, most)
    if (name === undefined) context.addIssue({ code: 'custom', message: `has 1 to ${most} visible characters` })
    return name ?? z.NEVER
  })

/** One line of an import: a JSON object. Times are RFC 3339 UTC. */
export const ImportLine = z.strictObject({
  id: idOf<'person'>().optional(),
  email: EmailAddress,
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

/** Writes who is not here yet and who brought them, in one transaction, and tells audit of it once. At most IMPORT_LINES_MAX lines. */
export async function importPersons(db: Database, lines: readonly ImportLine[], nowMs: number): Promise<Imported> {
  if (lines.length > IMPORT_LINES_MAX) throw new RangeError(`an import has at most ${IMPORT_LINES_MAX} lines`)
  const persons = await db.transaction(async (tx) => {
    const written: PersonId[] = []
    for (let at = 0; at < lines.length; at += PAGE) written.push(...(await insertPage(tx, lines.slice(at, at + PAGE), nowMs)))
    // Who is named by a later line of the same file is known only now.
    await keepReferrers(tx, written, lines)
    if (written.length > 0) await stateImport(tx, nowMs)
    return written
  })
  return { persons, known: lines.length - persons.length }
}

async function insertPage(tx: Db, lines: readonly ImportLine[], nowMs: number): Promise<readonly PersonId[]> {
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

/** One fact, which names nobody: none of them is there to be seen yet. */
async function stateImport(tx: Tx, nowMs: number): Promise<void> {
  const fixupId = newId<'fixup'>(nowMs)
  const stating = { at: timeOf(nowMs), actor: actorFromService('migrations'), correlationId: fixupId, causationId: fixupId, traceparent: childTrace() }
  await enqueue(tx, 'identity', [outboxRowOf({ type: IdentityFixupApplied, data: { fixupId, fields: ['persons.imported'] }, cause: fixupId }, stating)])
}

/** Of who came with this import. Nobody brings others who was erased, or whose signup may yet be undone. */
async function keepReferrers(tx: Db, written: readonly PersonId[], lines: readonly ImportLine[]): Promise<void> {
  const named = lines.flatMap(({ email, referred_by }) => (referred_by === undefined ? [] : [{ lookup: emailLookup(email), by: referred_by }]))
  if (named.length === 0) return
  await exec(
    tx,
    sql`update identity.persons p
           set referred_by = r.id
          from jsonb_to_recordset(${JSON.stringify(named)}) as line (lookup text, by uuid), identity.persons r
         where p.email_lookup = line.lookup and p.id = any(${[...written]}::uuid[])
           and r.id = line.by and r.id <> p.id and r.state <> 'erased' and (r.state <> 'pending' or r.imported_at is not null)`,
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
