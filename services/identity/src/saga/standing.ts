// How sagas stand, many at once: as the list says, and where it knows nothing, as their streams say.
import { SagaState } from '@loomworks/contracts'
import { idOf, type SagaId } from '@loomworks/kernel'
import { endOf, readHistory } from '@loomworks/sagas'
import { many, sql } from '@loomworks/sql'
import { z } from 'zod'
import type { Sight } from './sight.ts'

export interface Standing {
  readonly sagaId: SagaId
  readonly definition: string
  readonly state: SagaState
  readonly updatedAt: string
}

const Row = z.object({ sagaId: idOf<'saga'>(), definition: z.string(), state: SagaState, updatedAt: z.string(), refs: z.array(z.string()) })

export async function standings(sight: Sight, ids: readonly string[]): Promise<ReadonlyMap<string, Standing>> {
  const rows = await many(
    sight.db,
    Row,
    sql`select saga_id as "sagaId", definition, state, updated_at as "updatedAt", refs from identity.saga_open where saga_id = any (${[...ids]}::uuid[])`,
  )
  const found = new Map<string, Standing>(rows.map((row) => [row.sagaId, row]))
  for (const id of ids) {
    const parsed = idOf<'saga'>().safeParse(id)
    if (found.has(id) || !parsed.success) continue
    const history = await readHistory(sight.store, sight.sagas, parsed.data)
    if (history === undefined) continue
    const { after, recordedAt } = endOf(history)
    found.set(id, { sagaId: parsed.data, definition: history.definition.name, state: after.state, updatedAt: recordedAt })
  }
  return found
}

/** By what belongs to them: the saga of each id, where there is one; an open or completed one before one that was aborted, and the newest of
 *  these. */
export async function standingsOf({ db }: Pick<Sight, 'db'>, refs: readonly string[]): Promise<ReadonlyMap<string, Standing>> {
  const rows = await many(
    db,
    Row,
    sql`select saga_id as "sagaId", definition, state, updated_at as "updatedAt", refs from identity.saga_open where refs && ${[...refs]}::uuid[] order by started_at`,
  )
  const aborted = rows.filter(({ state }) => state === 'aborted')
  const standing = rows.filter(({ state }) => state !== 'aborted')
  return new Map([...aborted, ...standing].flatMap((row) => row.refs.map((ref) => [ref, row] as const)))
}

export function isOver({ state }: Standing): boolean {
  return state === 'completed' || state === 'aborted'
}
