import { z } from 'zod'
import { LetterShown } from './shown.ts'

/** What was decided about a letter, and what went out because of it. */
export const DecisionTaken = z.object({
  id: z.string(),
  dry_run: z.boolean(),
  decision: LetterShown.shape.decisions.element.nullable(),
  message: z.object({ id: z.string(), subject: z.string() }).nullable(),
})
