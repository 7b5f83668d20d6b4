// The list of sagas as it is asked for: filters, orders, pages, and the figures over a window.
import { SagaName, SagaOverlay, SagaState } from '@loomworks/contracts'
import { idOf, type SagaId, timeOf } from '@loomworks/kernel'
import { type Db, many, one, raw, type Sql, sql } from '@loomworks/sql'
import { z } from 'zod'

export const SagaSort = z.enum(['started', 'duration', 'due'])
type SagaSort = z.output<typeof SagaSort>

export interface SagaFilter {
  readonly state?: SagaState | undefined
  readonly definition?: SagaName | undefined
  /** The step that is waited for, or that the saga failed with. */
  readonly step?: string | undefined
  readonly errorClass?: string | undefined
  readonly open?: boolean | undefined
  readonly stalled?: boolean | undefined
  /** Open, and some step was sent more than once. */
  readonly retrying?: boolean | undefined
  /** Begun at least so long ago. */
  readonly olderMs?: number | undefined
  /** Took, or takes by now, at least so long. */
  readonly slowerMs?: number | undefined
}

export interface SagaListing extends SagaFilter {
  readonly sort: SagaSort
  /** Where the page before ended: the value it is sorted by, and the saga. */
  readonly after: Place | undefined
  readonly limit: number
  readonly nowMs: number
}

export interface Place {
  readonly value: string
  readonly sagaId: SagaId
}

export const SagaRow = z.object({
  saga_id: idOf<'saga'>(),
  definition: SagaName,
  version: z.int(),
  state: SagaState,
  overlay: z.array(SagaOverlay),
  step: z.string().nullable(),
  attempts: z.int(),
  error_class: z.string().nullable(),
  code: z.string().nullable(),
  started_at: z.string(),
  updated_at: z.string(),
  next_due_at: z.string().nullable(),
  duration_ms: z.bigint().nullable(),
})
export type SagaRow = z.output<typeof SagaRow>

const COLUMNS = raw(
  'o.saga_id, o.definition, o.version, o.state, o.overlay, o.step, o.attempts, o.error_class, o.code, o.started_at, o.updated_at, o.next_due_at, o.duration_ms',
)
const OPEN = raw("o.state not in ('completed', 'aborted')")

export function sagaRows(db: Db, listing: SagaListing): Promise<readonly SagaRow[]> {
  if (listing.sort === 'due') return many(db, SagaRow, dueFirst(listing))
  return many(db, SagaRow, listing.sort === 'started' ? newestFirst(listing) : slowestFirst(listing))
}

/** Where a page ends, so that the next one goes on behind it. */
export function placeOf({ saga_id: sagaId, started_at, next_due_at, duration_ms }: SagaRow, { sort, nowMs }: Pick<SagaListing, 'sort' | 'nowMs'>): Place {
  if (sort === 'started') return { value: started_at, sagaId }
  return { value: sort === 'due' ? (next_due_at ?? '') : String(duration_ms ?? nowMs - Date.parse(started_at)), sagaId }
}

function newestFirst(listing: SagaListing): Sql {
  const { after, limit } = listing
  return sql`select ${COLUMNS}
               from identity.saga_open o
              where ${filters(listing)}
                and (${after?.value ?? null}::timestamptz is null or (o.started_at, o.saga_id) < (${after?.value ?? null}::timestamptz, ${after?.sagaId ?? null}::uuid))
              order by o.started_at desc, o.saga_id desc
              limit ${limit}`
}

function dueFirst(listing: SagaListing): Sql {
  const { after, limit } = listing
  return sql`select ${COLUMNS}
               from identity.saga_open o
              where o.next_due_at is not null and ${filters(listing)}
                and (${after?.value ?? null}::timestamptz is null or (o.next_due_at, o.saga_id) > (${after?.value ?? null}::timestamptz, ${after?.sagaId ?? null}::uuid))
              order by o.next_due_at, o.saga_id
              limit ${limit}`
}

/** Those that have ended are in an index by how long they took; those that are open are few, and still grow. */
function slowestFirst(listing: SagaListing): Sql {
  const { after, limit, nowMs } = listing
  const running = sql`(extract(epoch from ${timeOf(nowMs)}::timestamptz - o.started_at) * 1000)::bigint`
  const behind = (took: Sql) =>
    sql`(${after?.value ?? null}::bigint is null or (${took}, o.saga_id) < (${after?.value ?? null}::bigint, ${after?.sagaId ?? null}::uuid))`
  const ended = raw('o.duration_ms')
  return sql`select * from (
               (select ${COLUMNS}, o.duration_ms as took
                  from identity.saga_open o
                 where o.duration_ms is not null and ${filters(listing)} and ${behind(ended)}
                 order by o.duration_ms desc, o.saga_id desc
                 limit ${limit})
               union all
               (select ${COLUMNS}, ${running} as took
                  from identity.saga_open o
                 where ${OPEN} and ${filters(listing)} and ${behind(running)}
                 order by took desc, o.saga_id desc
                 limit ${limit})
             ) as both_kinds
             order by took desc, saga_id desc
             limit ${limit}`
}

