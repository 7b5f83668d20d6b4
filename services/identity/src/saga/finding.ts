// Finding a saga by any id that has to do with it. Looking somebody up, by their id or their address, leaves a record with a reason.
import { enqueue, outboxRowOf, type Stating } from '@loomworks/bus'
import { SagaLookedUp } from '@loomworks/contracts'
import { derivedId, emailLookup, newId, type SagaId } from '@loomworks/kernel'
import { readHistory } from '@loomworks/sagas'
import { type Db, many, maybe, sql } from '@loomworks/sql'
import { z } from 'zod'
import { saga as refusals } from '../errors.ts'
import { listed, SagaListed } from './listed.ts'
import { type SagaRow, SagaSort, sagaRows, sagasWith } from './queries.ts'
import { isReason } from './reason.ts'
import type { Sight } from './sight.ts'

/** What the text that was looked for turned out to be. */
const FoundBy = z.enum(['saga', 'id', 'person', 'email', 'message', 'event', 'stream', 'trace'])
type FoundBy = z.output<typeof FoundBy>

export const SagasFound = z.object({ found_by: FoundBy.nullable(), items: z.array(SagaListed) })
export type SagasFound = z.output<typeof SagasFound>

const Addressed = z.object({ id: z.string(), person: z.boolean() })
const Sent = z.object({ entity_id: z.string() })
const Known = z.object({ id: z.string() })
const MOST = 20
const MOST_ATTEMPTS = 5
const NEWEST = 100
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const FORMS: readonly (readonly [FoundBy, RegExp])[] = [
  ['id', new RegExp(`^(${UUID})$`)],
  ['message', new RegExp(`^(${UUID})/[A-Za-z0-9]+/(?:do|undo)/\\d+(?:/.*)?$`)],
  ['stream', new RegExp(`^[a-z]+(?:-[a-z]+)*-(${UUID})(?:@\\d+)?$`)],
  ['trace', /^([0-9a-f]{32})$/],
  ['trace', /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/],
]

export interface LookUp {
  readonly reason: string | undefined
  readonly stating: Stating
}

/** By saga, registration, person, engagement, grant, message id, event id, stream and revision, or trace id. Refuses
 *  `saga.reason_required` where it is a person's and nobody says why. */
export async function findSagas(sight: Sight, text: string, lookUp: LookUp): Promise<SagasFound> {
  const [form, id] = formOf(text.trim().toLowerCase(), text.trim()) ?? []
  if (form === undefined || id === undefined) return { found_by: null, items: [] }
  const rows = await sagasWith(sight.db, [id, ...attemptsOf(id)], MOST)
  if (rows.length === 0 && form === 'id') return found(sight, 'event', await sagaOfEvent(sight, id))
  const isPerson = form !== 'message' && rows.length > 0 && (await namesPerson(sight, rows, id))
  if (isPerson) await noted(sight.db, { ...lookUp, by: 'person', personId: id, sagas: rows.length })
  return found(sight, isPerson ? 'person' : rows[0]?.saga_id === id && form === 'id' ? 'saga' : form, rows)
}

/** By the address of a person, or of a registration that has not become one. */
export async function findByEmail(sight: Sight, email: string, lookUp: LookUp): Promise<SagasFound> {
  const ids = await many(
    sight.db,
    Addressed,
    sql`select id::text, true as person from identity.persons where email_lookup = ${emailLookup(email)} and state <> 'erased'
        union all
        select saga_id::text, false from identity.pending_registrations where lower(email) = ${emailLookup(email)} and saga_id is not null`,
  )
  const personId = ids.find(({ person }) => person)?.id
  const rows = await sagasWith(
    sight.db,
    ids.map(({ id }) => id),
    MOST,
  )
  await noted(sight.db, { ...lookUp, by: 'email', personId, sagas: rows.length })
  return found(sight, 'email', rows)
}

function formOf(lower: string, text: string): readonly [FoundBy, string] | undefined {
  for (const [form, pattern] of FORMS) {
    const id = pattern.exec(form === 'message' ? text : lower)?.[1]
    if (id !== undefined) return [form, form === 'trace' ? id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') : id]
  }
  return undefined
}

/** A registration's sagas follow from its id. */
function attemptsOf(id: string): readonly string[] {
  return Array.from({ length: MOST_ATTEMPTS }, (_, index) => derivedId(id, String(index + 1)))
}

/** Is this the id of the person that one of these sagas is about? */
async function namesPerson({ store, sagas }: Sight, rows: readonly SagaRow[], id: string): Promise<boolean> {
  for (const { saga_id } of rows) {
    const first = (await readHistory(store, sagas, saga_id).catch(() => undefined))?.events[0]?.after
    if (first?.ids.personId === id || first?.input.personId === id) return true
  }
  return false
}

/** An event of the outbox names its entity; one of a saga's stream is looked for among the newest sagas. */
async function sagaOfEvent(sight: Sight, eventId: string): Promise<readonly SagaRow[]> {
  const sent = await maybe(sight.db, Sent, sql`select entity_id from identity.outbox where id = ${eventId}`)
  if (sent !== undefined) return sagasWith(sight.db, [sent.entity_id], MOST)
  const newest = await sagaRows(sight.db, { sort: SagaSort.enum.started, after: undefined, limit: NEWEST, nowMs: sight.clock.now() })
  for (const row of newest) if (await holdsEvent(sight, row.saga_id, eventId)) return [row]
  return []
}

async function holdsEvent({ store, sagas }: Sight, sagaId: SagaId, eventId: string): Promise<boolean> {
  const history = await readHistory(store, sagas, sagaId).catch(() => undefined)
  return history?.events.some(({ envelope }) => envelope.id === eventId) ?? false
}

function found({ clock }: Sight, by: FoundBy, rows: readonly SagaRow[]): SagasFound {
  const nowMs = clock.now()
  return { found_by: rows.length === 0 && by === 'event' ? null : by, items: rows.map((row) => listed(row, nowMs)) }
}

interface Noted extends LookUp {
  readonly by: 'person' | 'email'
  readonly personId: string | undefined
  readonly sagas: number
}

/** The record is written before anything is answered. */
async function noted(db: Db, { reason, stating, by, personId, sagas }: Noted): Promise<void> {
  if (reason === undefined || !isReason(reason)) throw refusals.reason_required()
  const known =
    personId === undefined ? undefined : await maybe(db, Known, sql`select id from identity.persons where id = ${personId} and activated_at is not null`)
  const lookUpId = newId<'lookup'>()
  const data = { lookUpId, by, sagas, reason, ...(known !== undefined && { personId: known.id }) }
  await enqueue(db, 'identity', [outboxRowOf({ type: SagaLookedUp, data, cause: lookUpId }, stating)])
}
