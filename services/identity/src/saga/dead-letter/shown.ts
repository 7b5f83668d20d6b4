// A dead letter as the tool shows it, and what was decided about it.
import { z } from 'zod'
import { LetterDecision } from '../../vocabulary.ts'
import type { Mask } from '../masking.ts'
import type { Letter } from './letters.ts'
import type { Decided } from './queries.ts'

const DecisionShown = z.object({
  id: z.string(),
  decision: LetterDecision,
  edited: z.boolean(),
  reason: z.string(),
  by: z.object({ kind: z.string(), id: z.string() }),
  at: z.string(),
})

export const LetterId = z.string().regex(/^[1-9]\d{0,17}$/)

export const LetterShown = z.object({
  id: LetterId,
  service: z.string(),
  reason: z.string(),
  error: z.string(),
  deliveries: z.int(),
  at: z.string(),
  origin: z.object({ stream: z.string(), seq: z.string(), subject: z.string(), id: z.string() }),
  saga_id: z.string().nullable(),
  decisions: z.array(DecisionShown),
})
export type LetterShown = z.output<typeof LetterShown>

export function shownDecision({ id, decision, edited, reason, decided_by, decided_at }: Decided): z.output<typeof DecisionShown> {
  return { id, decision, edited, reason, by: { kind: decided_by.kind, id: decided_by.id }, at: decided_at }
}

const ADDRESS = /[^\s"'(<=]+@[^\s"')>]+/g

export function shownLetter(mask: Mask, letter: Letter, decisions: readonly Decided[]): LetterShown {
  const { id, service, reason, error, deliveries, at, origin, sagaId } = letter
  return {
    id: String(id),
    service,
    reason,
    // What was thrown somewhere may quote anything.
    error: error.replaceAll(ADDRESS, mask),
    deliveries,
    at,
    origin: { stream: origin.stream, seq: origin.seq, subject: origin.subject, id: origin.id },
    saga_id: sagaId ?? null,
    decisions: decisions.filter(({ letter: decided }) => decided === id).map(shownDecision),
  }
}
