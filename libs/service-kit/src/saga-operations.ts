// What every service with saga steps answers to the saga tool: what it knows of one saga, and all that sagas have left with it.
import { idOf } from '@loomworks/kernel'
import { EffectListed, type EffectsAfter, FenceListed, fencesAfter, ParticipantLog, participantLog } from '@loomworks/sagas'
import type { Db } from '@loomworks/sql'
import { z } from 'zod'
import { type Operation, operation } from './operation.ts'
import { shared } from './shared-refusals.ts'

export interface SagaRecords {
  readonly db: Db
  /** The schema that holds the fences. */
  readonly schema: string
  /** The things of this service that sagas make or hold. */
  readonly effects: EffectsAfter
}

const MOST = 500
const internal = { auth: 'token', callers: ['identity'] } as const
const refuses = [shared.actor_refused, shared.internal_token_invalid, shared.invalid_body]

/** One page of fences, and behind the last of them the effects. */
export const SagaLeftovers = z.object({ fences: z.array(FenceListed), effects: z.array(EffectListed), nextCursor: z.string().nullable() })

export function sagaOperations({ db, schema, effects }: SagaRecords): readonly Operation<unknown>[] {
  return [
    operation({
      get: '/internal/sagas/:id/fences',
      id: 'sagaFences',
      summary: 'The fences of a saga here, and its deliveries',
      internal,
      params: SagaParams,
      reply: ParticipantLog,
      refuses,
      answer: ({ params }, _parts: unknown) => participantLog(db, schema, params.id),
    }),
    operation({
      get: '/internal/sagas/effects',
      id: 'sagaEffects',
      summary: 'What sagas have left here, page by page: fences, then the things themselves',
      internal,
      query: EffectsQuery,
      reply: SagaLeftovers,
      refuses,
      answer: ({ query }, _parts: unknown) => leftovers({ db, schema, effects }, query.cursor),
    }),
  ]
}

const SagaParams = z.object({ id: idOf<'saga'>() })
const EffectsQuery = z.strictObject({
  cursor: z
    .string()
    .regex(/^(?:fence\/[0-9a-f-]{36}\/[A-Za-z0-9]{1,32}|effect\/(?:[0-9a-f-]{36})?)$/)
    .optional(),
})

async function leftovers({ db, schema, effects }: SagaRecords, cursor = 'fence/'): Promise<z.output<typeof SagaLeftovers>> {
  const [kind, after] = [cursor.slice(0, cursor.indexOf('/')), cursor.slice(cursor.indexOf('/') + 1)]
  if (kind === 'fence') {
    const fences = await fencesAfter(db, schema, { after, limit: MOST })
    const last = fences.at(-1)
    return { fences: [...fences], effects: [], nextCursor: last !== undefined && fences.length === MOST ? `fence/${last.sagaId}/${last.step}` : 'effect/' }
  }
  const found = await effects({ after: after === '' ? undefined : after, limit: MOST })
  return { fences: [], effects: [...found], nextCursor: found.length === MOST ? `effect/${found.at(-1)?.key}` : null }
}
