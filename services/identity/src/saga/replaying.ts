// Stored histories through the decision as it is now: one, or all that began since a moment, page by page.
import { idOf, type SagaId } from '@loomworks/kernel'
import { type Replayed, readHistory, replay, type SagaHistory } from '@loomworks/sagas'
import { type Db, many, sql } from '@loomworks/sql'
import { z } from 'zod'
import { saga as refusals } from '../errors.ts'
import { historyIn, type Sight } from './sight.ts'
import { toldData } from './told.ts'

const Side = z.object({ type: z.string(), at: z.string(), data: z.record(z.string(), z.unknown()) }).nullable()
const Divergence = z.object({ revision: z.int(), cause: z.string(), stored: Side, decided: Side })

export const SagaReplayed = z.object({ id: z.string(), definition: z.string(), version: z.int(), decisions: z.int(), divergence: Divergence.nullable() })
export type SagaReplayed = z.output<typeof SagaReplayed>

export const SagasReplayed = z.object({
  replayed: z.int(),
  diverged: z.array(SagaReplayed),
  /** Sagas whose definition is gone: nothing can be said of them. */
  version_missing: z.array(z.string()),
  next_cursor: z.string().nullable(),
})

const IdRow = z.object({ saga_id: idOf<'saga'>() })
const PAGE = 500
const AT_ONCE = 16

export async function replayOne(sight: Sight, sagaId: SagaId): Promise<SagaReplayed> {
  return told(sight, await historyIn(sight, sagaId))
}

function told({ mask }: Pick<Sight, 'mask'>, history: SagaHistory): SagaReplayed {
  const { decisions, divergence } = replay(history)
  const { name: definition, version } = history.definition
  return { id: history.sagaId, definition, version, decisions, divergence: divergence === undefined ? null : shown(divergence) }

  function shown({ revision, cause, stored, decided }: NonNullable<Replayed['divergence']>): z.output<typeof Divergence> {
    const side = (event: typeof stored) =>
      event === undefined ? null : { type: event.type, at: event.at, data: { ...toldData(mask, history.definition, event) } }
    return { revision, cause, stored: side(stored), decided: side(decided) }
  }
}

export interface ReplayPage {
  readonly since: string
  /** The last saga of the page before. */
  readonly cursor: SagaId | undefined
}

export async function replayAll(sight: Sight, page: ReplayPage): Promise<z.output<typeof SagasReplayed>> {
  const ids = await idsSince(sight.db, page)
  const results = await inTurns(ids, async (id) => ({ id, outcome: await replayIn(sight, id) }))
  return {
    replayed: results.filter(({ outcome }) => typeof outcome === 'object').length,
    diverged: results.flatMap(({ outcome }) => (typeof outcome === 'object' && outcome.divergence !== null ? [outcome] : [])),
    version_missing: results.flatMap(({ id, outcome }) => (outcome === 'version_missing' ? [id] : [])),
    next_cursor: ids.length < PAGE ? null : (ids.at(-1) ?? null),
  }
}

async function replayIn(sight: Sight, id: SagaId): Promise<SagaReplayed | 'version_missing' | 'not_found'> {
  const history = await readHistory(sight.store, sight.sagas, id).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === refusals.version_missing.code) return 'version_missing' as const
    throw error
  })
  return history === undefined ? 'not_found' : history === 'version_missing' ? history : told(sight, history)
}

async function idsSince(db: Db, { since, cursor }: ReplayPage): Promise<readonly SagaId[]> {
  const rows = await many(
    db,
    IdRow,
    sql`select o.saga_id
          from identity.saga_open o
         where o.started_at >= ${since}
           and (${cursor ?? null}::uuid is null
                or (o.started_at, o.saga_id) > (select a.started_at, a.saga_id from identity.saga_open a where a.saga_id = ${cursor ?? null}::uuid))
         order by o.started_at, o.saga_id
         limit ${PAGE}`,
  )
  return rows.map(({ saga_id }) => saga_id)
}

/** In the order given, a few at once. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  for (let first = 0; first < items.length; first += AT_ONCE) results.push(...(await Promise.all(items.slice(first, first + AT_ONCE).map(work))))
  return results
}
