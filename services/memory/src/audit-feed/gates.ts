// The gate of a personal engagement. Publisher and release both lock its row first, so a fact either waits behind it and is let go in
// order, or leaves by itself.
import { enqueue, type OutboxRow } from '@loomworks/bus'
import { idOf, type PersonId } from '@loomworks/kernel'
import { type Db, exec, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import { GateState } from '../vocabulary.ts'

const Gate = z.object({ engagement: z.string(), owner: idOf<'person'>(), state: GateState })
export type Gate = z.output<typeof Gate>

export interface Held {
  readonly engagement: string
  readonly position: string
  readonly message: OutboxRow
}

interface Owned {
  readonly engagement: string
  readonly owner: string
}

/** A gate for each engagement that opens, held; a void closes its gate for ever, also where nothing was opened. */
export async function makeGates(tx: Db, opened: readonly Owned[], voided: readonly Owned[]): Promise<void> {
  const gates = [...opened.map((each) => ({ ...each, state: 'held' })), ...voided.map((each) => ({ ...each, state: 'void' }))]
  if (gates.length === 0) return
  const byEngagement = new Map(gates.map((gate) => [gate.engagement, gate]))
  await exec(
    tx,
    sql`insert into memory.personal_gate as g (engagement, owner, state)
        select engagement, owner, state
          from jsonb_to_recordset(${JSON.stringify([...byEngagement.values()])}) as r(engagement uuid, owner uuid, state text)
         order by engagement
        on conflict (engagement) do update set state = 'void' where excluded.state = 'void'`,
  )
}

/** The gates of these engagements, locked in one order for everybody. */
export async function gatesOf(tx: Db, engagements: readonly string[]): Promise<ReadonlyMap<string, Gate>> {
  const gates = await many(
    tx,
    Gate,
    sql`select engagement, owner, state from memory.personal_gate where engagement = any(${engagements}::uuid[]) order by engagement for update`,
  )
  return new Map(gates.map((gate) => [gate.engagement, gate]))
}

export async function hold(tx: Db, held: readonly Held[]): Promise<void> {
  if (held.length === 0) return
  const rows = held.map(({ engagement, position, message }) => ({ engagement, id: message.id, position, message: stored(message) }))
  await exec(
    tx,
    sql`insert into memory.held_event (engagement, id, position, message)
        select engagement, id, position, message
          from jsonb_to_recordset(${JSON.stringify(rows)}) as r(engagement uuid, id uuid, position bigint, message jsonb)
        on conflict (engagement, id) do nothing`,
  )
}

export async function discard(tx: Db, engagement: string): Promise<void> {
  await exec(tx, sql`delete from memory.held_event where engagement = ${engagement}`)
}

const Message = z.object({
  id: z.string(),
  entityId: z.string(),
  revision: z.string().transform(BigInt).optional(),
  subject: z.string(),
  headers: z.record(z.string(), z.string()),
  data: z.string(),
})
const PositionMessageRow = z.object({ position: z.bigint(), message: Message })

/** Lets go what waits, in the order of the log, and opens the gate for what follows. Told again it finds nothing to do. */
export async function release(tx: Db, engagement: string, owner: PersonId): Promise<number> {
  await exec(
    tx,
    sql`insert into memory.personal_gate as g (engagement, owner, state)
        values (${engagement}, ${owner}, 'released')
        on conflict (engagement) do update set state = 'released' where g.state = 'held'`,
  )
  const waiting = await many(tx, PositionMessageRow, sql`delete from memory.held_event where engagement = ${engagement} returning position, message`)
  const rows = waiting
    .toSorted((a, b) => Number(a.position - b.position))
    .map(({ message: { revision, ...rest } }) => ({ ...rest, ...(revision !== undefined && { revision }) }))
  await enqueue(tx, 'memory', rows)
  return rows.length
}

/** JSON has no bigint. */
function stored({ revision, ...rest }: OutboxRow): object {
  return { ...rest, ...(revision !== undefined && { revision: String(revision) }) }
}
