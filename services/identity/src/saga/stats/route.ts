import { operation, shared } from '@loomworks/service-kit'
import { z } from 'zod'
import type { IdentityParts } from '../../parts.ts'
import { readsSagas } from '../authz.ts'
import { SagaFigures, sagaFigures } from '../queries.ts'
import type { Sight } from '../sight.ts'

const HOUR_MS = 3_600_000
const MOST_MS = 7 * 24 * HOUR_MS

export const SagaStats = SagaFigures.extend({ window_ms: z.int(), per_s: z.number() })

export const sagaStatsRoute = operation({
  get: '/admin/sagas/stats',
  id: 'sagaStats',
  summary: 'How many sagas began in a window and how they ended, how long steps took, and what is open now',
  authz: readsSagas,
  query: z.strictObject({ window: z.coerce.number().int().min(1000).max(MOST_MS).default(HOUR_MS) }),
  reply: SagaStats,
  refuses: [shared.unauthenticated, shared.scope_missing, shared.actor_refused, shared.invalid_body],

  answer: ({ query }, { sight }: IdentityParts) => sagaStats(sight, query.window),
})

export async function sagaStats({ db, clock }: Pick<Sight, 'db' | 'clock'>, windowMs: number): Promise<z.output<typeof SagaStats>> {
  const figures = await sagaFigures(db, clock.now() - windowMs)
  return { ...figures, window_ms: windowMs, per_s: Math.round((figures.started / windowMs) * 100_000) / 100 }
}
