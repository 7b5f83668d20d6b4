// What a participant knows of a saga: its fences, and what became of each delivery. For the saga tool, which asks every participant.
import { DeliveryResult, FenceState, SagaDirection, SagaEffectKind } from '@loomworks/contracts'
import { type Db, ident, many, sql } from '@loomworks/sql'
import { z } from 'zod'

export const FenceSeen = z.object({
  step: z.string(),
  state: FenceState,
  /** What the do answered, and when. */
  outcome: z.enum(['done', 'failed']).nullable(),
  code: z.string().nullable(),
  at: z.string().nullable(),
  /** What the undo found, and when. */
  effect: z.enum(['reversed', 'none']).nullable(),
  undoneAt: z.string().nullable(),
  firstSeenAt: z.string(),
  lastSeenAt: z.string(),
})
export type FenceSeen = z.output<typeof FenceSeen>

export const DeliverySeen = z.object({
  step: z.string(),
  dir: SagaDirection,
  attempt: z.int(),
  deliveryNo: z.int(),
  at: z.string(),
  instance: z.string(),
  result: DeliveryResult,
  errorClass: z.string().nullable(),
  durationMs: z.int(),
})
export type DeliverySeen = z.output<typeof DeliverySeen>

export const ParticipantLog = z.object({ fences: z.array(FenceSeen), deliveries: z.array(DeliverySeen) })
export type ParticipantLog = z.output<typeof ParticipantLog>

const MOST_DELIVERIES = 1000

export async function participantLog(db: Db, schema: string, sagaId: string): Promise<ParticipantLog> {
  const fences = await many(
    db,
    FenceSeen,
    sql`select step, state, reply->>'outcome' as outcome, reply->>'code' as code, reply->>'at' as at, undo_reply->>'effect' as effect,
               undo_reply->>'at' as "undoneAt", first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt"
          from ${ident(`${schema}.saga_fence`)}
         where saga_id = ${sagaId}
         order by first_seen_at, step`,
  )
  const deliveries = await many(
    db,
    DeliverySeen,
    sql`select step, dir, attempt, delivery_no as "deliveryNo", at, instance, result, error_class as "errorClass", duration_ms as "durationMs"
          from ${ident(`${schema}.saga_delivery`)}
         where saga_id = ${sagaId}
         order by at, delivery_no
         limit ${MOST_DELIVERIES}`,
  )
  return { fences: [...fences], deliveries: [...deliveries] }
}

/** A thing that a saga made or holds in a service, as its owner knows it. */
export const EffectListed = z.object({
  kind: SagaEffectKind,
  id: z.string(),
  /** What they are listed by: the owner where each has one, else the id. */
  key: z.string(),
  state: z.string(),
  /** The saga, where the owner knows it. */
  sagaId: z.string().nullable(),
  /** Whose it is, where it is somebody's. */
  personId: z.string().nullable(),
  since: z.string(),
})
export type EffectListed = z.output<typeof EffectListed>

/** The effects of a service by key, behind the one that `after` names. */
export type EffectsAfter = (page: { readonly after: string | undefined; readonly limit: number }) => Promise<readonly EffectListed[]>

/** A fence as reconciling looks at it. */
export const FenceListed = z.object({ sagaId: z.string(), step: z.string(), state: FenceState, lastSeenAt: z.string() })
export type FenceListed = z.output<typeof FenceListed>

/** Fences of a participant in the order of saga and step, behind the one that `after` names (`<saga>/<step>`). */
export function fencesAfter(db: Db, schema: string, { after, limit }: { readonly after: string; readonly limit: number }): Promise<readonly FenceListed[]> {
  const [sagaId = NOWHERE, step = ''] = after === '' ? [] : after.split('/')
  return many(
    db,
    FenceListed,
    sql`select saga_id as "sagaId", step, state, last_seen_at as "lastSeenAt"
          from ${ident(`${schema}.saga_fence`)}
         where (saga_id, step) > (${sagaId}::uuid, ${step})
         order by saga_id, step
         limit ${limit}`,
  )
}

const NOWHERE = '00000000-0000-0000-0000-000000000000'
