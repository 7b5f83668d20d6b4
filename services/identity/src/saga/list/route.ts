import { SagaName, SagaState, StepId } from '@loomworks/contracts'
import { readHistory } from '@loomworks/sagas'
import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { readsSagas } from '../authz.ts'
import { Cursor, cursorOf, listed, placeIn, rowOfHistory, SagaListed } from '../listed.ts'
import { placeOf, type SagaRow, SagaSort, sagaRows } from '../queries.ts'
import type { Sight } from '../sight.ts'

const LIMIT_MAX = 100
const LIMIT = 50
const yes = z.literal('true').transform(() => true)
const ms = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** Filters, order and page of the list. */
export const Listing = z
  .strictObject({
    state: SagaState.optional(),
    definition: SagaName.optional(),
    step: StepId.optional(),
    error_class: z
      .string()
      .regex(/^[A-Za-z0-9_.]{1,100}$/)
      .optional(),
    open: yes.optional(),
    stalled: yes.optional(),
    retrying: yes.optional(),
    older_ms: ms.optional(),
    slower_ms: ms.optional(),
    sort: SagaSort.default('started'),
    cursor: Cursor.optional(),
    limit: z.coerce.number().int().min(1).max(LIMIT_MAX).default(LIMIT),
  })
  .refine(({ sort, cursor }) => cursor === undefined || (sort === 'duration') === /^\d+~/.test(cursor), { path: ['cursor'], message: 'is of another order' })
type Listing = z.output<typeof Listing>

export const SagaPage = z.object({ items: z.array(SagaListed), next_cursor: z.string().nullable() })

export const listSagasRoute = operation({
  get: '/admin/sagas',
  id: 'listSagas',
  summary: 'The sagas by state, step, error, age and time taken; newest, slowest or soonest due first',
  authz: readsSagas,
  query: Listing,
  reply: SagaPage,
  refuses: [shared.unauthenticated, shared.scope_missing, shared.actor_refused, shared.invalid_body],

  answer: ({ query }, { sight }: IdentityParts) => sagaPage(sight, query),
})

export async function sagaPage(
  { db, clock, store, sagas }: Pick<Sight, 'db' | 'clock' | 'store' | 'sagas'>,
  query: Listing,
): Promise<z.output<typeof SagaPage>> {
  const { error_class: errorClass, older_ms: olderMs, slower_ms: slowerMs, cursor, ...rest } = query
  const nowMs = clock.now()
  const rows = await sagaRows(db, { ...rest, errorClass, olderMs, slowerMs, after: cursor === undefined ? undefined : placeIn(cursor), nowMs })
  const last = rows.at(-1)
  const next_cursor = last === undefined || rows.length < query.limit ? null : cursorOf(placeOf(last, { sort: query.sort, nowMs }))
  const items = await Promise.all(rows.map(async (row) => listed(isOpen(row) ? await current({ store, sagas }, row) : row, nowMs)))
  return { items, next_cursor }
}

/** A row may be behind its stream for a moment, while the saga is open. What is shown is what the stream says. */
async function current(sight: Pick<Sight, 'store' | 'sagas'>, row: SagaRow): Promise<SagaRow> {
  const history = await readHistory(sight.store, sight.sagas, row.saga_id).catch(() => undefined)
  return history === undefined ? row : rowOfHistory(history)
}

function isOpen({ state }: SagaRow): boolean {
  return state !== 'completed' && state !== 'aborted'
}
