// Events and states of a saga as the tool tells them: snake_case, and nothing sensitive in clear.
import type { JsonObject } from '@loomworks/kernel'
import { timeOf } from '@loomworks/kernel'
import type { AnySaga, HistoryEvent } from '@loomworks/sagas'
import { endOf, type SagaHistory } from '@loomworks/sagas'
import { z } from 'zod'
import { type Mask, masked } from './masking.ts'

const Data = z.record(z.string(), z.unknown())

export const EventTold = z.object({
  revision: z.int(),
  type: z.string(),
  id: z.string(),
  at: z.string(),
  /** When the store took it: the clock all events share. */
  recorded_at: z.string(),
  causation_id: z.string(),
  actor: z.object({ kind: z.string(), id: z.string() }),
  data: Data,
})
export type EventTold = z.output<typeof EventTold>

export function toldEvent(mask: Mask, definition: AnySaga, { revision, event, envelope, recordedAt }: HistoryEvent): EventTold {
  const { id, at, causationId, actor } = envelope
  return {
    revision,
    type: event.type,
    id,
    at,
    recorded_at: recordedAt,
    causation_id: causationId,
    actor: { kind: actor.kind, id: actor.id },
    data: toldData(mask, definition, event),
  }
}

export function toldData(mask: Mask, definition: AnySaga, event: HistoryEvent['event']): JsonObject {
  const data = { ...event.data } as JsonObject
  if (event.type === 'SagaRequested') return { ...data, input: masked(mask, definition.input, event.data.input) }
  if (event.type === 'StepSent') return { ...data, data: masked(mask, definition.steps[event.data.step]?.message?.do, event.data.data) }
  if (event.type === 'StepSucceeded') return { ...data, data: masked(mask, definition.steps[event.data.step]?.message?.done, event.data.data) }
  return event.type === 'StepFailed' && event.data.data !== undefined ? { ...data, data: masked(mask, undefined, event.data.data) } : data
}

const StepStanding = z.object({
  state: z.string(),
  attempt: z.int(),
  code: z.string().optional(),
  halted: z.boolean().optional(),
  sent_at: z.string().optional(),
  due_at: z.string().optional(),
  data: Data.optional(),
  reply: Data.optional(),
})

export const StateTold = z.object({
  state: z.string(),
  overlays: z.array(z.string()),
  code: z.string().optional(),
  http_status: z.int().optional(),
  deadline_at: z.string().optional(),
  input: Data,
  ids: z.record(z.string(), z.string()),
  steps: z.record(z.string(), StepStanding),
})
export type StateTold = z.output<typeof StateTold>

/** How the saga stood after one of its events. */
export function toldState(mask: Mask, { definition }: SagaHistory, { after }: HistoryEvent): StateTold {
  const { state, code, httpStatus, deadlineAt, input, ids, steps, pausedAt, stalled } = after
  return {
    state,
    overlays: [...(pausedAt === undefined ? [] : ['paused']), ...(stalled === undefined ? [] : ['stalled'])],
    ...(code !== undefined && { code }),
    ...(httpStatus !== undefined && { http_status: httpStatus }),
    ...(deadlineAt !== undefined && { deadline_at: timeOf(deadlineAt) }),
    input: masked(mask, definition.input, input),
    ids: { ...ids },
    steps: Object.fromEntries(Object.keys(steps).map((id) => [id, standing(mask, definition, after, id)])),
  }
}

function standing(mask: Mask, definition: AnySaga, { steps }: HistoryEvent['after'], id: string): z.output<typeof StepStanding> {
  const { phase = 'idle', attempt = 0, code, halted, sentAt = 0, dueAt = 0, data, reply } = steps[id] ?? {}
  const message = definition.steps[id]?.message
  const isOut = phase === 'sent' || phase === 'undoSent'
  return {
    state: phase,
    attempt,
    ...(code !== undefined && { code }),
    ...(halted && { halted }),
    ...(isOut && { sent_at: timeOf(sentAt), due_at: timeOf(dueAt) }),
    ...(data !== undefined && { data: masked(mask, message?.do, data) }),
    ...(reply !== undefined && { reply: masked(mask, message?.done, reply) }),
  }
}

/** The state at a revision, or at the end. Undefined where there is no such event. */
export function eventAt(history: SagaHistory, revision: number | undefined): HistoryEvent | undefined {
  return revision === undefined ? endOf(history) : history.events[revision]
}
