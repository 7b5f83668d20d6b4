// What travels between the host of a saga and its participants (saga page §2). Message id of a command is
// `sagaId/step/dir/attempt`, of a reply that with `/r` behind it.
import { idOf, ServiceName, Traceparent } from '@loomworks/kernel'
import { z } from 'zod'
import { At } from '../fields.ts'
import { SagaDirection, SagaName, SagaOutcome } from '../sets.ts'

export const StepId = z.string().regex(/^[a-z][A-Za-z0-9]{0,31}$/)

export const SagaCommand = z.strictObject({
  /** Version of the step's message: of the shape of `data`. */
  v: z.int().min(1),
  id: z.string(),
  sagaId: idOf<'saga'>(),
  definition: SagaName,
  definitionVersion: z.int().min(1),
  step: StepId,
  dir: SagaDirection,
  attempt: z.int().min(1),
  correlationId: z.string(),
  causationId: z.string(),
  traceparent: Traceparent,
  issuedAt: At,
  deadlineAt: At.optional(),
  data: z.record(z.string(), z.json()),
})
export type SagaCommand = Readonly<z.output<typeof SagaCommand>>

export const SagaReply = z.strictObject({
  v: z.literal(1),
  id: z.string(),
  sagaId: idOf<'saga'>(),
  step: StepId,
  dir: SagaDirection,
  attempt: z.int().min(1),
  outcome: SagaOutcome,
  code: z.string().optional(),
  data: z.record(z.string(), z.json()).optional(),
  at: At,
  service: ServiceName,
  instance: z.string(),
})
export type SagaReply = Readonly<z.output<typeof SagaReply>>

/** What an undo answers: the effect was taken back, or there was none. */
export const UndoEffect = z.strictObject({ effect: z.enum(['reversed', 'none']) })

export const COMMAND_MAX_BYTES = 16_384

export function commandSubject(service: string, sagaId: string, step: string, dir: 'do' | 'undo'): string {
  return `saga.cmd.${service}.${sagaId}.${step}.${dir}`
}

export function replySubject(sagaId: string, step: string): string {
  return `saga.rep.${sagaId}.${step}`
}

export function commandMessageId(sagaId: string, step: string, dir: 'do' | 'undo', attempt: number): string {
  return `${sagaId}/${step}/${dir}/${attempt}`
}
