import { z } from 'zod'

/** A saga as the admin API shows it. */
export const Saga = z.looseObject({
  id: z.string(),
  definition: z.string(),
  version: z.int(),
  state: z.string(),
  overlays: z.array(z.string()),
  steps: z.array(z.looseObject({ step: z.string(), state: z.string(), attempt: z.int(), code: z.string().nullish() })),
  started_at: z.string(),
  updated_at: z.string(),
  next_due_at: z.string().nullish(),
})
export type Saga = z.output<typeof Saga>

export function stateOf({ state, overlays }: Saga): string {
  return [state, ...overlays].join(' ')
}
