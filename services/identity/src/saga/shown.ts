import { SagaName, SagaOverlay, SagaState } from '@loomworks/contracts'
import { idOf } from '@loomworks/kernel'
import type { SagaView } from '@loomworks/sagas'
import { z } from 'zod'

const StepShown = z.object({ step: z.string(), state: z.string(), attempt: z.int(), code: z.string().optional(), took_ms: z.int().optional() })

/** A saga as the operator's tools see it: ids and closed words only. */
export const SagaShown = z.object({
  id: idOf<'saga'>(),
  definition: SagaName,
  version: z.int(),
  state: SagaState,
  overlays: z.array(SagaOverlay),
  steps: z.array(StepShown),
  code: z.string().optional(),
  http_status: z.int().optional(),
  started_at: z.string(),
  updated_at: z.string(),
  next_due_at: z.string().optional(),
})

export function shownSaga(view: SagaView): z.output<typeof SagaShown> {
  const { id, definition, version, state, overlays, steps, code, httpStatus, startedAt, updatedAt, nextDueAt } = view
  return {
    id,
    definition,
    version,
    state,
    overlays: [...overlays],
    steps: steps.map(({ tookMs: took_ms, ...step }) => ({ ...step, ...(took_ms !== undefined && { took_ms }) })),
    ...(code !== undefined && { code }),
    ...(httpStatus !== undefined && { http_status: httpStatus }),
    started_at: startedAt,
    updated_at: updatedAt,
    ...(nextDueAt !== undefined && { next_due_at: nextDueAt }),
  }
}