function filters({ state, definition, step, errorClass, open, stalled, retrying, olderMs, slowerMs, nowMs }: SagaFilter & { readonly nowMs: number }): Sql {
  const wanted: readonly Sql[] = [
    ...(state === undefined ? [] : [sql`o.state = ${state}`]),
    ...(definition === undefined ? [] : [sql`o.definition = ${definition}`]),
    ...(step === undefined ? [] : [sql`o.step = ${step}`]),
    ...(errorClass === undefined ? [] : [sql`o.error_class = ${errorClass}`]),
    ...(open ? [OPEN] : []),
    ...(stalled ? [sql`o.overlay @> array['stalled'] and ${OPEN}`] : []),
    ...(retrying ? [sql`o.attempts > 1 and ${OPEN}`] : []),
    ...(olderMs === undefined ? [] : [sql`o.started_at <= ${timeOf(nowMs - olderMs)}`]),
    ...(slowerMs === undefined ? [] : [sql`(o.duration_ms >= ${slowerMs} or (${OPEN} and o.started_at <= ${timeOf(nowMs - slowerMs)}))`]),
  ]
  return wanted.reduce((all, each) => sql`${all} and ${each}`, sql`true`)
}

/** Sagas that one of these ids belongs to, or is: the newest first. */
export function sagasWith(db: Db, ids: readonly string[], limit: number): Promise<readonly SagaRow[]> {
  return many(
    db,
    SagaRow,
    sql`select ${COLUMNS}
          from identity.saga_open o
         where o.refs && ${[...ids]}::uuid[] or o.saga_id = any (${[...ids]}::uuid[])
         order by o.started_at desc, o.saga_id desc
         limit ${limit}`,
  )
}

const Outcomes = z.object({
  started: z.int(),
  outcomes: z.record(z.string(), z.int()),
  codes: z.record(z.string(), z.int()),
})
const Open = z.object({
  open: z.int(),
  stalled: z.int(),
  paused: z.int(),
  retrying: z.int(),
  oldest: idOf<'saga'>().nullable(),
  oldest_started_at: z.string().nullable(),
})
const StepFigures = z.object({ step: z.string(), count: z.int(), p50_ms: z.number(), p99_ms: z.number() })
const Took = z.object({ p50_ms: z.number().nullable(), p99_ms: z.number().nullable() })

export const SagaFigures = Outcomes.extend(Open.shape).extend({ steps: z.array(StepFigures), took: Took })

/** What happened to the sagas that began since then, and how all that are open stand. */
export async function sagaFigures(db: Db, sinceMs: number): Promise<z.output<typeof SagaFigures>> {
  const since = timeOf(sinceMs)
  const outcomes = await one(
    db,
    Outcomes,
    sql`select coalesce(sum(n), 0)::int as started,
               coalesce(jsonb_object_agg(state, n), '{}') as outcomes,
               (select coalesce(jsonb_object_agg(code, n), '{}')
                  from (select code, count(*) as n from identity.saga_open where started_at >= ${since} and state = 'aborted' and code is not null group by code) as c) as codes
          from (select state, count(*)::int as n from identity.saga_open where started_at >= ${since} group by state) as s`,
  )
  const open = await one(
    db,
    Open,
    sql`select count(*)::int as open, (count(*) filter (where overlay @> array['stalled']))::int as stalled,
               (count(*) filter (where overlay @> array['paused']))::int as paused, (count(*) filter (where attempts > 1))::int as retrying,
               (array_agg(saga_id order by started_at))[1] as oldest, min(started_at) as oldest_started_at
          from identity.saga_open o
         where ${OPEN}`,
  )
  const steps = await many(
    db,
    StepFigures,
    sql`select e.key as step, count(*)::int as count, percentile_cont(0.5) within group (order by e.value::numeric) as p50_ms,
               percentile_cont(0.99) within group (order by e.value::numeric) as p99_ms
          from identity.saga_open o, jsonb_each_text(o.step_ms) as e
         where o.started_at >= ${since} and o.step_ms is not null
         group by e.key
         order by e.key`,
  )
  const took = await one(
    db,
    Took,
    sql`select percentile_cont(0.5) within group (order by duration_ms) as p50_ms, percentile_cont(0.99) within group (order by duration_ms) as p99_ms
          from identity.saga_open where started_at >= ${since} and state = 'completed'`,
  )
  return { ...outcomes, ...open, steps: [...steps], took }
}
